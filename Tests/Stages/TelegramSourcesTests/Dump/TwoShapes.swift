import Foundation
import PostFormat

/// A message as it is in the memory of an exporter, which writes it in JSON or in HTML.
///
/// Both shapes follow what Telegram Desktop does with the same message, so that what is read of both
/// must be the same.
struct ExportedMessage {
  /// A part of the text; plain if it has no type.
  struct Part {
    var type: String?
    var text: String
    var url: String?
    /// The file of a custom emoji; `nil` if it was not loaded.
    var document: String?
  }

  var id: Int
  var date: Int
  var isService = false
  var isJoined = false
  var parts: [Part] = []
  var forwardedFrom: String??
  var replyTo: Int?
  /// The word for the media in `formats.md`.
  var media: String?
  var poll: (question: String, options: [String])?
  var reactions: [(emoji: String, count: Int)] = []

  // MARK: - JSON

  /// The message as an object of `messages`.
  var json: String {
    if isService {
      return #"{"id": \#(id), "type": "service", "date_unixtime": "\#(date)", "text": ""}"#
    }
    var members = [#""id": \#(id)"#, #""type": "message""#, #""date_unixtime": "\#(date)""#]
    if let forwardedFrom {
      members.append(#""forwarded_from": \#(forwardedFrom.map(Self.quoted) ?? "null")"#)
    }
    if let replyTo { members.append(#""reply_to_message_id": \#(replyTo)"#) }
    switch media {
    case "photo", "file": members.append(#""\#(media ?? "")": "(File not included.)""#)
    case "venue":
      members.append(#""location_information": {"latitude": 1.5}, "place_name": "Кафе""#)
    case "location": members.append(#""location_information": {"latitude": 1.5}"#)
    case "poll":
      let options = poll?.options.map { #"{"text": \#(Self.quoted($0)), "voters": 1}"# } ?? []
      members.append(
        #""poll": {"question": \#(Self.quoted(poll?.question ?? "")), "#
          + #""answers": [\#(options.joined(separator: ","))]}"#)
    case let media?: members.append(#""media_type": "\#(media)""#)
    case nil: break
    }
    members.append(#""text": \#(jsonText(isArray: false))"#)
    members.append(#""text_entities": \#(jsonText(isArray: true))"#)
    let objects = reactions.map { emoji, count in
      if emoji == "paid" { return #"{"type": "paid", "count": \#(count)}"# }
      return #"{"type": "emoji", "count": \#(count), "emoji": "\#(emoji)"}"#
    }
    if !objects.isEmpty { members.append(#""reactions": [\#(objects.joined(separator: ","))]"#) }
    return "{" + members.joined(separator: ", ") + "}"
  }

  private func jsonText(isArray: Bool) -> String {
    if parts.isEmpty { return isArray ? "[]" : #""""# }
    if !isArray, parts.count == 1, parts[0].type == nil { return Self.quoted(parts[0].text) }
    var items = parts.map { part in
      let text = Self.quoted(part.text)
      guard let type = part.type else {
        return isArray ? #"{"type": "plain", "text": \#(text)}"# : text
      }
      var object = #"{"type": "\#(type)", "text": \#(text)"#
      if let url = part.url { object += #", "href": \#(Self.quoted(url))"# }
      if let document = part.document { object += #", "document_id": "\#(document)""# }
      return object + "}"
    }
    // The writer compares an offset in UTF-16 with a length in UTF-8.
    let hasOther = parts.contains { $0.text.utf8.contains { $0 >= 0x80 } }
    if parts.last?.type != nil, hasOther {
      items.append(isArray ? #"{"type": "plain", "text": ""}"# : #""""#)
    }
    return "[" + items.joined(separator: ",") + "]"
  }

  private static func quoted(_ text: String) -> String {
    var quoted = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": quoted += "\\\""
      case "\\": quoted += "\\\\"
      case "\n": quoted += "\\n"
      case "\r": quoted += "\\r"
      case "\t": quoted += "\\t"
      case "\0"..<" ":
        quoted +=
          "\\x" + (scalar.value < 16 ? "0" : "") + String(scalar.value, radix: 16, uppercase: true)
      default: quoted.unicodeScalars.append(scalar)
      }
    }
    return quoted + "\""
  }

  // MARK: - HTML

  /// The message as it stands in a page; times are told in the zone `hours` ahead of UTC.
  func html(hours: Int) -> String {
    if isService { return htmlServiceMessage(id, "Channel photo changed") }
    var body = ""
    let content = (replyTo.map(Self.reply) ?? "") + htmlMedia + htmlTextPart
    if let forwardedFrom {
      let name = forwardedFrom ?? "Deleted Account"
      body += htmlPart(
        "forwarded body",
        htmlPart("from_name", Self.escaped(name) + #" <span class="date details"> 1</span>"#)
          + content)
    } else {
      body += content
    }
    if !reactions.isEmpty {
      body += htmlPart("reactions", reactions.map(Self.reaction).joined())
    }
    return htmlMessage(id, body, date: Self.time(date, hours: hours), isJoined: isJoined)
  }

  private static func time(_ date: Int, hours: Int) -> String {
    let local = DateText.text(date + hours * 3600)
    let parts = local.dropLast().split(whereSeparator: { "-T".contains($0) })
    let zone = "\(hours < 0 ? "-" : "+")\(abs(hours) < 10 ? "0" : "")\(abs(hours)):00"
    return "\(parts[2]).\(parts[1]).\(parts[0]) \(parts[3]) UTC\(zone)"
  }

  private static func reply(_ id: Int) -> String {
    let link =
      "<a href=\"#go_to_message\(id)\" onclick=\"return GoToMessage(\(id))\">this message</a>"
    return htmlPart("reply_to details", "In reply to " + link)
  }

  private static func reaction(_ emoji: String, _ count: Int) -> String {
    let isPaid = emoji == "paid"
    return htmlPart(
      isPaid ? "reaction paid" : "reaction",
      htmlPart("emoji", isPaid ? "⭐" : emoji) + htmlPart("count", String(count)))
  }

  private var htmlTextPart: String {
    parts.isEmpty ? "" : htmlText(parts.map(Self.markup).joined())
  }

  private var htmlMedia: String {
    func row(_ word: String, _ title: String) -> String {
      htmlPart(
        "media clearfix pull_left media_\(word)", htmlPart("body", htmlPart("title bold", title)))
    }
    let content =
      switch media {
      case nil: ""
      case "photo":
        htmlBlock("a", #"class="photo_wrap clearfix pull_left" href="p.jpg""#, "", depth: 8)
      case "video_message": row("video", "Video message")
      case "animation": row("video", "Animation")
      case "video_file": row("video", "Video file")
      case "sticker": row("photo", "Sticker")
      case "poll":
        htmlPart(
          "media_poll",
          htmlPart("question bold", Self.escaped(poll?.question ?? ""))
            + (poll?.options ?? []).map {
              htmlPart("answer", "- \(Self.escaped($0)) <span class=\"details\">1 vote</span>")
            }.joined())
      case let media?: row(media, "x")
      }
    return content.isEmpty ? "" : htmlPart("media_wrap clearfix", content)
  }

  private static let tags = [
    "bold": "strong", "italic": "em", "underline": "u", "strikethrough": "s", "code": "code",
    "pre": "pre", "blockquote": "blockquote",
  ]

  private static let callbacks = [
    "hashtag": "ShowHashtag", "cashtag": "ShowCashtag", "bot_command": "ShowBotCommand",
  ]

  private static func markup(_ part: Part) -> String {
    let text = escaped(part.text)
    guard let type = part.type else { return text }
    if let tag = tags[type] { return "<\(tag)>\(text)</\(tag)>" }
    if let callback = callbacks[type] {
      let argument = escaped("\"" + escaped(String(part.text.dropFirst())) + "\"")
      return "<a href=\"\" onclick=\"return \(callback)(\(argument))\">\(text)</a>"
    }
    return switch type {
    case "link": "<a href=\"\(text)\">\(text)</a>"
    case "email": "<a href=\"mailto:\(text)\">\(text)</a>"
    case "phone": "<a href=\"tel:\(text)\">\(text)</a>"
    case "mention": "<a href=\"https://t.me/\(text.dropFirst())\">\(text)</a>"
    case "mention_name": "<a href=\"\" onclick=\"return ShowMentionName()\">\(text)</a>"
    case "text_link": "<a href=\"\(escaped(part.url ?? ""))\">\(text)</a>"
    case "spoiler":
      "<span class=\"spoiler hidden\" onclick=\"ShowSpoiler(this)\"><span aria-hidden=\"true\">"
        + "\(text)</span></span>"
    case "custom_emoji":
      (part.document.map { "<a href = \"\($0)\">" }
        ?? "<a href=\"\" onclick=\"return ShowNotLoadedEmoji();\">") + text + "</a>"
    default: text
    }
  }

  private static func escaped(_ text: String) -> String {
    var escaped = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\n": escaped += "<br>"
      case "\"": escaped += "&quot;"
      case "&": escaped += "&amp;"
      case "'": escaped += "&apos;"
      case "<": escaped += "&lt;"
      case ">": escaped += "&gt;"
      case "\0"..<" ":
        let digits = String(scalar.value, radix: 16, uppercase: true)
        escaped += "&#x\(digits.count < 2 ? "0" : "")\(digits);"
      default: escaped.unicodeScalars.append(scalar)
      }
    }
    return escaped
  }
}
