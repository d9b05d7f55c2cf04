import FileSupport
import JSONSupport
import PostFormat
import TextSupport

/// What was fetched of a channel so far, on the disk, so that an interrupted dump can go on.
///
/// It begins with a line that names the channel. Then comes for each page, in the order in which the
/// pages were fetched, a line for each post (contract 1) and a line that closes the page:
///
///     {"page":{"upper":500,"lower":480,"posts":[[481,97],[485,210]],"others":[480],…}}
///
/// with the ids of its posts and how many bytes their lines have. What stands behind the last closed
/// page was cut off by an interruption, and goes.
final class PageJournal {
  /// The ids from ``lower`` on, up to but not including ``upper``, that are known.
  struct Interval: Equatable {
    var lower: Int
    var upper: Int
  }

  /// A post in the journal.
  struct Entry {
    let id: Int
    let date: Int
    let offset: Int
    let length: Int
  }

  /// A lower bound of intervals that reach the beginning of the channel.
  static let beginning = Int.min

  /// The posts in the order in which they were fetched; one may stand there twice.
  private(set) var entries: [Entry] = []
  /// Messages that are no posts.
  private(set) var service: Set<Int> = []
  private(set) var unsupported: Set<Int> = []
  private(set) var parts: Set<Int> = []
  private(set) var title: String?
  private var intervals: [Interval] = []

  private let file: AppendFile
  private var parser: PostParser

  /// Opens the journal at `path` of the dump of `channel`, or begins one; without a `path` one that
  /// goes when it is done with.
  ///
  /// Only the process that has the output of the dump may open its journal.
  ///
  /// - Throws: `InputError` if the journal is that of another channel, or is none; `FileError`.
  init(path: String?, channel: String) throws {
    file = if let path { try AppendFile(path: path) } else { try .temporary() }
    parser = PostParser(path: file.path)
    if file.size > 0 {
      try read(channel)
    } else {
      try begin(channel)
    }
  }

  private func begin(_ channel: String) throws {
    let value: JSONValue = ["dump": .string(channel)]
    try file.append(Array((value.text() + "\n").utf8))
  }

  /// Whether something was fetched.
  var isEmpty: Bool { intervals.isEmpty }

  // MARK: - Pages

  /// Keeps `page`, which was asked for with `before`.
  ///
  /// - Throws: `FileError`.
  func append(_ page: PostPage, before: Int?) throws {
    var bytes: [UInt8] = []
    var lengths: [JSONValue] = []
    var added: [Entry] = []
    for post in page.posts {
      let start = bytes.count
      post.appendJSON(to: &bytes)
      bytes.append(0x0A)
      let length = bytes.count - start
      lengths.append([.integer(post.id), .integer(post.date), .integer(length)])
      added.append(
        Entry(id: post.id, date: post.date, offset: file.size + start, length: length))
    }
    func list(_ ids: [Int]) -> JSONValue { .array(ids.map { .integer($0) }) }
    let upper = before ?? page.highest.map { $0 + 1 } ?? Self.beginning
    let lower = page.reachesBeginning ? Self.beginning : page.lowest ?? upper
    let record: JSONValue = [
      "page": [
        "upper": .integer(upper), "lower": .integer(lower), "posts": .array(lengths),
        "service": list(page.service), "unsupported": list(page.unsupported),
        "parts": list(page.parts), "title": page.title.map { .string($0) } ?? .null,
      ]
    ]
    bytes += Array((record.text() + "\n").utf8)
    try file.append(bytes)
    try file.synchronize()
    entries += added
    service.formUnion(page.service)
    unsupported.formUnion(page.unsupported)
    parts.formUnion(page.parts)
    title = page.title ?? title
    add(Interval(lower: lower, upper: upper))
  }

  /// What is known directly below `id`, down to where; `nil` if nothing is.
  func interval(below id: Int) -> Interval? {
    intervals.first { $0.lower < id && id <= $0.upper }
  }

  private func add(_ interval: Interval) {
    guard interval.lower < interval.upper else { return }
    var merged = interval
    var others: [Interval] = []
    for other in intervals {
      if other.upper < merged.lower || merged.upper < other.lower {
        others.append(other)
      } else {
        merged = Interval(
          lower: min(merged.lower, other.lower), upper: max(merged.upper, other.upper))
      }
    }
    intervals = others + [merged]
  }

  /// The post of `entry`.
  ///
  /// - Throws: `FileError`; `InputError` if the journal was changed meanwhile.
  func post(_ entry: Entry) throws -> Post {
    let bytes = try file.bytes(entry.offset..<entry.offset + entry.length)
    return try bytes.withUnsafeBytes { try parser.parse($0, line: 0) }
  }

  /// The posts, the one fetched last of each id, the ids ascending.
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
        guard let value = Self.value(line, file.path), let found = value["dump"]?.string else {
          throw InputError(
            file.path,
            "this is not the journal of an interrupted dump; remove it, or name another "
              + "output")
        }
        // Nothing came of it, as of a misspelt name.
        if found != channel, offset >= file.size {
          try file.truncate(to: 0)
          return try begin(channel)
        }
        guard found == channel else {
          throw InputError(
            file.path,
            "this is the journal of an interrupted dump of \(excerpt(found)), not of \(channel); finish "
              + "that one, remove the journal, or name another output")
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

  /// Takes in a page whose posts stand in the bytes from `start` to `end`; false if it does not fit.
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
    add(Interval(lower: lower, upper: upper))
    return true
  }

  private static func value(_ line: UnsafeRawBufferPointer, _ path: String) -> JSONValue? {
    var reader = JSONReader(bytes: line, path: path)
    guard let value = try? JSONValue(&reader), (try? reader.finish()) != nil else { return nil }
    return value
  }
}
