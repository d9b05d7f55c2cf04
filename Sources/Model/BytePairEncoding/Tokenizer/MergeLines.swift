import FileSupport
import Glibc

/// Merges as a file has them, by the texts of their tokens: the lines of `merges.txt` behind its
/// first, or what would be these.
struct MergeLines {
  /// How places in the file are counted.
  enum Unit {
    case lines
    case bytes
  }

  /// A merge by where it lies in ``bytes``: the text on the left, a space, the one on the right.
  private struct Line {
    let space: Int
    let end: Int
    /// Where the merge stands in the file.
    let place: Int
  }

  /// All lines, a newline behind each.
  private(set) var bytes: [UInt8] = []
  private var lines: [Line] = []
  private let unit: Unit
  /// Where the line begins that is being added, and where its first part ends.
  private var start = 0
  private var firstEnd = 0
  private var partCount = 0

  /// No merges yet, of a file in which places are counted in `unit`.
  ///
  /// There is room for the merges of `size` bytes of the file.
  init(placesIn unit: Unit, size: Int = 0) {
    self.unit = unit
    // At most: a merge is written as "a b" and a newline at the shortest. Memory that is not used
    // costs nothing.
    let size = min(size, 1 << 26)
    bytes.reserveCapacity(size)
    lines.reserveCapacity(size / 4)
  }

  /// How many merges there are.
  var count: Int { lines.count }

  /// Where the two texts of the merge `number` lie in ``bytes``.
  func ranges(_ number: Int) -> (left: Range<Int>, right: Range<Int>) {
    let line = lines[number]
    let start = number > 0 ? lines[number - 1].end + 1 : 0
    return (start..<line.space, line.space + 1..<line.end)
  }

  /// Where the merge `number` stands in its file.
  func place(_ number: Int) -> InputError.Place {
    switch unit {
    case .lines: .line(lines[number].place)
    case .bytes: .byte(lines[number].place)
    }
  }

  /// Adds the line that `body` appends to the bytes it is given, to which it does nothing else.
  ///
  /// - Returns: Whether it is two texts with a space between.
  mutating func append(at place: Int, _ body: (inout [UInt8]) throws -> Void) rethrows -> Bool {
    try body(&bytes)
    let space: Int? = bytes.withUnsafeBytes { bytes in
      guard let line = bytes.baseAddress.map({ $0 + start }) else { return nil }
      let count = bytes.count - start
      guard let space = memchr(line, 0x20, count) else { return nil }
      let left = UnsafeRawPointer(space) - line
      let right = count - left - 1
      guard left > 0, right > 0, memchr(space + 1, 0x20, right) == nil else { return nil }
      return start + left
    }
    guard let space else { return false }
    endLine(space: space, at: place)
    return true
  }

  /// Begins a line or goes on with it by the text that `body` appends to the bytes it is given, to
  /// which it does nothing else.
  mutating func appendPart(_ body: (inout [UInt8]) throws -> Void) rethrows {
    if partCount == 1 {
      firstEnd = bytes.count
      bytes.append(0x20)
    }
    try body(&bytes)
    partCount += 1
  }

  /// Ends the line of parts.
  ///
  /// - Returns: Whether there are two.
  mutating func endParts(at place: Int) -> Bool {
    guard partCount == 2 else { return false }
    partCount = 0
    endLine(space: firstEnd, at: place)
    return true
  }

  private mutating func endLine(space: Int, at place: Int) {
    lines.append(Line(space: space, end: bytes.count, place: place))
    bytes.append(0x0A)
    start = bytes.count
  }
}
