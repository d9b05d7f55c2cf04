/// Posts under `#БТnews`: what the channel says of itself is no bugurt.
///
/// The first line with something to see decides: if it begins with the hashtag, in any case, the
/// post is news.
public struct ChannelNews: CleaningRule {
  /// What becomes of news.
  public enum Treatment: String, CaseIterable, Sendable {
    /// The whole post goes.
    case post
    /// The line of the hashtag goes.
    case line
    /// Nothing goes.
    case keep
  }

  public static let declaration = RuleDeclaration(
    "channel-news", "posts under #БТnews are the channel's own news, not bugurts",
    settings: [
      .word(
        "news", Treatment.post.rawValue, of: Treatment.allCases.map(\.rawValue),
        "what goes: the post, the line of the hashtag, or nothing (keep)")
    ]
  ) { ChannelNews(Treatment(rawValue: $0.word("news")) ?? .post) }

  private let treatment: Treatment
  private let hashtag = pattern("#БТnews")

  /// A rule that treats news by `treatment`.
  public init(_ treatment: Treatment = .post) {
    self.treatment = treatment
  }

  public func apply(to draft: inout Draft) -> RuleOutcome {
    guard treatment != .keep, let index = draft.firstVisibleLine else { return .unchanged }
    let isNews = draft.withLine(index) { line in
      end(of: hashtag, at: offsetOfVisible(in: line) ?? 0, in: line) != nil
    }
    guard isNews else { return .unchanged }
    if treatment == .post { return .dropped }
    draft.lines.remove(at: index)
    return .changed
  }
}
