import Glibc

extension JSONReader {
  // MARK: - Strings in quotes

  /// Reads the string that begins with the quote at `position`.
  mutating func quotedString() throws -> String {
    try withQuotedBytes { bytes, path, place in
      guard
        let string = String(
          validating: bytes.assumingMemoryBound(to: UInt8.self), as: UTF8.self)
      else {
        throw InputError(path, place, "the string is not UTF-8")
      }
      return string
    }
  }

  /// Reads the string that begins with the quote at `position`, a key, and the colon behind it.
  ///
  /// Returns the number of the key in `table`.
  @usableFromInline
  mutating func key(in table: JSONKeyTable) throws -> Int? {
    let number = try withQuotedBytes { bytes, _, _ in table.number(of: bytes) }
    try colon()
    return number
  }

  /// Reads the string that begins with the quote at `position` and appends it to `bytes`.
  mutating func quotedBytes(appendingTo bytes: inout [UInt8], validating: Bool) throws {
    try withQuotedBytes { quoted, path, place in
      guard !validating || isUTF8(quoted) else {
        throw InputError(path, place, "the string is not UTF-8")
      }
      bytes.append(contentsOf: quoted)
    }
  }

  /// Reads the string that begins with the quote at `position` and forgets it.
  mutating func skipQuotedString() throws {
    position += 1
    while true {
      guard try nextByte() != nil else { throw truncated("the end of a string") }
      position = plainEnd()
      guard position < end else { continue }
      switch buffer[position] {
      case UInt8(ascii: "\""):
        position += 1
        return
      case UInt8(ascii: "\\"):
        position += 1
        scratch.removeAll(keepingCapacity: true)
        try escape()
      default: throw failure(Self.controlCharacterProblem)
      }
    }
  }

  private static let controlCharacterProblem = "a control character in a string must be escaped"

  /// Reads the string that begins with the quote at `position` and lends its bytes to `body`,
  /// with what an error about them is to say of the place.
  private mutating func withQuotedBytes<Result>(
    _ body: (UnsafeRawBufferPointer, _ path: String, _ place: InputError.Place) throws -> Result
  ) throws -> Result {
    position += 1
    let start = position
    let place = self.place ?? .byte(byteOffset)
    let plainEnd = plainEnd()
    if plainEnd < end, buffer[plainEnd] == UInt8(ascii: "\"") {
      position = plainEnd + 1
      return try body(UnsafeRawBufferPointer(rebasing: buffer[start..<plainEnd]), path, place)
    }
    try unescapeToScratch()
    return try scratch.withUnsafeBytes { try body($0, path, place) }
  }

  /// Reads what is left of a string, through its closing quote, into `scratch`.
  private mutating func unescapeToScratch() throws {
    scratch.removeAll(keepingCapacity: true)
    while true {
      guard try nextByte() != nil else { throw truncated("the end of a string") }
      let plainEnd = plainEnd()
      scratch.append(contentsOf: UnsafeRawBufferPointer(rebasing: buffer[position..<plainEnd]))
      position = plainEnd
      guard position < end else { continue }
      switch buffer[position] {
      case UInt8(ascii: "\""):
        position += 1
        return
      case UInt8(ascii: "\\"):
        position += 1
        try escape()
      default: throw failure(Self.controlCharacterProblem)
      }
    }
  }

  /// Where the bytes from `position` on end that stand for themselves in a string.
  private func plainEnd() -> Int {
    JSONText.plainEnd(in: UnsafeRawBufferPointer(rebasing: buffer[..<end]), from: position)
  }

  // MARK: - Escapes

