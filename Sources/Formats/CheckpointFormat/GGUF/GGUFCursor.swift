import FileSupport
import TextSupport

/// Reads the header of a GGUF file from front to back; nothing is read past the end.
struct GGUFCursor {
  /// The range in the file of the UTF-8 of a string.
  typealias Text = Range<Int>

  let file: MappedFile
  /// The offset of the next byte.
  private(set) var offset = 0

  init(_ file: MappedFile) { self.file = file }

  var path: String { file.path }
  /// The number of bytes that follow.
  var remaining: Int { file.bytes.count - offset }

  /// An error at the next byte, or at `offset`.
  func failure(_ problem: String, at offset: Int? = nil) -> InputError {
    InputError(path, .byte(offset ?? self.offset), problem)
  }

  /// Skips `count` bytes.
  mutating func skip(_ count: Int) throws {
    guard count <= remaining else { throw failure("the file is cut off in its header") }
    offset += count
  }

  /// A little-endian integer.
  mutating func integer<Integer: FixedWidthInteger>(_ type: Integer.Type) throws -> Integer {
    let start = offset
    try skip(MemoryLayout<Integer>.size)
    return Integer(littleEndian: file.bytes.loadUnaligned(fromByteOffset: start, as: type))
  }

  /// A number of items, each of which takes at least `minimumSize` bytes of this file.
  mutating func count(of items: String, minimumSize: Int) throws -> Int {
    let start = offset
    let count = try integer(UInt64.self)
    guard count <= UInt64(remaining / minimumSize) else {
      throw failure(
        "\(count) \(items) do not fit into the \(remaining) bytes that follow", at: start)
    }
    return Int(count)
  }

  /// A string, which is not checked to be UTF-8.
  mutating func text() throws -> Text {
    let count = try count(of: "bytes of a string", minimumSize: 1)
    let start = offset
    try skip(count)
    return start..<offset
  }

  /// A short string: a name.
  mutating func name(of item: String, shorterThan limit: Int) throws -> String {
    let start = offset
    let text = try text()
    guard text.count < limit else {
      throw failure(
        "the name of \(item) has \(text.count) bytes, expected fewer than \(limit)", at: start)
    }
    guard let name = file.string(text) else {
      throw failure("the name of \(item) is not UTF-8", at: start)
    }
    return name
  }
}

extension MappedFile {
  /// The string with the UTF-8 in `range`; `nil` if it is not valid.
  func string(_ range: Range<Int>) -> String? {
    String(utf8: UnsafeRawBufferPointer(rebasing: bytes[range]))
  }
}
