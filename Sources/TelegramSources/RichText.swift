import FileSupport
import PostFormat

/// The text of a rich message, put together from its tree of blocks.
///
/// The names of blocks change from version to version, so each block is walked for what may hold
/// text, in the order in which it stands there.
struct RichText {
  private(set) var text = ""
  private(set) var entities: [Post.Entity] = []

  /// The length of the text in UTF-16 units.
  private var length = 0
  /// Whether what follows goes on with the line: behind the mark of an item of a list.
  private var continuesLine = true

  /// Appends a list of `pageBlock…`, each on lines of its own.
  mutating func append(blocks: JSONValue?) {
    for block in blocks?.elements ?? [] { append(block: block) }
    entities.sort { ($0.offset, -$0.length) < ($1.offset, -$1.length) }
  }

  private mutating func append(block: JSONValue) {
    let start = length
    for member in block.members ?? [] {
      switch member.key {
      case "blocks":
        for block in member.value.elements ?? [] { append(block: block) }
      case "items":
        for item in member.value.elements ?? [] { append(item: item) }
      case "cells":
        for row in member.value.elements ?? [] { append(row: row) }
      case "cover": append(block: member.value)
      // The only strings that are text themselves: a formula, the title of a linked channel.
      case "expression", "title": append(line: member.value)
      default:
        if member.value.type.hasPrefix("richText") {
          append(line: member.value)
        } else if member.value.type == "pageBlockCaption" {
          append(block: member.value)
        }
      }
    }
    switch block.type {
    case "pageBlockPreformatted": mark("pre", from: afterLineBreak(start))
    case "pageBlockBlockQuote", "pageBlockExpandableBlockQuote", "pageBlockPullQuote":
      mark("blockquote", from: afterLineBreak(start))
    default: break
    }
  }

  private mutating func append(item: JSONValue) {
    beginLine()
    let label = item["label"]?.string ?? ""
    if !label.isEmpty { append(plain: label + " ") }
    continuesLine = true
    append(block: item)
    continuesLine = false
  }

  private mutating func append(row: JSONValue) {
    beginLine()
    for (index, cell) in (row.elements ?? []).enumerated() {
      if index > 0 { append(plain: " | ") }
      append(span: cell["text"] ?? .null)
    }
  }

  private mutating func append(line: JSONValue) {
    let (before, continued) = (length, continuesLine)
    beginLine()
    let start = length
    append(span: line)
    guard length == start else { return }
    // What has no text, such as an anchor, takes no line.
    if length > before { text.removeLast() }
    (length, continuesLine) = (before, continued)
  }

  private mutating func beginLine() {
    if length > 0, !continuesLine { append(plain: "\n") }
    continuesLine = false
  }

  // MARK: - Spans

  /// Appends a `richText…` or a string.
  private mutating func append(span: JSONValue) {
    if let string = span.string { return append(plain: string) }
    let start = length
    switch span.type {
    case "richTextCustomEmoji": append(plain: span["alternative_text"]?.string ?? "")
    case "richTextMathematicalExpression": append(plain: span["expression"]?.string ?? "")
    default:
      if let text = span["text"] { append(span: text) }
      for part in span["texts"]?.elements ?? [] { append(span: part) }
    }
    guard let word = Self.words[span.type] else { return }
    mark(word, from: start, url: word == "text_link" ? span["url"]?.string : nil)
  }

  private mutating func append(plain string: String) {
    let unified = string.replacing("\r\n", with: "\n").replacing("\r", with: "\n")
    text += unified
    length += unified.utf16.count
  }

  private mutating func mark(_ type: String, from offset: Int, url: String? = nil) {
    guard length > offset else { return }
    entities.append(Post.Entity(type: type, offset: offset, length: length - offset, url: url))
  }

  /// Where a block begins that was appended at `offset`: behind the line break before it.
  private func afterLineBreak(_ offset: Int) -> Int {
    text.utf16.dropFirst(offset).first == 0x0A ? offset + 1 : offset
  }

  private static let words = [
    "richTextBold": "bold", "richTextItalic": "italic", "richTextUnderline": "underline",
    "richTextStrikethrough": "strikethrough", "richTextSpoiler": "spoiler",
    "richTextFixed": "code", "richTextUrl": "text_link", "richTextEmailAddress": "email",
    "richTextPhoneNumber": "phone", "richTextMention": "mention",
    "richTextMentionName": "mention_name", "richTextHashtag": "hashtag",
    "richTextCashtag": "cashtag", "richTextBotCommand": "bot_command",
    "richTextBankCardNumber": "bank_card", "richTextCustomEmoji": "custom_emoji",
  ]
}
