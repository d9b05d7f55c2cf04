import CorpusFormat
import PostFormat
import TextSupport

/// Runs the rules that examine a post by itself, and counts what they do.
///
/// Each thread has its own.
struct Cleaner {
  /// What became of the posts since the beginning, or since ``takeCounts()``.
  private(set) var funnel: Funnel

  private let empty: Funnel
  private var rules: [any CleaningRule]
  private(set) var draft = Draft()

  /// A cleaner that runs those of `rules` that are on.
  init(_ rules: RuleSet) {
    self.rules = rules.postRules
    funnel = Funnel(
      recipe: rules.recipe.rawValue, isOnePostALine: rules.recipe.isOnePostALine,
      steps: rules.active.map { Funnel.Step(rule: $0.name, settings: $0.settings.json) })
    empty = funnel
  }

  /// What became of the posts since the last call, or the beginning.
  mutating func takeCounts() -> Funnel {
    defer { funnel = empty }
    return funnel
  }

  /// Cleans `post`; returns the name of the rule that dropped it, or `nil` if its text is in ``draft``.
  ///
  /// Each step is added to `explanation`, if there is one.
  mutating func clean(_ post: Post, explaining explanation: inout Explanation?) -> String? {
    draft.load(post)
    funnel.postsIn += 1
    funnel.bytesIn += draft.bytes.count
    funnel.charactersIn += draft.bytes.span.scalarCount
    for index in rules.indices {
      let outcome = rules[index].apply(to: &draft)
      if explanation != nil {
        explanation?.steps.append(
          .init(rule: funnel.steps[index].rule, outcome: outcome, text: draft.string))
      }
      switch outcome {
      case .unchanged: break
      case .changed: funnel.steps[index].changed += 1
      case .dropped:
        funnel.steps[index].dropped += 1
        return funnel.steps[index].rule
      }
    }
    return nil
  }
}
