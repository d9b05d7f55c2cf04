import FileSupport
import JSONSupport
import PostFormat
import TextSupport

/// What has been fetched from a channel so far, kept on disk so that an interrupted dump can be
/// resumed.
///
/// The first line names the channel. Then, for each page in the order fetched, comes a line for
/// each post (section 1 of `docs/formats.md`) and a line that closes the page:
///
///     {"page":{"upper":500,"lower":480,"posts":[[481,97,210],[485,98,180]],"service":[480],…}}
///
/// with the id, the date and the line length in bytes of each post. Anything after the last closed
/// page was cut off by an interruption and is removed.
final class PageJournal {
  /// A post in the journal.
  struct Entry {
    let id: Int
    let date: Int
    let offset: Int
    let length: Int
  }

  /// The lower bound of ranges that reach the beginning of the channel.
  static let beginning = Int.min

  /// The posts in the order in which they were fetched; a post may occur twice.
  private(set) var entries: [Entry] = []
  /// Messages that are not posts.
  private(set) var service: Set<Int> = []
  private(set) var unsupported: Set<Int> = []
  private(set) var parts: Set<Int> = []
  private(set) var title: String?
  /// The ids of all known messages, posts or not, and of those known not to exist.
  private var known = RangeSet<Int>()

  /// The size of the journal in bytes.
  var size: Int { file.size }

  private let file: AppendFile
  private var parser: PostParser

  /// Opens the journal at `path` for the dump of `channel`, or creates one; without a `path`, the
  /// journal is temporary.
  ///
  /// Only the process that holds the lock of the dump's output may open its journal.
  ///
  /// - Throws: `InputError` if the file is the journal of another channel, or not a journal;
  ///   `FileError`.
  init(path: String?, channel: String) throws {
    file = if let path { try AppendFile(path: path) } else { try .temporary() }
    parser = PostParser(path: file.path)
    if file.size > 0 {
      try read(channel)
    } else {
      try begin(channel)
    }
  }

  /// How every journal begins.
  private static let mark = Array(#"{"dump":"#.utf8)

  private func begin(_ channel: String) throws {
    let value: JSONValue = ["dump": .string(channel)]
    try file.append(Array((value.text() + "\n").utf8))
  }

  // MARK: - Pages

  /// Appends `page`, which was requested with `before`.
  ///
  /// - Throws: `FileError`.
  func append(_ page: PostPage, before: Int?) throws {
    var bytes: [UInt8] = []
    var posts: [JSONValue] = []
    for post in page.posts {
      let start = bytes.count
      post.appendJSON(to: &bytes)
      bytes.append(0x0A)
      posts.append([.integer(post.id), .integer(post.date), .integer(bytes.count - start)])
    }
    func list(_ ids: [Int]) -> JSONValue { .array(ids.map { .integer($0) }) }
    let upper = before ?? page.highest.map { $0 + 1 } ?? Self.beginning
    let lower = page.reachesBeginning ? Self.beginning : page.lowest ?? upper
    let record: JSONValue = [
      "upper": .integer(upper), "lower": .integer(lower), "posts": .array(posts),
      "service": list(page.service), "unsupported": list(page.unsupported),
      "parts": list(page.parts), "title": page.title.map { .string($0) } ?? .null,
    ]
    let (start, end) = (file.size, file.size + bytes.count)
    let closing: JSONValue = ["page": record]
    bytes += (closing.text() + "\n").utf8
    try file.append(bytes)
    try file.synchronize()
    _ = take(record, from: start, to: end)
  }

  /// The range of ids that are known directly below `id`; `nil` if there is none.
  func knownRange(below id: Int) -> Range<Int>? { known.ranges.first { $0.contains(id - 1) } }

  /// The post of `entry`.
  ///
  /// - Throws: `FileError`; `InputError` if the journal has been changed since.
  func post(_ entry: Entry) throws -> Post {
    let bytes = try file.bytes(entry.offset..<entry.offset + entry.length)
    return try bytes.withUnsafeBytes { try parser.parse($0, line: 0) }
  }

  /// The posts with ascending ids; of several with the same id, the one fetched last.
  var latestEntries: [Entry] {
    let sorted = entries.sorted { ($0.id, $0.offset) < ($1.id, $1.offset) }
    return sorted.indices.compactMap { index in
      index + 1 < sorted.count && sorted[index + 1].id == sorted[index].id ? nil : sorted[index]
    }
  }

  // MARK: - Reading

  private func read(_ channel: String) throws {
    var lines = try LineReader(path: file.path)
    var offset = 0
    var closed = 0
    var lineEnds: [Int] = []
    while let line = try lines.next() {
      offset += line.count + 1
      if lines.lineNumber == 1 {
        if offset > file.size, zip(line, Self.mark).allSatisfy(==) {
          // The process ended before it had written the first line.
          try file.truncate(to: 0)
          return try begin(channel)
        }
        guard let value = Self.value(line, file.path), let found = value["dump"]?.string else {
          throw InputError(
            file.path,
            "this is not the journal of an interrupted dump; remove it, or choose another output")
        }
        // Nothing was fetched, as happens with a misspelled name.
        if found != channel, offset >= file.size {
          try file.truncate(to: 0)
          return try begin(channel)
        }
        guard found == channel else {
          throw InputError(
            file.path,
            "this is the journal of an interrupted dump of \(excerpt(found)), not of \(channel); finish "
              + "that one, remove the journal, or choose another output")
        }
      } else if line.starts(with: #"{"page":"#.utf8) {
        // The last line may be cut off.
        guard offset <= file.size, let value = Self.value(line, file.path)?["page"],
          take(value, from: closed, to: offset - line.count - 1)
        else { break }
      } else {
        lineEnds.append(offset)
        continue
      }
      closed = offset
    }
    // The first line itself may be cut off.
    try file.truncate(to: min(closed, file.size))
    try file.synchronize()
  }

  /// Records a page whose posts are the bytes from `start` to `end`; returns `false` if it does not
  /// match these.
  private func take(_ value: JSONValue, from start: Int, to end: Int) -> Bool {
    func ids(_ key: String) -> [Int] { value[key]?.elements?.compactMap(\.integer) ?? [] }
    guard let lower = value["lower"]?.integer, let upper = value["upper"]?.integer,
      let posts = value["posts"]?.elements
    else { return false }
    var offset = start
    var added: [Entry] = []
    for post in posts {
      let numbers = post.elements?.compactMap(\.integer) ?? []
      guard numbers.count == 3, numbers[2] > 0, numbers[2] <= end - offset else { return false }
      added.append(Entry(id: numbers[0], date: numbers[1], offset: offset, length: numbers[2]))
      offset += numbers[2]
    }
    guard offset == end else { return false }
    entries += added
    service.formUnion(ids("service"))
    unsupported.formUnion(ids("unsupported"))
    parts.formUnion(ids("parts"))
    title = value["title"]?.string ?? title
    if lower < upper { known.insert(contentsOf: lower..<upper) }
    return true
  }

  private static func value(_ line: UnsafeRawBufferPointer, _ path: String) -> JSONValue? {
    var reader = JSONReader(bytes: line, path: path)
    guard let value = try? JSONValue(&reader), (try? reader.finish()) != nil else { return nil }
    return value
  }
}
