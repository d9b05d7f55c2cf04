import CorpusFormat
import PostFormat
import TextSupport

/// Runs the rules that look at a post by itself over posts, and counts what they do.
///
/// Each thread has one of its own.
public struct Cleaner {
  /// What became of the posts so far; with ``takeCounts()`` since then.
  public private(set) var funnel: Funnel

  private let empty: Funnel
  private let names: [String]
  private var rules: [any CleaningRule] = []
  private(set) var draft = Draft()

  /// A cleaner by those of `rules` that are on.
  public init(_ ruleSet: RuleSet) {
    let active = ruleSet.active
    for declaration in active {
      // The rules that look at other posts come last.
      guard case .post(let make) = declaration.scope else { break }
      rules.append(make(declaration.settings))
    }
    names = active.map(\.name)
    funnel = Funnel(
      recipe: ruleSet.recipe.rawValue, isOnePostALine: ruleSet.recipe.layout == .onePostALine,
      steps: active.map { Funnel.Step(rule: $0.name, settings: $0.settings.json) })
    empty = funnel
  }

  /// What became of the posts since the last call, or the beginning.
  mutating func takeCounts() -> Funnel {
    defer { funnel = empty }
    return funnel
  }

  /// Cleans `post`; returns whether it came through, or the number of the rule that dropped it.
  ///
  /// The text is then in ``draft``. With `explaining` each step is noted there.
  mutating func clean(_ post: Post, explaining: inout Explanation?) -> Int? {
    draft.load(post)
    funnel.postsIn += 1
    draft.bytes.withUnsafeBytes { text in
      funnel.bytesIn += text.count
      funnel.charactersIn += unicodeScalarCount(of: text)
    }
    for index in rules.indices {
      let outcome = rules[index].apply(to: &draft)
      if explaining != nil {
        explaining?.steps.append(.init(rule: names[index], outcome: outcome, text: draft.string))
      }
      switch outcome {
      case .unchanged: break
      case .changed: funnel.steps[index].changed += 1
      case .dropped:
        funnel.steps[index].dropped += 1
        return index
      }
    }
    return nil
  }

  /// Cleans `post`; returns its text, or `nil` if a rule drops it.
  public mutating func clean(_ post: Post) -> String? {
    var explanation: Explanation?
    return clean(post, explaining: &explanation) == nil ? draft.string : nil
  }
}