  /// Reads what follows a backslash and appends the bytes it stands for to `scratch`.
  private mutating func escape() throws {
    guard let byte = try nextByte() else { throw truncated("an escape") }
    position += 1
    switch byte {
    case UInt8(ascii: "n"): scratch.append(0x0A)
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): scratch.append(byte)
    case UInt8(ascii: "t"): scratch.append(0x09)
    case UInt8(ascii: "r"): scratch.append(0x0D)
    case UInt8(ascii: "b"): scratch.append(0x08)
    case UInt8(ascii: "f"): scratch.append(0x0C)
    case UInt8(ascii: "u"): try append(unicodeEscape())
    case UInt8(ascii: "x") where leniency.contains(.hexEscapes):
      try append(hexadecimal(digits: 2))
    default:
      position -= 1
      throw failure("a backslash before \(Self.name(of: byte)) is not an escape")
    }
  }

  /// The scalar of a `\u` escape, or of two that are a surrogate pair.
  private mutating func unicodeEscape() throws -> UInt32 {
    let first = try hexadecimal(digits: 4)
    guard 0xD800...0xDFFF ~= first else { return first }
    if first < 0xDC00, try nextByte() == UInt8(ascii: "\\") {
      position += 1
      if try nextByte() == UInt8(ascii: "u") {
        position += 1
        let second = try hexadecimal(digits: 4)
        if 0xDC00...0xDFFF ~= second {
          return 0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00)
        }
      }
    }
    if try nextByte() == nil { throw truncated("the other half of a surrogate pair") }
    throw failure("\\u\(String(first, radix: 16)) is half of a surrogate pair")
  }

  private mutating func hexadecimal(digits: Int) throws -> UInt32 {
    var value: UInt32 = 0
    for _ in 0..<digits {
      guard let byte = try nextByte() else { throw truncated("a hexadecimal digit") }
      let digit: UInt8
      switch byte {
      case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = byte - UInt8(ascii: "0")
      case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = byte - UInt8(ascii: "a") + 10
      case UInt8(ascii: "A")...UInt8(ascii: "F"): digit = byte - UInt8(ascii: "A") + 10
      default: throw failure("expected a hexadecimal digit, found \(Self.name(of: byte))")
      }
      value = value << 4 | UInt32(digit)
      position += 1
    }
    return value
  }

  private mutating func append(_ value: UInt32) throws {
    guard let scalar = Unicode.Scalar(value) else { throw failure("not a Unicode scalar") }
    scratch.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
  }

  // MARK: - Bare strings

  static func beginsBareString(_ byte: UInt8) -> Bool {
    byte > 0x7F || (byte | 0x20 >= UInt8(ascii: "a") && byte | 0x20 <= UInt8(ascii: "z"))
      || byte == UInt8(ascii: "(")
  }

  /// Whether a value that begins as `true`, `false` or `null` do is a bare string after all.
  mutating func followsBareString() throws -> Bool {
    guard leniency.contains(.bareStrings) else { return false }
    // At the end of the text there may be less; the words are then not followed by anything.
    _ = try lookAhead(6)
    let text = buffer[position..<min(position + 6, end)]
    for word in ["true", "false", "null"] as [StaticString] {
      let bytes = UnsafeBufferPointer(start: word.utf8Start, count: word.utf8CodeUnitCount)
      // What is cut off in the middle of a word is left to the reader of words.
      if text.count < bytes.count, bytes.starts(with: text) { return false }
      guard text.starts(with: bytes) else { continue }
      guard let next = text.dropFirst(bytes.count).first else { return false }
      return
        !(next <= 0x20 || next == UInt8(ascii: ",") || next == UInt8(ascii: "}")
        || next == UInt8(ascii: "]"))
    }
    return true
  }

  /// Reads a value without quotes, to the end of its line or the comma there.
  mutating func bareString() throws -> String {
    let place = self.place ?? .byte(byteOffset)
    scratch.removeAll(keepingCapacity: true)
    while let byte = try nextByte(), byte != 0x0A, byte != 0x0D {
      if byte == UInt8(ascii: ","), try !lookAhead(2) || buffer[position + 1] <= 0x0D { break }
      scratch.append(byte)
      position += 1
    }
    guard let string = String(validating: scratch, as: UTF8.self) else {
      throw InputError(path, place, "the string is not UTF-8")
    }
    return string
  }
}
