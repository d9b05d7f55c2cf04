import FileSupport

/// Writes posts as JSON lines: contract 1 of `docs/formats.md`.
///
/// The file takes its name with ``commit()``; without it nothing appears.
public final class PostWriter {
  /// How many posts were written.
  public private(set) var count = 0

  private let file: OutputFile
  private var lastID: Int?
  private var line: [UInt8] = []

  /// Creates the file `path`; `-` is standard output.
  ///
  /// - Throws: ``FileError``.
  public init(path: String) throws {
    file = try OutputFile(path: path)
  }

  /// Appends `post`, whose id must be above that of the last.
  ///
  /// - Throws: ``FileError``; ``InputError`` if the id does not ascend or the year of a date does not
  ///   have four digits.
  public func write(_ post: Post) throws {
    if let lastID, post.id <= lastID {
      throw InputError(
        file.path, .line(count + 1), "post \(post.id) follows post \(lastID); ids must ascend")
    }
    for date in [post.date, post.edited ?? post.date] where !DateText.range.contains(date) {
      throw InputError(
        file.path, .line(count + 1),
        "post \(post.id): \(date) s since 1970 is not in the years 0 to 9999")
    }
    lastID = post.id
    count += 1
    line.removeAll(keepingCapacity: true)
    Self.append(post, to: &line)
    line.append(0x0A)
    try file.write(line)
  }

  /// Brings the posts to the disk and gives the file its name.
  ///
  /// - Throws: ``FileError``; the file then does not appear.
  public func commit() throws {
    try file.commit()
  }

  /// Appends the JSON of `post` to `line`.
  private static func append(_ post: Post, to line: inout [UInt8]) {
    line.append(#"{"id":"#)
    line.appendDecimal(post.id)
    line.append(#","date":""#)
    DateText.append(post.date, to: &line)
    line.append(#"","text":"#)
    line.appendJSONString(post.text)
    if let edited = post.edited {
      line.append(#","edited":""#)
      DateText.append(edited, to: &line)
      line.append("\"")
    }
    appendEntities(of: post, to: &line)
    if let views = post.views {
      line.append(#","views":"#)
      line.appendDecimal(views)
    }
    if !post.reactions.isEmpty {
      line.append(#","reactions":"#)
      for (index, reaction) in post.reactions.enumerated() {
        line.append(index == 0 ? "{" : ",")
        line.appendJSONString(reaction.emoji)
        line.append(":")
        line.appendDecimal(reaction.count)
      }
      line.append("}")
    }
    if let name = post.forwardedFrom {
      line.append(#","forwarded_from":"#)
      line.appendJSONString(name)
    }
    if let id = post.replyTo {
      line.append(#","reply_to":"#)
      line.appendDecimal(id)
    }
    if let media = post.media {
      line.append(#","media":"#)
      line.appendJSONString(media)
    }
    line.append("}")
  }

  private static func appendEntities(of post: Post, to line: inout [UInt8]) {
    guard !post.entities.isEmpty else { return }
    line.append(#","entities":"#)
    for (index, entity) in post.entities.enumerated() {
      line.append(index == 0 ? #"[{"type":"# : #",{"type":"#)
      line.appendJSONString(entity.type)
      line.append(#","offset":"#)
      line.appendDecimal(entity.offset)
      line.append(#","length":"#)
      line.appendDecimal(entity.length)
      if let url = entity.url {
        line.append(#","url":"#)
        line.appendJSONString(url)
      }
      line.append("}")
    }
    line.append("]")
  }
}

extension [UInt8] {
  fileprivate mutating func append(_ text: StaticString) {
    append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
  }

  /// Appends `value` in decimal digits.
  fileprivate mutating func appendDecimal(_ value: Int) {
    // Up to 15 characters a string needs no memory of its own.
    append(contentsOf: String(value).utf8)
  }
}
