import FileSupport
import Glibc
import PostFormat

/// A message of an export in HTML, with what a post needs of it.
///
/// The text is taken as it stands between its tags; all else is read by libxml2. One value serves for
/// all messages, so that its memory is taken once.
struct HTMLMessage {
  private let options: SourceOptions
  private let parser = HTMLFragmentParser()
  private let frame = HTMLFrame()

  /// The HTML of the message without its text and without the line breaks and indents between tags.
  private var rest: [UInt8] = []
  private var markup = HTMLMarkup()
  private var hasText = false
  /// The name of the source of the last forward, which is not repeated for messages in a row.
  private var lastForwardedFrom = ""

  /// Whether the date is one without a zone that nobody told.
  private(set) var isZoneless = false
  /// The kinds of the parts of a rich message that are not known.
  var unknownKinds: Set<String> { frame.richText.unknownKinds }
  /// Whether the page holds only the first part of the message.
  var isPartial: Bool { frame.richText.isPartial }

  init(options: SourceOptions) {
    self.options = options
  }

  var kind: HTMLFrame.Kind { frame.kind }

  /// Whether the message is a row with a date, or the note that there are no messages: these have
  /// ids from -1 down, while those of the group that a channel was before are near -1,000,000,000.
  var isNoMessage: Bool {
    guard frame.kind == .service, let id = frame.id else { return false }
    return id < 0 && id > -500_000_000
  }

  var id: Int? { frame.id }

  /// Reads the message whose HTML is `bytes`, at `offset` of the page `path`.
  ///
  /// - Throws: `InputError` if it is not UTF-8, or nested too deep.
  mutating func read(_ bytes: UnsafeRawBufferPointer, at offset: Int, of path: String) throws {
    try HTMLPage.checkUTF8(bytes, at: offset, of: path)
    rest.removeAll(keepingCapacity: true)
    markup.removeAll()
    let text = Self.text(of: bytes)
    hasText = text != nil
    if let text {
      HTMLText.read(UnsafeRawBufferPointer(rebasing: bytes[text]), into: &markup)
      markup.finish()
      appendWithoutIndents(UnsafeRawBufferPointer(rebasing: bytes[..<text.lowerBound]))
      appendWithoutIndents(UnsafeRawBufferPointer(rebasing: bytes[text.upperBound...]))
    } else {
      appendWithoutIndents(bytes)
    }
    if rest.count > Self.longestTag { removeLongTags() }
    frame.reset()
    guard rest.withUnsafeBytes({ parser.parse($0, frame) }) else {
      throw InputError(
        path, .byte(offset),
        "the message that begins here has elements nested more than \(HTMLFragmentParser.deepest) "
          + "deep: the page is damaged; export the chat again")
    }
  }

  /// Where the text of a message stands in its HTML: behind the line break that follows its tag, up
  /// to the last line break before the end of the element.
  private static func text(of bytes: UnsafeRawBufferPointer) -> Range<Int>? {
    guard let tag = HTMLPage.tag("<div class=\"text\">", in: bytes, from: 0) else { return nil }
    var start = tag.upperBound
    if start < bytes.count, bytes[start] == 0x0D { start += 1 }
    if start < bytes.count, bytes[start] == 0x0A { start += 1 }
    let close = bytes.range(of: "</div>", from: tag.upperBound)?.lowerBound ?? bytes.count
    var end = close
    while end > start, bytes[end - 1] == 0x20 || bytes[end - 1] == 0x09 { end -= 1 }
    guard end > start, bytes[end - 1] == 0x0A else { return start..<max(start, close) }
    end -= 1
    if end > start, bytes[end - 1] == 0x0D { end -= 1 }
    return start..<end
  }

  /// Forgets what messages in a row have from those before, because some of these are missing.
  mutating func forgetContext() {
    lastForwardedFrom = ""
  }

