import TextSupport

/// Drops posts that were forwarded: they are another channel's words.
public struct ForwardRule: CleaningRule {
  public static let declaration = RuleDeclaration(
    Self.self, "forwards", "forwarded posts are another channel's words")

  public init(_ settings: RuleSettings) {}

  public func apply(to draft: inout Draft) -> RuleOutcome {
    draft.isForward ? .dropped : .unchanged
  }
}

/// Drops posts that answer another post: some mean nothing without it.
///
/// Off by default, because channels also answer themselves with bugurts.
public struct ReplyRule: CleaningRule {
  public static let declaration = RuleDeclaration(
    Self.self, "replies", isOn: false, "posts that answer another may mean nothing without it")

  public init(_ settings: RuleSettings) {}

  public func apply(to draft: inout Draft) -> RuleOutcome {
    draft.isReply ? .dropped : .unchanged
  }
}

/// Drops polls without a text of their own: a question of the channel to its readers.
public struct PollRule: CleaningRule {
  public static let declaration = RuleDeclaration(
    Self.self, "polls", "polls without a text ask the readers something and tell nothing")

  public init(_ settings: RuleSettings) {}

  public func apply(to draft: inout Draft) -> RuleOutcome {
    draft.media == "poll" && draft.firstVisibleLine == nil ? .dropped : .unchanged
  }
}

/// Drops posts without text: pictures without a caption, and what the rules before have emptied.
///
/// A post of nothing but `@`, white space and invisible characters is empty, too.
public struct EmptyRule: CleaningRule {
  public static let declaration = RuleDeclaration(
    Self.self, "empty", "posts without text have nothing to learn from")

  public init(_ settings: RuleSettings) {}

  public func apply(to draft: inout Draft) -> RuleOutcome {
    let hasText = draft.lines.indices.contains { line in
      draft.withLine(line) { line in
        let end = line.end(from: 0) { $0 == 0x40 || ScalarKind(of: $0) != .visible }
        return end < line.count
      }
    }
    return hasText ? .unchanged : .dropped
  }
}
