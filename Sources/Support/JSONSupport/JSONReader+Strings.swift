import FileSupport
import TextSupport

extension JSONReader {
  // MARK: - Strings in quotes

  /// Reads the string that begins with the quote at `position`.
  mutating func quotedString() throws -> String {
    let start = byteOffset + 1
    return try string(of: try quotedBytes(), from: start)
  }

  /// Reads the key that begins with the quote at `position`, and the colon after it.
  ///
  /// Returns the index of the key in `table`; -1 if it is unknown.
  @usableFromInline
  mutating func key(in table: JSONKeyTable) throws -> Int {
    let index = table.index(of: try quotedBytes())
    try colon()
    return index
  }

  /// Reads a string and returns its index in `table`; -1 and the string if it is unknown.
  @usableFromInline
  mutating func word(in table: JSONKeyTable) throws -> (index: Int, other: String) {
    guard try beginsQuotedString() else { return (-1, try bareString()) }
    let start = byteOffset + 1
    let bytes = try quotedBytes()
    let index = table.index(of: bytes)
    return (index, index >= 0 ? "" : try string(of: bytes, from: start))
  }

  /// The string with the UTF-8 `bytes`, which begin at `start` in the text.
  private mutating func string(of bytes: UnsafeRawBufferPointer, from start: Int) throws -> String {
    if let string = String(utf8: bytes) { return string }
    invalidString = Array(bytes)
    throw InputError(path, place ?? .byte(start), "the string is not UTF-8")
  }

  /// Whether the next value, which must be a string, is in quotes.
  mutating func beginsQuotedString() throws -> Bool {
    if try nextSignificantByte() == UInt8(ascii: "\"") { return true }
    try expect(.string)
    return false
  }

  /// Reads the string that begins with the quote at `position` and returns its bytes, which are
  /// valid until the next call of the reader.
  @inline(__always)
  mutating func quotedBytes() throws -> UnsafeRawBufferPointer {
    let start = position + 1
    let plainEnd = plainEnd(from: start)
    if plainEnd < end, buffer[plainEnd] == UInt8(ascii: "\"") {
      position = plainEnd + 1
      return UnsafeRawBufferPointer(rebasing: buffer[start..<plainEnd])
    }
    position = start
    scratch.removeAll()
    while try !unescapeToScratch() {}
    return scratch.bytes
  }

  /// Reads the string that begins with the quote at `position` and appends it to `output`.
  mutating func appendQuotedBytes(to output: inout [UInt8], validating: Bool) throws {
    let start = byteOffset + 1
    let bytes = try quotedBytes()
    guard !validating || isUTF8(bytes) else {
      throw InputError(path, place ?? .byte(start), "the string is not UTF-8")
    }
    output.append(contentsOf: bytes)
  }

  /// Skips the string that begins with the quote at `position`.
  mutating func skipQuotedString() throws {
    let replacedBefore = replacedSurrogates
    defer { replacedSurrogates = replacedBefore }
    position += 1
    while true {
      guard try nextByte() != nil else { throw truncated("the end of a string") }
      position = plainEnd(from: position)
      guard position < end else { continue }
      switch buffer[position] {
      case UInt8(ascii: "\""):
        position += 1
        return
      case UInt8(ascii: "\\"):
        position += 1
        if position < end, Self.simpleEscape(buffer[position]) != 0 {
          position += 1
        } else {
          scratch.removeAll()
          try escape()
        }
      default: throw failure(Self.controlCharacterProblem)
      }
    }
  }

  private static var controlCharacterProblem: String {
    "a control character in a string must be escaped"
  }

  /// Reads more of a string, up to the end of the buffer or a multi-byte escape, and appends it to
  /// `scratch`; returns whether the closing quote was read.
  private mutating func unescapeToScratch() throws -> Bool {
    guard try nextByte() != nil, let base = buffer.baseAddress else {
      throw truncated("the end of a string")
    }
    var (position, end) = (position, end)
    // Escapes are longer than what they represent. Eight bytes are stored at a time.
    scratch.append(upTo: end - position + 8) { room in
      guard let target = room.baseAddress else { return 0 }
      var count = 0
      while position < end {
        let bytes = base.loadUnaligned(fromByteOffset: position, as: UInt64.self)
        target.storeBytes(of: bytes, toByteOffset: count, as: UInt64.self)
        let plain = min(JSONText.plainCount(UInt64(littleEndian: bytes)), end - position)
        position += plain
        count += plain
        if plain == 8 || position == end { continue }
        // A line break is by far the most frequent escape.
        guard buffer[position] == UInt8(ascii: "\\"), position + 1 < end else { break }
        let escaped = Self.simpleEscape(buffer[position + 1])
        if escaped == 0 { break }
        target.storeBytes(of: escaped, toByteOffset: count, as: UInt8.self)
        position += 2
        count += 1
      }
      return count
    }
    self.position = position
    if position == end { return false }
    switch buffer[position] {
    case UInt8(ascii: "\""):
      self.position += 1
      return true
    case UInt8(ascii: "\\"):
      self.position += 1
      try escape()
      return false
    default: throw failure(Self.controlCharacterProblem)
    }
  }

  /// The end of the bytes from `start` on that represent themselves in a string.
  @inline(__always)
  private func plainEnd(from start: Int) -> Int {
    guard let base = buffer.baseAddress else { return start }
    var index = start
    while index < end {
      let count = JSONText.plainCount(
        UInt64(littleEndian: base.loadUnaligned(fromByteOffset: index, as: UInt64.self)))
      index += count
      if count < 8 { return min(index, end) }
    }
    return end
  }

  // MARK: - Escapes