  /// Appends `bytes` to ``rest``, without the line breaks and indents between tags, and zeros.
  private mutating func appendWithoutIndents(_ bytes: UnsafeRawBufferPointer) {
    guard let base = bytes.baseAddress else { return }
    var index = 0
    while index < bytes.count {
      let found = memchr(base + index, 0x0A, bytes.count - index)
      let end = found.map { UnsafeRawPointer($0) - base } ?? bytes.count
      let hasReturn = end < bytes.count && end > index && bytes[end - 1] == 0x0D
      rest.append(
        contentsOf: UnsafeRawBufferPointer(rebasing: bytes[index..<(hasReturn ? end - 1 : end)]))
      index = end
      var textStart = index
      while index < bytes.count, bytes[index] <= 0x20 {
        if bytes[index] == 0x0A { textStart = index + 1 }
        index += 1
      }
      // Before a tag they are its indent, before text they are part of it.
      if index < bytes.count, bytes[index] != UInt8(ascii: "<") { index = textStart }
    }
    // libxml2 takes a zero for the end.
    if memchr(base, 0, bytes.count) != nil { rest.removeAll { $0 == 0 } }
  }

  /// No tag of an export comes near it.
  private static let longestTag = 16 * 1024

  /// Removes from ``rest`` tags that are longer than ``longestTag``: libxml2 compares each attribute
  /// with all before it.
  private mutating func removeLongTags() {
    var kept: [UInt8] = []
    var index = 0
    while index < rest.count {
      let start = rest[index...].firstIndex(of: UInt8(ascii: "<")) ?? rest.count
      kept += rest[index..<start]
      let end = rest[start...].firstIndex(of: UInt8(ascii: ">")).map { $0 + 1 } ?? rest.count
      if end - start <= Self.longestTag { kept += rest[start..<end] }
      index = end
    }
    rest = kept
  }

  /// The post that the message is; `nil` if it has no id or no date.
  mutating func makePost() -> Post? {
    guard let id = frame.id, let date = date() else { return nil }
    isZoneless = !date.hasZone && options.zone == nil
    let rich = frame.richText.builder
    let isRich = !hasText || !rich.bytes.isEmpty
    let text = String(decoding: isRich ? rich.bytes : markup.bytes, as: UTF8.self)
    var post = Post(id: id, date: date.seconds, text: text)
    post.entities = isRich ? rich.entities : markup.entities
    post.reactions = frame.reactions
    if frame.isForwarded { post.forwardedFrom = forwardedFrom() }
    post.replyTo = frame.replyTo
    post.media = frame.media
    if options.includesPolls, frame.media == "poll" || frame.media == "todo_list" {
      let poll = pollText(question: frame.question, options: frame.answers)
      post.text = post.text.isEmpty ? poll : post.text + "\n" + poll
    }
    return post
  }

  private mutating func forwardedFrom() -> String {
    // So the writer names who has no name any more.
    if let name = frame.forwardedFrom { lastForwardedFrom = name == "Deleted Account" ? "" : name }
    return lastForwardedFrom
  }

  /// The date of `22.01.2026 18:09:05 UTC+01:00`, where the zone may be missing.
  private func date() -> (seconds: Int, hasZone: Bool)? {
    let text = frame.date
    let length = 19
    guard text.count >= length, text[2] == UInt8(ascii: "."), text[5] == UInt8(ascii: ".") else {
      return nil
    }
    var ordered = Array(text[6..<10]) + [0x2D] + text[3..<5] + [0x2D] + text[0..<2]
    ordered += text[10..<length]
    let zone = text[length...]
    if zone.starts(with: " UTC".utf8) {
      ordered += zone.count == 4 ? [UInt8(ascii: "Z")] : Array(zone.dropFirst(4))
    } else {
      ordered += zone
    }
    let found = ordered.withUnsafeBytes { DateText.seconds($0, in: options.zone) }
    return found.flatMap { DateText.range.contains($0.seconds) ? $0 : nil }
  }
}
