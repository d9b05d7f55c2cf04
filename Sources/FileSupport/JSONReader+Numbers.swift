extension JSONReader {
  /// Reads a number as it is written.
  ///
  /// - Throws: ``InputError`` if no number stands here; ``FileError``.
  public mutating func numberText() throws -> String {
    try scanNumber()
    return String(decoding: scratch, as: UTF8.self)
  }

  /// Reads a whole number.
  ///
  /// - Throws: ``InputError`` if no whole number of 64 bits stands here; ``FileError``.
  public mutating func integer() throws -> Int {
    if let integer = try plainInteger() { return integer }
    try expect(.number)
    let start = byteOffset
    let text = try numberText()
    if let integer = Int(text) { return integer }
    if let number = Double(text), let integer = Int(exactly: number) { return integer }
    throw InputError(path, place ?? .byte(start), "expected a whole number, found \(text)")
  }

  /// Reads a whole number that is written with up to 18 digits and nothing else, if such a one is
  /// next and lies in the buffer together with the byte behind it; else nothing is read.
  private mutating func plainInteger() throws -> Int? {
    guard let first = try nextSignificantByte(), first &- UInt8(ascii: "0") < 10 else { return nil }
    var index = position
    var value = 0
    while index < min(end, position + 19), buffer[index] &- UInt8(ascii: "0") < 10 {
      value = value * 10 + Int(buffer[index] - UInt8(ascii: "0"))
      index += 1
    }
    let digits = index - position
    guard digits <= 18, digits == 1 || first != UInt8(ascii: "0"), index < end,
      !Self.isNumberByte(buffer[index]),
      !(leniency.contains(.nonFiniteNumbers) && Self.isLetter(buffer[index]))
    else { return nil }
    position = index
    return value
  }

  /// Reads a number.
  ///
  /// - Throws: ``InputError`` if no number stands here; ``FileError``.
  public mutating func number() throws -> Double {
    try expect(.number)
    let start = byteOffset
    let text = try numberText()
    guard let number = Double(text) else {
      throw InputError(path, place ?? .byte(start), "'\(text)' is not a number")
    }
    return number
  }

  /// Reads a number and leaves its text in `scratch`.
  mutating func scanNumber() throws {
    try expect(.number)
    let start = byteOffset
    let isLenient = leniency.contains(.nonFiniteNumbers)
    scratch.removeAll(keepingCapacity: true)
    while let byte = try nextByte(),
      Self.isNumberByte(byte) || isLenient && Self.isLetter(byte)
    {
      scratch.append(byte)
      position += 1
    }
    guard Self.isNumber(scratch) || isLenient && Self.isNonFiniteNumber(scratch) else {
      let text = String(decoding: scratch, as: UTF8.self)
      throw InputError(path, place ?? .byte(start), "'\(text)' is not a number")
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

  /// Whether `text` is one of the words that Python's json has for numbers that JSON cannot say.
  private static func isNonFiniteNumber(_ text: [UInt8]) -> Bool {
    ["NaN", "Infinity", "-Infinity"].contains { text.elementsEqual($0.utf8) }
  }

  /// Whether `text` is a number by the grammar of RFC 8259.
  private static func isNumber(_ text: [UInt8]) -> Bool {
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
