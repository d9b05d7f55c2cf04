extension JSONReader {
  /// Reads the string that begins with the quote at `position`.
  mutating func quotedString() throws -> String {
    position += 1
    let start = byteOffset
    scratch.removeAll(keepingCapacity: true)
    while true {
      guard try nextByte() != nil else { throw truncated("the end of a string") }
      let plain = plainByteCount()
      scratch.append(
        contentsOf: UnsafeRawBufferPointer(rebasing: buffer[position..<position + plain]))
      position += plain
      guard position < end else { continue }
      switch buffer[position] {
      case UInt8(ascii: "\""):
        position += 1
        return try validated(from: start)
      case UInt8(ascii: "\\"):
        position += 1
        try escape()
      default:
        throw failure("a control character in a string must be escaped")
      }
    }
  }

  /// How many bytes from `position` on stand for themselves in a string.
  private func plainByteCount() -> Int {
    var index = position
    while index < end {
      let byte = buffer[index]
      if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") || byte < 0x20 { break }
      index += 1
    }
    return index - position
  }

  private func validated(from start: Int) throws -> String {
    guard let string = String(validating: scratch, as: UTF8.self) else {
      throw InputError(path, place ?? .byte(start), "the string is not UTF-8")
    }
    return string
  }

  /// Reads what follows a backslash and appends the bytes it stands for.
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
      throw failure("'\\\(Character(UnicodeScalar(byte)))' is not an escape")
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
        if 0xDC00...0xDFFF ~= second { return 0x10000 + (first - 0xD800) << 10 + (second - 0xDC00) }
      }
    }
    throw failure("\\u\(String(first, radix: 16)) is half of a surrogate pair")
  }

  private mutating func hexadecimal(digits: Int) throws -> UInt32 {
    var value: UInt32 = 0
    for _ in 0..<digits {
      guard let byte = try nextByte() else { throw truncated("a hexadecimal digit") }
      guard let digit = Character(UnicodeScalar(byte)).hexDigitValue else {
        throw failure("expected a hexadecimal digit")
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
    guard leniency.contains(.bareStrings), position + 5 < end else { return false }
    let text = buffer[position..<position + 5]
    return
      !(text.starts(with: "true".utf8) || text.starts(with: "fals".utf8)
      || text.starts(with: "null".utf8))
  }

  /// Reads a value without quotes, to the end of its line or the comma there.
  mutating func bareString() throws -> String {
    let start = byteOffset
    scratch.removeAll(keepingCapacity: true)
    while let byte = try nextByte(), byte != 0x0A {
      scratch.append(byte)
      position += 1
    }
    if scratch.last == UInt8(ascii: ",") {
      scratch.removeLast()
      // The comma is still to be read as the separator of the members.
      if position > 0 { position -= 1 }
    }
    return try validated(from: start)
  }
}
