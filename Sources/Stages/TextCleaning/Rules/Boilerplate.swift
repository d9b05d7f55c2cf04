/// Lines that a channel puts at the head or the end of its posts, as the user lists them.
///
/// A line goes if it is one of the list, in any case, white space at its ends apart. Several in a
/// row go, too. `--suggest` finds such lines.
public struct Boilerplate: CleaningRule {
  public static let declaration = RuleDeclaration(
    "boilerplate", "lines that head or end many posts say nothing of any; --suggest finds them",
    settings: [
      .list("heads", [], "lines that go where they are the first of a post, in any case"),
      .list("tails", [], "lines that go where they are the last of a post, in any case"),
    ]
  ) { Boilerplate(heads: $0.list("heads"), tails: $0.list("tails")) }

  private let heads: [[UInt32]]
  private let tails: [[UInt32]]

  /// A rule that takes `heads` and `tails` away.
  public init(heads: [String], tails: [String]) {
    self.heads = heads.map(pattern)
    self.tails = tails.map(pattern)
  }

  public func apply(to draft: inout Draft) -> RuleOutcome {
    var outcome = RuleOutcome.unchanged
    while !heads.isEmpty, let first = draft.firstVisibleLine, isOne(of: heads, first, draft) {
      draft.lines.removeSubrange(...first)
      outcome = .changed
    }
    while !tails.isEmpty, let last = draft.lastVisibleLine, isOne(of: tails, last, draft) {
      draft.lines.removeSubrange(last...)
      outcome = .changed
    }
    return outcome
  }

  private func isOne(of patterns: [[UInt32]], _ line: Int, _ draft: Draft) -> Bool {
    draft.withLine(line) { line in
      let text = trimmed(line)
      return patterns.contains { end(of: $0, at: 0, in: text) == text.count }
    }
  }
}
