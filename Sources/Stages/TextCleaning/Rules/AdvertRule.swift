import PostFormat

/// Drops adverts: posts with a call to action and a target that it points to.
///
/// A call to action is one of the phrases, in any case, at the beginning of a word; the target is a
/// link, an address or an `@name`. Neither alone makes an advert: bugurts mention subscribing, and
/// many end with a link to their channel. A post with separators is a bugurt: only its lines with a
/// call to action are removed. Names and addresses of the channel itself belong in `own`.
public struct AdvertRule: CleaningRule {
  /// Which links make a post without a call to action an advert.
  public enum LinkedAdvert: String, CaseIterable, Sendable {
    /// None.
    case none
    /// Invitations to closed channels.
    case invitations
    /// Any link to Telegram.
    case telegram
  }

  /// The default calls to action.
  public static let phrases = [
    "подписывайся", "подписывайтесь", "подпишись", "подпишитесь", "жми сюда", "жмите сюда",
    "жми на", "жмите на", "тыкай сюда", "тыкай на", "переходи по", "переходите по",
    "ссылка в описании", "ссылка ниже", "вступай в", "вступайте в", "присоединяйся",
    "присоединяйтесь", "заходи к нам", "заходите к нам", "наш канал", "наш чат", "промокод",
    "на правах рекламы", "реклама:", "реклама.", "erid", "заказать рекламу",
    "по вопросам рекламы",
  ]

  public static let declaration = RuleDeclaration(
    Self.self, "adverts", "posts that ask readers to follow a link or a name are advertising",
    settings: [
      .list("phrases", phrases, "calls to action, in any case, at the beginning of a word"),
      .choice(
        "links", LinkedAdvert.none, "links that make a post without such a phrase an advert"),
      .list("own", [], "names and addresses of the channel itself, such as bugurt_thread"),
    ])

  private let phrases: PhraseTable
  /// Parts of links that make a post an advert by themselves.
  private let advertisingLinks: [Phrase]
  private let own: [Phrase]

  public init(_ settings: RuleSettings) {
    phrases = PhraseTable(settings.list("phrases"))
    own = settings.list("own").map(Phrase.init)
    let links: [String] =
      switch settings.choice("links") as LinkedAdvert {
      case .none: []
      case .invitations: ["t.me/+", "t.me/joinchat/", "telegram.me/joinchat/", "tg://join"]
      case .telegram: ["t.me/", "telegram.me/", "tg://"]
      }
    advertisingLinks = links.map(Phrase.init)
  }

  public func apply(to draft: inout Draft) -> RuleOutcome {
    let mayHaveTarget =
      !draft.entities.isEmpty || (draft.mayContain(UInt8(ascii: "@")) && draft.mayContainLatin)
      || draft.mayContainAddress
    guard mayHaveTarget, hasTarget(draft, where: { _ in true }) else { return .unchanged }
    if !advertisingLinks.isEmpty,
      hasTarget(draft, where: { link in advertisingLinks.contains { $0.isContained(in: link) } })
    {
      return .dropped
    }
    let isBugurt = draft.lines.indices.contains { index in
      draft.withLine(index) { line in
        line.visibleRange.count == 1 && line[line.visibleRange.lowerBound] == UInt8(ascii: "@")
      }
    }
    let outcome = draft.removeLines { phrases.hasMatch(in: $0) }
    return outcome == .changed && !isBugurt ? .dropped : outcome
  }

  /// Whether the post has a link, an address or a name that is not the channel's own and for which
  /// `isIncluded` holds.
  private func hasTarget(_ draft: Draft, where isIncluded: (Span<UInt8>) -> Bool) -> Bool {
    draft.entities.contains { entity in
      switch entity.type {
      case "text_link":
        let url = entity.url ?? ""
        return isForeign(url.utf8.span) && isIncluded(url.utf8.span)
      case "link", "mention":
        let text = draft.bytes.span.extracting(draft.byteRange(of: entity))
        return isForeign(text) && isIncluded(text)
      default: return false
      }
    }
      || draft.lines.indices.contains { index in
        draft.withLine(index) { line in
          !line.allWordsSatisfy {
            !(($0.isMention || $0.containsAddress()) && isForeign($0) && isIncluded($0))
          }
        }
      }
  }

  private func isForeign(_ text: Span<UInt8>) -> Bool {
    !own.contains { $0.isContained(in: text) }
  }
}
