/// Drops posts under `#БТnews`: what the channel says about itself is not a bugurt.
///
/// The first visible line decides: if it begins with the hashtag, in any case, the post is news.
public struct ChannelNewsRule: CleaningRule {
  /// What becomes of news.
  public enum Treatment: String, CaseIterable, Sendable {
    /// The whole post is dropped.
    case post
    /// The line with the hashtag is removed.
    case line
    /// Everything stays.
    case keep
  }

  public static let declaration = RuleDeclaration(
    Self.self, "channel-news", "posts under #БТnews are the channel's own news, not bugurts",
    settings: [
      .choice(
        "news", Treatment.post,
        "what is removed: the post, the line with the hashtag, or nothing (keep)")
    ])

  private let treatment: Treatment
  private let hashtag = Phrase("#БТnews")

  public init(_ settings: RuleSettings) {
    treatment = settings.choice("news")
  }

  public func apply(to draft: inout Draft) -> RuleOutcome {
    guard treatment != .keep, let index = draft.firstVisibleLine else { return .unchanged }
    let isNews = draft.withLine(index) { line in
      hashtag.end(in: line, at: line.firstVisible() ?? 0) != nil
    }
    guard isNews else { return .unchanged }
    if treatment == .post { return .dropped }
    draft.lines.remove(at: index)
    return .changed
  }
}
