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

/// Drops posts that reply to another post: some mean nothing without it.
///
/// Off by default, because channels also reply to themselves with bugurts.
public struct ReplyRule: CleaningRule {
  public static let declaration = RuleDeclaration(
    Self.self, "replies", isOn: false, "posts that reply to another may mean nothing without it")

  public init(_ settings: RuleSettings) {}

  public func apply(to draft: inout Draft) -> RuleOutcome {
    draft.isReply ? .dropped : .unchanged
  }
}

/// Drops polls without a text of their own: a question of the channel to its readers.
public struct PollRule: CleaningRule {
  public static let declaration = RuleDeclaration(
    Self.self, "polls", "polls without a text ask the readers something and say nothing")

  public init(_ settings: RuleSettings) {}

  public func apply(to draft: inout Draft) -> RuleOutcome {
    draft.media == "poll" && draft.firstVisibleLine == nil ? .dropped : .unchanged
  }
}

/// Drops posts without text: pictures without a caption, and posts that earlier rules have emptied.
///
/// A post that consists only of `@`, white space and invisible characters is also empty.
public struct EmptyRule: CleaningRule {
  public static let declaration = RuleDeclaration(
    Self.self, "empty", "posts without text hold nothing to learn")

  public init(_ settings: RuleSettings) {}

  public func apply(to draft: inout Draft) -> RuleOutcome {
    let hasText = draft.lines.indices.contains { line in
      draft.withLine(line) { line in
        let end = line.end(from: 0) { $0 == 0x40 || !ScalarKind(of: $0).isVisible }
        return end < line.count
      }
    }
    return hasText ? .unchanged : .dropped
  }
}
