/// Removes lines that a channel puts above or below its posts, as listed by the user.
///
/// A line is removed if it is in the list, in any case and ignoring white space at its ends; so are
/// several in a row. `--suggest` finds such lines.
public struct BoilerplateRule: CleaningRule {
  public static let declaration = RuleDeclaration(
    Self.self, "boilerplate",
    "lines that begin or end many posts say nothing about any; --suggest finds them",
    settings: [
      .list("heads", [], "lines to remove where they are the first of a post, in any case"),
      .list("tails", [], "lines to remove where they are the last of a post, in any case"),
    ])

  private let heads: [Phrase]
  private let tails: [Phrase]

  public init(_ settings: RuleSettings) {
    heads = settings.list("heads").map(Phrase.init)
    tails = settings.list("tails").map(Phrase.init)
  }

  public func apply(to draft: inout Draft) -> RuleOutcome {
    var outcome = RuleOutcome.unchanged
    while !heads.isEmpty, let first = draft.firstVisibleLine, draft.isLine(first, in: heads) {
      draft.lines.removeSubrange(...first)
      outcome = .changed
    }
    while !tails.isEmpty, let last = draft.lastVisibleLine, draft.isLine(last, in: tails) {
      draft.lines.removeSubrange(last...)
      outcome = .changed
    }
    return outcome
  }
}

extension Draft {
  /// Whether the line at `index`, ignoring white space at its ends, is one of `phrases`.
  fileprivate func isLine(_ index: Int, in phrases: [Phrase]) -> Bool {
    withLine(index) { line in
      let text = line.extracting(line.visibleRange)
      return phrases.contains { $0.isEqual(to: text) }
    }
  }
}