  /// The byte that a backslash and `byte` represent; 0 if that is not a two-byte escape.
  @inline(__always)
  private static func simpleEscape(_ byte: UInt8) -> UInt8 {
    switch byte {
    case UInt8(ascii: "n"): 0x0A
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): byte
    case UInt8(ascii: "t"): 0x09
    case UInt8(ascii: "r"): 0x0D
    case UInt8(ascii: "b"): 0x08
    case UInt8(ascii: "f"): 0x0C
    default: 0
    }
  }

  /// Reads what follows a backslash and appends the bytes of the escape to `scratch`.
  private mutating func escape() throws {
    guard let byte = try nextByte() else { throw truncated("an escape") }
    position += 1
    switch byte {
    case UInt8(ascii: "u"): try append(unicodeEscape())
    case UInt8(ascii: "x") where leniency.contains(.hexEscapes):
      try append(hexadecimal(digits: 2))
    case _ where Self.simpleEscape(byte) != 0: scratch.append(Self.simpleEscape(byte))
    default:
      position -= 1
      throw failure("a backslash before \(Self.name(of: byte)) is not an escape")
    }
  }

  /// Reads a `\u` escape, or two that form a surrogate pair, and returns the scalar.
  private mutating func unicodeEscape() throws -> UInt32 {
    let first = try hexadecimal(digits: 4)
    guard 0xD800...0xDFFF ~= first else { return first }
    if first < 0xDC00, let second = try lowSurrogateAhead() {
      position += 6
      return 0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00)
    }
    if leniency.contains(.loneSurrogates) {
      replacedSurrogates += 1
      return 0xFFFD
    }
    throw failure("\\u\(String(first, radix: 16)) is half of a surrogate pair")
  }

  /// The value of the next escape if it is the second half of a surrogate pair; consumes nothing.
  private mutating func lowSurrogateAhead() throws -> UInt32? {
    guard try lookAhead(6) else {
      // If the string ended here, its quote would be in the buffer.
      if !buffer[position..<end].contains(UInt8(ascii: "\"")) {
        throw truncated("the other half of a surrogate pair")
      }
      return nil
    }
    let escape = buffer[position..<position + 6]
    guard escape.starts(with: #"\u"#.utf8) else { return nil }
    var value: UInt32 = 0
    for byte in escape.dropFirst(2) {
      guard let digit = Self.hexadecimalDigit(byte) else { return nil }
      value = value << 4 | digit
    }
    return 0xDC00...0xDFFF ~= value ? value : nil
  }

  private static func hexadecimalDigit(_ byte: UInt8) -> UInt32? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(byte - UInt8(ascii: "0"))
    case UInt8(ascii: "a")...UInt8(ascii: "f"): UInt32(byte - UInt8(ascii: "a") + 10)
    case UInt8(ascii: "A")...UInt8(ascii: "F"): UInt32(byte - UInt8(ascii: "A") + 10)
    default: nil
    }
  }

  private mutating func hexadecimal(digits: Int) throws -> UInt32 {
    var value: UInt32 = 0
    for _ in 0..<digits {
      guard let byte = try nextByte() else { throw truncated("a hexadecimal digit") }
      guard let digit = Self.hexadecimalDigit(byte) else {
        throw failure("expected a hexadecimal digit, found \(Self.name(of: byte))")
      }
      value = value << 4 | digit
      position += 1
    }
    return value
  }

  private mutating func append(_ value: UInt32) throws {
    guard let scalar = Unicode.Scalar(value) else { throw failure("not a Unicode scalar") }
    for byte in UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter { scratch.append(byte) }
  }

  // MARK: - Bare strings

  static func beginsBareString(_ byte: UInt8) -> Bool {
    byte > 0x7F || (byte | 0x20 >= UInt8(ascii: "a") && byte | 0x20 <= UInt8(ascii: "z"))
      || byte == UInt8(ascii: "(")
  }

  /// Whether a value that begins like `true`, `false` or `null` is in fact a bare string.
  mutating func followsBareString() throws -> Bool {
    guard leniency.contains(.bareStrings) else { return false }
    // At the end of the text there may be fewer bytes; then nothing follows the word.
    _ = try lookAhead(6)
    let text = buffer[position..<min(position + 6, end)]
    for word in ["true", "false", "null"] as [StaticString] {
      let bytes = UnsafeBufferPointer(start: word.utf8Start, count: word.utf8CodeUnitCount)
      // A truncated word is left to the reader of words.
      if text.count < bytes.count, bytes.starts(with: text) { return false }
      guard text.starts(with: bytes) else { continue }
      guard let next = text.dropFirst(bytes.count).first else { return false }
      return
        !(next <= 0x20 || next == UInt8(ascii: ",") || next == UInt8(ascii: "}")
        || next == UInt8(ascii: "]"))
    }
    return true
  }

  /// Reads a value without quotes, up to the end of its line or a comma there.
  mutating func bareString() throws -> String {
    let start = byteOffset
    scratch.removeAll()
    while let byte = try nextByte(), byte != 0x0A, byte != 0x0D {
      if byte == UInt8(ascii: ","), try !lookAhead(2) || buffer[position + 1] <= 0x0D { break }
      scratch.append(byte)
      position += 1
    }
    if scratch.bytes.contains(UInt8(ascii: "\"")), try nextSignificantByte() == nil {
      // All of it is one line, which continues after the value: NaN, or None of Python.
      let word = scratch.bytes.prefix { Self.beginsBareString($0) }
      throw InputError(
        path, place ?? .byte(start),
        "expected a value, found '\(String(decoding: word.prefix(20), as: UTF8.self))'")
    }
    return try string(of: scratch.bytes, from: start)
  }
}
