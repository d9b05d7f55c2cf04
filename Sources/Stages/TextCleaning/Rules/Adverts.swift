import PostFormat

/// Adverts: posts with a call to action and something that it calls to.
///
/// A call to action is one of the phrases, in any case, at the beginning of a word; what it calls to
/// is a link, an address or an `@name`. Neither makes an advert alone: bugurts speak of subscribing,
/// and many end with a link of their channel. A post with separators is a bugurt: of that only the
/// lines with a call to action go. Names and addresses of the channel itself are to be listed as
/// `own`.
public struct Adverts: CleaningRule {
  /// Which links make an advert of a post that calls to nothing.
  public enum LinkedAdvert: String, CaseIterable, Sendable {
    /// None.
    case none
    /// Invitations to closed channels.
    case invitations
    /// Any link to Telegram.
    case telegram
  }

  /// The calls to action without a choice.
  public static let phrases = [
    "подписывайся", "подписывайтесь", "подпишись", "подпишитесь", "жми сюда", "жмите сюда",
    "жми на", "жмите на", "тыкай сюда", "тыкай на", "переходи по", "переходите по",
    "ссылка в описании", "ссылка ниже", "вступай в", "вступайте в", "присоединяйся",
    "присоединяйтесь", "заходи к нам", "заходите к нам", "наш канал", "наш чат", "промокод",
    "на правах рекламы", "реклама:", "реклама.", "erid", "заказать рекламу",
    "по вопросам рекламы",
  ]

  public static let declaration = RuleDeclaration(
    "adverts", "posts that call to follow a link or a name are advertising",
    settings: [
      .list("phrases", phrases, "calls to action, in any case, at the beginning of a word"),
      .word(
        "links", LinkedAdvert.none.rawValue, of: LinkedAdvert.allCases.map(\.rawValue),
        "links that make an advert without such a phrase"),
      .list("own", [], "names and addresses of the channel itself, such as bugurt_thread"),
    ]
  ) {
    Adverts(
      phrases: $0.list("phrases"), links: LinkedAdvert(rawValue: $0.word("links")) ?? .none,
      own: $0.list("own"))
  }

  private let phrases: PhraseTable
  private let links: LinkedAdvert
  private let own: [[UInt32]]

  /// A rule that knows adverts by `phrases` and `links`; links with one of `own` in them are none.
  public init(
    phrases: [String] = Adverts.phrases, links: LinkedAdvert = .none, own: [String] = []
  ) {
    self.phrases = PhraseTable(phrases)
    self.links = links
    self.own = own.map(pattern)
  }

  public func apply(to draft: inout Draft) -> RuleOutcome {
    let mayHaveText =
      (draft.mayContain(UInt8(ascii: "@")) && draft.mayContainLatin) || mayContainAddress(&draft)
    guard mayHaveText || !draft.entities.isEmpty, callsSomewhere(draft) else { return .unchanged }
    if links != .none, hasAdvertisingLink(draft) { return .dropped }
    let isBugurt = draft.lines.indices.contains { line in
      draft.withLine(line) { trimmed($0).elementsEqual([UInt8(ascii: "@")]) }
    }
    let outcome = draft.removeLines { phrases.stands(in: $0) }
    return outcome == .changed && !isBugurt ? .dropped : outcome
  }

  /// Whether there is a link, an address or a name that is not the channel's own.
  private func callsSomewhere(_ draft: Draft) -> Bool {
    draft.bytes.withUnsafeBytes { bytes in
      draft.entities.contains { entity in
        switch entity.type {
        case "text_link": isForeign(entity.url ?? "")
        case "link", "mention":
          isForeign(UnsafeRawBufferPointer(rebasing: bytes[draft.byteRange(of: entity)]))
        default: false
        }
      }
        || draft.lines.contains { line in
          let line = UnsafeRawBufferPointer(rebasing: bytes[line.range])
          return !forEachWord(of: line) { word in
            !((isMention(word) || containsAddress(word)) && isForeign(word))
          }
        }
    }
  }

  private func hasAdvertisingLink(_ draft: Draft) -> Bool {
    draft.bytes.withUnsafeBytes { bytes in
      draft.entities.contains { entity in
        switch entity.type {
        case "text_link":
          var url = entity.url ?? ""
          return url.withUTF8 { isAdvertising(UnsafeRawBufferPointer($0)) }
        case "link":
          return isAdvertising(UnsafeRawBufferPointer(rebasing: bytes[draft.byteRange(of: entity)]))
        default: return false
        }
      }
        || draft.lines.contains { line in
          let line = UnsafeRawBufferPointer(rebasing: bytes[line.range])
          return !forEachWord(of: line) { !(containsAddress($0) && isAdvertising($0)) }
        }
    }
  }

  private static let telegram = ["t.me/", "telegram.me/", "tg://"].map(pattern)
  private static let invitations = [
    "t.me/+", "t.me/joinchat/", "telegram.me/joinchat/", "tg://join",
  ]
  .map(pattern)

  private func isAdvertising(_ link: UnsafeRawBufferPointer) -> Bool {
    let wanted = links == .telegram ? Self.telegram : Self.invitations
    return isForeign(link) && wanted.contains { contains($0, in: link) }
  }

  private func isForeign(_ link: String) -> Bool {
    var link = link
    return link.withUTF8 { isForeign(UnsafeRawBufferPointer($0)) }
  }

  private func isForeign(_ link: UnsafeRawBufferPointer) -> Bool {
    !own.contains { contains($0, in: link) }
  }

  /// Whether `pattern` stands anywhere in `text`, whatever the case.
  private func contains(_ pattern: [UInt32], in text: UnsafeRawBufferPointer) -> Bool {
    text.indices.contains { end(of: pattern, at: $0, in: text) != nil }
  }
}
