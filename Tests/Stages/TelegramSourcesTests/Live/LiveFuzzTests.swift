import FileSupport
import Foundation
import JSONSupport
import PostFormat
import TelegramSources
import TestSupport
import Testing

/// What messages and configurations with random damage are read as; LIVE_FUZZ_INPUTS in the
/// environment says how many there are.
@Suite("Damaged answers of TDLib and configurations")
struct LiveFuzzTests {
  private let count =
    ProcessInfo.processInfo.environment["LIVE_FUZZ_INPUTS"].flatMap(Int.init) ?? 3000

  /// Messages with everything in them, as the members of an object.
  private static let seeds = [
    #"""
    "edit_date":160,"interaction_info":{"view_count":7,"reactions":{"reactions":[
     {"type":{"@type":"reactionTypeEmoji","emoji":"👍"},"total_count":3},
     {"type":{"@type":"reactionTypeCustomEmoji","custom_emoji_id":"5"},"total_count":1}]}},
    "forward_info":{"origin":{"@type":"messageOriginHiddenUser","sender_name":"x"}},
    "reply_to":{"@type":"messageReplyToMessage","chat_id":-1001,"message_id":4194304},
    "content":{"@type":"messageText","text":{"@type":"formattedText","text":"🔥a\r\nb\rc",
     "entities":[{"offset":0,"length":3,"type":{"@type":"textEntityTypeTextUrl","url":"u"}},
     {"offset":2,"length":5,"type":{"@type":"textEntityTypeBold"}}]}}
    """#,
    #"""
    "content":{"@type":"messagePoll","description":{"text":"d","entities":[]},"poll":{
     "question":{"text":"q","entities":[]},"options":[{"text":{"text":"a"}},{"text":{"text":"b"}}]}}
    """#,
    #"""
    "content":{"@type":"messageRichMessage","message":{"is_full":true,"blocks":[
     {"@type":"pageBlockList","items":[{"label":"1.","blocks":[{"@type":"pageBlockParagraph","text":
      {"@type":"richTexts","texts":[{"@type":"richTextBold","text":{"@type":"richTextPlain",
       "text":"a\r\n"}},{"@type":"richTextUrl","text":{"@type":"richTextPlain","text":"b"},
       "url":"u"},{"@type":"richTextCustomEmoji","alternative_text":"🔥"}]}}]}]},
     {"@type":"pageBlockTable","caption":{"@type":"richTextPlain","text":"t"},"cells":[
      [{"text":{"@type":"richTextPlain","text":"x"}},{"text":null}]]},
     {"@type":"pageBlockBlockQuote","blocks":[{"@type":"pageBlockPreformatted",
      "text":{"@type":"richTextPlain","text":"c"}}],"credit":{"@type":"richTexts","texts":[]}},
     {"@type":"pageBlockPhoto","caption":{"@type":"pageBlockCaption",
      "text":{"@type":"richTextPlain","text":"p"}}}]}}
    """#,
    #"""
    "content":{"@type":"messageAnimatedEmoji","emoji":"😀","animated_emoji":{"sticker":{
     "full_type":{"@type":"stickerFullTypeCustomEmoji"}}}}
    """#,
  ]

  private static let values: [JSONValue] = [
    .null, true, 0, -1, 1, 5_242_880, .integer(.max), .integer(.min), 1.5, .number(.infinity), "",
    "9223372036854775807", "-1", "🔥\r\n\r", "\u{0}", [], [:], [.null], ["@type": 5],
    ["@type": "messageText"], ["@type": "richTextPlain", "text": "\r"], ["text": "x"],
    ["@type": "pageBlockCaption", "text": ["@type": "richTexts", "texts": ["y"]]],
  ]

  /// All values in `value`, itself among them.
  private func parts(of value: JSONValue) -> [JSONValue] {
    let inner = (value.elements ?? []) + (value.members ?? []).map(\.value)
    return [value] + inner.flatMap(parts)
  }

  /// `value`, of which each part is replaced, left out or doubled with a small chance.
  private func damaged(
    _ value: JSONValue, _ spares: [JSONValue], _ generator: inout SeededGenerator
  ) -> JSONValue {
    if Int.random(in: 0..<24, using: &generator) == 0 {
      return spares.randomElement(using: &generator) ?? .null
    }
    func copies() -> Int {
      let chance = Int.random(in: 0..<40, using: &generator)
      return chance == 0 ? 0 : chance == 1 ? 2 : 1
    }
    switch value {
    case .array(let elements):
      return .array(
        elements.flatMap { element in
          (0..<copies()).map { _ in damaged(element, spares, &generator) }
        })
    case .object(let members):
      return .object(
        members.flatMap { member in
          (0..<copies()).map { _ in
            JSONValue.Member(member.key, damaged(member.value, spares, &generator))
          }
        })
    default: return value
    }
  }

  @Test("become posts that keep what posts promise, or none")
  func messages() throws {
    let seeds = try Self.seeds.map { members in
      let text = #"{"@type":"message","id":5242880,"chat_id":-1001,"date":100,\#(members)}"#
      return try Array(text.utf8).withUnsafeBytes { bytes in
        var reader = JSONReader(bytes: bytes, path: "seed")
        return try JSONValue(&reader)
      }
    }
    let spares = Self.values + seeds.flatMap(parts)
    var generator = SeededGenerator(state: 1)
    var options = SourceOptions()
    var posts: [Post] = []
    for number in 1...count {
      options.includesPolls = number % 2 == 0
      var json = damaged(seeds[number % seeds.count], spares, &generator)
      if number % 4 == 0 { json = damaged(json, spares, &generator) }
      let message = LiveMessage(
        id: number, chatID: -1001, json: json, forwardedFrom: nil, options: options)
      guard let post = message.post else { continue }
      #expect(!post.text.utf8.contains(0x0D))
      let units = Array(post.text.utf16)
      for entity in post.entities {
        let end = entity.offset + entity.length
        #expect(entity.offset >= 0 && entity.length > 0 && end <= units.count)
        for bound in [entity.offset, end] where bound < units.count {
          #expect(!UTF16.isTrailSurrogate(units[bound]))
        }
      }
      posts.append(post)
    }
    #expect(posts.count > count / 4)
    // What is written is read as it was.
    let folder = try TemporaryFolder()
    let writer = try PostWriter(path: folder.path("posts.jsonl"))
    for post in posts { try writer.write(post) }
    try writer.commit()
    var copies: [Post] = []
    try PostReader.forEach(path: folder.path("posts.jsonl")) { copies.append($1) }
    #expect(copies == posts)
  }

  @Test("are read or refused")
  func configurations() throws {
    let seed = Array(
      """
      \u{FEFF}# c\r\n[Telegram]\r\napi_id = 1\n  2\n\n ; d\napi_hash: 0123\r[DEFAULT]\nx = 1\n[А] y
      ключ = значение
      """.utf8)
    let pieces = [
      "[", "]", "=", ":", "\r", "\n", "\r\n", " ", "\t", "#", ";", "\u{2028}", "[]", "ß",
    ]
    .map { Array($0.utf8) }
    var generator = SeededGenerator(state: 2)
    var (read, refused) = (0, 0)
    for _ in 0..<count {
      var text = seed
      for _ in 0...Int.random(in: 0..<6, using: &generator) {
        let place = Int.random(in: 0...text.count, using: &generator)
        let end = min(text.count, place + Int.random(in: 0..<10, using: &generator))
        switch Int.random(in: 0..<4, using: &generator) {
        case 0: text.removeSubrange(place..<end)
        case 1: text.insert(contentsOf: Array(text[place..<end]), at: place)
        case 2: text.insert(UInt8.random(in: 0...255, using: &generator), at: place)
        default: text.insert(contentsOf: pieces.randomElement(using: &generator) ?? [], at: place)
        }
      }
      do {
        let file = try INIFile(text, path: "config.ini", exampleSection: "Telegram")
        #expect(file.sections.values.allSatisfy { $0.values.allSatisfy { $0.line > 0 } })
        read += 1
      } catch {
        refused += 1
      }
    }
    #expect(read > 0 && refused > 0)
  }
}
