import Glibc

/// Walks through JSON text value by value, in memory for the longest string and the depth.
///
/// The caller says what it expects; everything else is an error that names the byte.
///
///     var reader = JSONReader(try InputFile(path: "result.json"))
///     try reader.object { reader, key in
///       if key == "name" { name = try reader.string() } else { try reader.skip() }
///     }
///     try reader.finish()
public struct JSONReader: ~Copyable {
  /// The kinds of JSON values.
  public enum Kind: String, Sendable {
    case object = "an object"
    case array = "an array"
    case string = "a string"
    case number = "a number"
    case boolean = "a boolean"
    case null = "null"
  }

  /// Deviations from RFC 8259 that are accepted.
  public struct Leniency: OptionSet, Sendable {
    public let rawValue: Int

    public init(rawValue: Int) {
      self.rawValue = rawValue
    }

    /// `\x0B` in strings, which Telegram Desktop writes for control characters.
    public static let hexEscapes = Leniency(rawValue: 1 << 0)
    /// A value without quotes, up to the end of its line, which Telegram Desktop 4.0.4 to 4.1.1
    /// writes for `document_id`; it is read as a string.
    public static let bareStrings = Leniency(rawValue: 1 << 1)
  }

  /// How deep objects and arrays may nest.
  static let maximumDepth = 512

  let path: String
  let leniency: Leniency
  let input: InputFile?
  /// The place in a larger file where the bytes come from, for errors; `nil`: count bytes.
  let place: InputError.Place?
  var buffer: UnsafeMutableRawBufferPointer
  var position = 0
  var end: Int
  /// The offset in the text of the first byte in the buffer.
  var bufferOffset = 0
  var depth = 0
  var scratch: [UInt8] = []

  /// Reads from `input`, from where it stands.
  public init(_ input: InputFile, leniency: Leniency = []) {
    self.input = input
    self.leniency = leniency
    path = input.path
    place = nil
    buffer = .allocate(byteCount: 1 << 18, alignment: 64)
    end = 0
  }

  /// Reads a copy of `bytes`, which stand in the file `path`, at `place` if that is given.
  public init(
    bytes: UnsafeRawBufferPointer, path: String, place: InputError.Place? = nil,
    leniency: Leniency = []
  ) {
    input = nil
    self.path = path
    self.place = place
    self.leniency = leniency
    buffer = .allocate(byteCount: bytes.count, alignment: 64)
    buffer.copyMemory(from: bytes)
    end = bytes.count
  }

  deinit {
    buffer.deallocate()
  }

  /// The offset of the next byte to be read.
  public var byteOffset: Int { bufferOffset + position }

  // MARK: - Values

  /// The kind of the next value.
  ///
  /// - Throws: ``InputError`` if no value can begin here; ``FileError``.
  public mutating func peek() throws -> Kind {
    guard let byte = try nextSignificantByte() else { throw truncated("a value") }
    switch byte {
    case UInt8(ascii: "{"): return .object
    case UInt8(ascii: "["): return .array
    case UInt8(ascii: "\""): return .string
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return .number
    case UInt8(ascii: "t"), UInt8(ascii: "f"):
      return try followsBareString() ? .string : .boolean
    case UInt8(ascii: "n"): return try followsBareString() ? .string : .null
    default:
      if leniency.contains(.bareStrings), Self.beginsBareString(byte) { return .string }
      throw failure("expected a value, found \(Self.name(of: byte))")
    }
  }

  /// Reads an object; `member` is given each key and must read or skip its value.
  ///
  /// - Throws: ``InputError`` if no whole object stands here; ``FileError``; what `member` throws.
  public mutating func object(
    _ member: (_ reader: inout JSONReader, _ key: String) throws -> Void
  ) throws {
    try open(UInt8(ascii: "{"), .object)
    if try consume(UInt8(ascii: "}")) { return close() }
    while true {
      guard let byte = try nextSignificantByte() else { throw truncated("a key") }
      guard byte == UInt8(ascii: "\"") else {
        throw failure("expected a key in quotes, found \(Self.name(of: byte))")
      }
      let key = try quotedString()
      guard try consume(UInt8(ascii: ":")) else { throw try unexpected("':'") }
      try member(&self, key)
      if try consume(UInt8(ascii: "}")) { return close() }
      guard try consume(UInt8(ascii: ",")) else { throw try unexpected("',' or '}'") }
    }
  }

  /// Reads an array; `element` must read or skip each value.
  ///
  /// - Throws: ``InputError`` if no whole array stands here; ``FileError``; what `element` throws.
  public mutating func array(_ element: (_ reader: inout JSONReader) throws -> Void) throws {
    try open(UInt8(ascii: "["), .array)
    if try consume(UInt8(ascii: "]")) { return close() }
    while true {
      try element(&self)
      if try consume(UInt8(ascii: "]")) { return close() }
      guard try consume(UInt8(ascii: ",")) else { throw try unexpected("',' or ']'") }
    }
  }

  /// Reads a string.
  ///
  /// - Throws: ``InputError`` if no whole string in UTF-8 stands here; ``FileError``.
  public mutating func string() throws -> String {
    try expect(.string)
    if buffer[position] == UInt8(ascii: "\"") { return try quotedString() }
    return try bareString()
  }

  /// Reads a number as it is written.
  ///
  /// - Throws: ``InputError`` if no number stands here; ``FileError``.
  public mutating func numberText() throws -> String {
    try expect(.number)
    let start = byteOffset
    scratch.removeAll(keepingCapacity: true)
    while let byte = try nextByte(), Self.isNumberByte(byte) {
      scratch.append(byte)
      position += 1
    }
    let text = String(decoding: scratch, as: UTF8.self)
    guard Self.isNumber(scratch) else {
      throw InputError(path, place ?? .byte(start), "'\(text)' is not a number")
    }
    return text
  }

