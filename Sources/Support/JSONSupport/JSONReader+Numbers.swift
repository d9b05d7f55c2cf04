import FileSupport
import TextSupport

extension JSONReader {
  /// Reads a number and returns its text.
  public mutating func numberText() throws -> String {
    try scanNumber()
    return String(decoding: scratch.bytes, as: UTF8.self)
  }

  /// Reads a whole number.
  public mutating func integer() throws -> Int {
    if try nextSignificantByte() != nil, let integer = smallNumber() { return integer }
    try expect(.number)
    let start = byteOffset
    let text = try numberText()
    if let integer = Int(text) { return integer }
    if let number = Double(text), let integer = Int(exactly: number) { return integer }
    throw InputError(path, place ?? .byte(start), "expected a whole number, found \(excerpt(text))")
  }

  /// Reads a number.
  public mutating func number() throws -> Double {
    try expect(.number)
    let start = byteOffset
    let text = try numberText()
    guard let number = Double(text) else {
      throw InputError(path, place ?? .byte(start), "'\(excerpt(text))' is not a number")
    }
    return number
  }

  /// Reads a 64-bit whole number, in quotes or not; skips any other value and returns `nil`.
  public mutating func integerIfAny() throws -> Int? {
    switch try peek() {
    case .number: return try smallNumber() ?? Int(try numberText())
    case .string where buffer[position] == UInt8(ascii: "\""):
      let bytes = try quotedBytes()
      return Self.smallNumber(bytes) ?? String(utf8: bytes).flatMap { Int($0) }
    default:
      try skip()
      return nil
    }
  }

  /// Reads a number of up to 18 digits and nothing else, if all of it is in the buffer; otherwise
  /// reads nothing and returns `nil`.
  private mutating func smallNumber() -> Int? {
    var index = position
    while index < end, Self.isNumberByte(buffer[index]) { index += 1 }
    // A number at the end of the buffer may continue.
    guard index < end, !(leniency.contains(.nonFiniteNumbers) && Self.isLetter(buffer[index])),
      let number = Self.smallNumber(UnsafeRawBufferPointer(rebasing: buffer[position..<index]))
    else { return nil }
    position = index
    return number
  }

  /// The value of up to 18 `digits` without a leading 0; `nil` if they are anything else.
  private static func smallNumber(_ digits: UnsafeRawBufferPointer) -> Int? {
    guard let first = digits.first, first != UInt8(ascii: "0"), digits.count <= 18 else {
      return nil
    }
    var value = 0
    for byte in digits {
      let digit = byte &- UInt8(ascii: "0")
      guard digit < 10 else { return nil }
      value = value &* 10 &+ Int(digit)
    }
    return value
  }

  /// Skips a number.
  mutating func skipNumber() throws {
    if smallNumber() == nil { try scanNumber() }
  }

  /// Reads a number and leaves its text in `scratch`.
  mutating func scanNumber() throws {
    try expect(.number)
    let start = byteOffset
    let isLenient = leniency.contains(.nonFiniteNumbers)
    scratch.removeAll()
    while let byte = try nextByte(),
      Self.isNumberByte(byte) || isLenient && Self.isLetter(byte)
    {
      scratch.append(byte)
      position += 1
    }
    let text = scratch.bytes
    guard Self.isNumber(text) || isLenient && Self.isNonFiniteNumber(text) else {
      throw InputError(
        path, place ?? .byte(start),
        "'\(excerpt(String(decoding: text, as: UTF8.self)))' is not a number")
    }
  }

  private static func isNumberByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "+"),
      UInt8(ascii: "."), UInt8(ascii: "e"), UInt8(ascii: "E"):
      true
    default: false
    }
  }

  private static func isLetter(_ byte: UInt8) -> Bool {
    byte | 0x20 >= UInt8(ascii: "a") && byte | 0x20 <= UInt8(ascii: "z")
  }

  /// Whether `text` is one of the words that Python's json uses for numbers that JSON cannot
  /// express.
  private static func isNonFiniteNumber(_ text: UnsafeRawBufferPointer) -> Bool {
    ["NaN", "Infinity", "-Infinity"].contains { text.elementsEqual($0.utf8) }
  }

  /// Whether `text` is a number according to the grammar of RFC 8259.
  private static func isNumber(_ text: UnsafeRawBufferPointer) -> Bool {
    var index = 0
    func isNext(_ byte: UInt8) -> Bool { index < text.count && text[index] == byte }
    func digits() -> Int {
      let start = index
      while index < text.count, text[index] &- UInt8(ascii: "0") < 10 { index += 1 }
      return index - start
    }
    if isNext(UInt8(ascii: "-")) { index += 1 }
    let hasLeadingZero = isNext(UInt8(ascii: "0"))
    let whole = digits()
    guard whole > 0, !hasLeadingZero || whole == 1 else { return false }
    if isNext(UInt8(ascii: ".")) {
      index += 1
      guard digits() > 0 else { return false }
    }
    if isNext(UInt8(ascii: "e")) || isNext(UInt8(ascii: "E")) {
      index += 1
      if isNext(UInt8(ascii: "+")) || isNext(UInt8(ascii: "-")) { index += 1 }
      guard digits() > 0 else { return false }
    }
    return index == text.count
  }
}
