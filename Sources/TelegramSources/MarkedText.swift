import FileSupport
import Glibc
import PostFormat

/// A text put together from its parts, as `text` and `text_entities` of an export hold it.
///
/// One value serves for all messages, so that its memory is taken once.
struct MarkedText {
  /// The UTF-8 of the text.
  private(set) var bytes: [UInt8] = []
  /// The parts that are not plain.
  private(set) var entities: [Post.Entity] = []
  /// The length of the text in UTF-16 units, as far as parts of it were counted.
  private var length = 0

  private enum Key: String, CaseIterable { case type, text, href }
  private static let keys = JSONKeys<Key>()

  mutating func removeAll() {
    bytes.removeAll(keepingCapacity: true)
    entities.removeAll(keepingCapacity: true)
    length = 0
  }

  /// Reads a text: a string, an object, or an array of strings and objects.
  mutating func read(_ reader: inout JSONReader) throws {
    removeAll()
    switch try reader.peek() {
    case .string:
      try reader.string(appendingTo: &bytes)
      unifyLineEnds(from: 0)
    case .array: try reader.array { try readPart(&$0) }
    case .object: try readPart(&reader)
    case .null: try reader.null()
    case let kind:
      throw reader.failure("the text of a message is a string or an array, not \(kind.rawValue)")
    }
  }

  private mutating func readPart(_ reader: inout JSONReader) throws {
    let start = bytes.count
    var type: String?
    var url: String?
    switch try reader.peek() {
    case .string:
      type = "plain"
      try reader.string(appendingTo: &bytes)
    case .object:
      try reader.object(Self.keys) { reader, key in
        switch key {
        case .type: type = try reader.stringOrNil()
        case .href: url = try reader.stringOrNil()
        case .text where try reader.peek() == .string:
          // Of a key that stands there twice, the last counts.
          bytes.removeSubrange(start...)
          try reader.string(appendingTo: &bytes)
        case .text, nil: try reader.skip()
        }
      }
    case let kind:
      throw reader.failure("a part of a text is a string or an object, not \(kind.rawValue)")
    }
    unifyLineEnds(from: start)
    let units = utf16Length(from: start)
    defer { length += units }
    // The writer leaves an empty part behind an entity that ends the text.
    guard units > 0, type != "plain" else { return }
    entities.append(
      Post.Entity(type: type ?? "unknown", offset: length, length: units, url: url))
  }

  /// Turns CR LF and CR behind `start` into LF.
  private mutating func unifyLineEnds(from start: Int) {
    let hasReturn = bytes.withUnsafeBytes { bytes in
      bytes.baseAddress.map { memchr($0 + start, 0x0D, bytes.count - start) != nil } ?? false
    }
    guard hasReturn else { return }
    var kept = start
    for index in start..<bytes.count {
      var byte = bytes[index]
      if byte == 0x0D {
        if index + 1 < bytes.count, bytes[index + 1] == 0x0A { continue }
        byte = 0x0A
      }
      bytes[kept] = byte
      kept += 1
    }
    bytes.removeSubrange(kept...)
  }

  /// How many UTF-16 units the bytes from `start` on are: one for each scalar, two above U+FFFF.
  private func utf16Length(from start: Int) -> Int {
    bytes.withUnsafeBytes { bytes in
      var units = bytes.count - start
      var index = start
      // Eight bytes at a time: those of the form 10xxxxxx go on a scalar and do not count, those of
      // the form 1111xxxx begin one above U+FFFF and count twice. A shift brings the lower bits of
      // each byte, and no bit of another one, under its highest.
      let highest: UInt64 = 0x8080_8080_8080_8080
      while index &+ 8 <= bytes.count {
        let word = bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self)
        let second = word << 1
        units &-= (word & ~second & highest).nonzeroBitCount
        units &+= (word & second & (word << 2) & (word << 3) & highest).nonzeroBitCount
        index &+= 8
      }
      for byte in bytes[index...] {
        if byte & 0xC0 == 0x80 { units &-= 1 }
        if byte >= 0xF0 { units &+= 1 }
      }
      return units
    }
  }
}

extension JSONReader {
  /// Reads a string; anything else is skipped and gives `nil`.
  mutating func stringOrNil() throws -> String? {
    if try peek() == .string { return try string() }
    try skip()
    return nil
  }

  /// Reads a whole number, in quotes or not; anything else is skipped and gives `nil`.
  mutating func integerOrNil() throws -> Int? {
    switch try peek() {
    case .number: return Int(try numberText())
    case .string: return Int(try string())
    default:
      try skip()
      return nil
    }
  }
}