  /// Reads a whole number.
  ///
  /// - Throws: ``InputError`` if no whole number of 64 bits stands here; ``FileError``.
  public mutating func integer() throws -> Int {
    try expect(.number)
    let start = byteOffset
    let text = try numberText()
    if let integer = Int(text) { return integer }
    if let number = Double(text), let integer = Int(exactly: number) { return integer }
    throw InputError(path, place ?? .byte(start), "expected a whole number, found \(text)")
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

  /// Reads `true` or `false`.
  ///
  /// - Throws: ``InputError`` if neither stands here; ``FileError``.
  public mutating func boolean() throws -> Bool {
    try expect(.boolean)
    let isTrue = buffer[position] == UInt8(ascii: "t")
    try word(isTrue ? "true" : "false")
    return isTrue
  }

  /// Reads `null`.
  ///
  /// - Throws: ``InputError`` if something else stands here; ``FileError``.
  public mutating func null() throws {
    try expect(.null)
    try word("null")
  }

  /// Reads a value of any kind and forgets it.
  ///
  /// - Throws: ``InputError`` if no whole value stands here; ``FileError``.
  public mutating func skip() throws {
    switch try peek() {
    case .object: try object { reader, _ in try reader.skip() }
    case .array: try array { reader in try reader.skip() }
    case .string: _ = try string()
    case .number: _ = try numberText()
    case .boolean: _ = try boolean()
    case .null: try null()
    }
  }

  /// Checks that nothing but white space is left.
  ///
  /// - Throws: ``InputError`` if something is left; ``FileError``.
  public mutating func finish() throws {
    if let byte = try nextSignificantByte() {
      throw failure("expected the end, found \(Self.name(of: byte))")
    }
  }

  // MARK: - Errors

  /// An error that says `problem` of the next byte.
  public func failure(_ problem: String) -> InputError {
    InputError(path, place ?? .byte(byteOffset), problem)
  }

  func truncated(_ expected: String) -> InputError {
    failure("the text ends where \(expected) was expected: it is cut off")
  }

  private mutating func unexpected(_ expected: String) throws -> InputError {
    guard let byte = try nextSignificantByte() else { return truncated(expected) }
    return failure("expected \(expected), found \(Self.name(of: byte))")
  }

  private static func name(of byte: UInt8) -> String {
    switch byte {
    case 0x21...0x7E: "'\(Character(UnicodeScalar(byte)))'"
    default: "byte 0x" + String(byte, radix: 16, uppercase: true)
    }
  }

  // MARK: - Structure

  private mutating func expect(_ kind: Kind) throws {
    let found = try peek()
    if found != kind {
      throw failure("expected \(kind.rawValue), found \(found.rawValue)")
    }
  }

  private mutating func open(_ bracket: UInt8, _ kind: Kind) throws {
    try expect(kind)
    position += 1
    depth += 1
    if depth > Self.maximumDepth {
      throw failure("objects and arrays nest deeper than \(Self.maximumDepth)")
    }
  }

  private mutating func close() {
    depth -= 1
  }

  private mutating func consume(_ byte: UInt8) throws -> Bool {
    guard try nextSignificantByte() == byte else { return false }
    position += 1
    return true
  }

  private mutating func word(_ word: StaticString) throws {
    for index in 0..<word.utf8CodeUnitCount {
      guard let byte = try nextByte() else { throw truncated("'\(word)'") }
      guard byte == word.utf8Start[index] else { throw failure("expected '\(word)'") }
      position += 1
    }
  }

  // MARK: - Bytes

  /// The next byte, which stays the next one; `nil` at the end.
  @inline(__always)
  mutating func nextByte() throws -> UInt8? {
    if position < end { return buffer[position] }
    return try refill() ? buffer[position] : nil
  }

  @inline(__always)
  mutating func nextSignificantByte() throws -> UInt8? {
    while let byte = try nextByte() {
      guard byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 else { return byte }
      position += 1
    }
    return nil
  }

  /// Replaces the buffer, all of which was read, by what follows; `false` at the end.
  mutating func refill() throws -> Bool {
    guard let input else { return false }
    bufferOffset += end
    (position, end) = (0, 0)
    end = try input.read(into: buffer)
    return end > 0
  }

  private static func isNumberByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "+"),
      UInt8(ascii: "."), UInt8(ascii: "e"), UInt8(ascii: "E"):
      true
    default: false
    }
  }

  /// Whether `text` is a number by the grammar of RFC 8259.
  private static func isNumber(_ text: [UInt8]) -> Bool {
    var rest = text[...]
    func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }
    func digits(_ rest: inout ArraySlice<UInt8>) -> Int {
      let count = rest.prefix(while: isDigit).count
      rest = rest.dropFirst(count)
      return count
    }
    if rest.first == UInt8(ascii: "-") { rest = rest.dropFirst() }
    let leadingZero = rest.first == UInt8(ascii: "0")
    let whole = digits(&rest)
    guard whole > 0, !leadingZero || whole == 1 else { return false }
    if rest.first == UInt8(ascii: ".") {
      rest = rest.dropFirst()
      guard digits(&rest) > 0 else { return false }
    }
    if rest.first == UInt8(ascii: "e") || rest.first == UInt8(ascii: "E") {
      rest = rest.dropFirst()
      if rest.first == UInt8(ascii: "+") || rest.first == UInt8(ascii: "-") {
        rest = rest.dropFirst()
      }
      guard digits(&rest) > 0 else { return false }
    }
    return rest.isEmpty
  }
}
