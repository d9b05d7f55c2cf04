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
    /// `NaN`, `Infinity` and `-Infinity` as numbers, which Python's json writes and reads.
    public static let nonFiniteNumbers = Leniency(rawValue: 1 << 2)
  }

  /// How deep objects and arrays may nest.
  static let maximumDepth = 512

  let path: String
  let leniency: Leniency
  let input: InputFile?
  /// The place in a larger file where the bytes come from, for errors; `nil`: count bytes.
  var place: InputError.Place?
  var buffer: UnsafeMutableRawBufferPointer
  var position = 0
  var end: Int
  /// The offset in the text of the first byte in the buffer.
  var bufferOffset = 0
  var depth = 0
  var scratch: [UInt8] = []
  /// Whether the text ended inside a value, which is what an interrupted writer leaves.
  public internal(set) var isCutOff = false

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

  /// Goes on with a copy of `bytes`, which stand at `place` of the file, as if newly made.
  ///
  /// A reader of many small texts, such as lines, spares itself the allocations this way. For
  /// readers that were made of bytes.
  public mutating func restart(bytes: UnsafeRawBufferPointer, place: InputError.Place? = nil) {
    precondition(input == nil, "a reader of a file cannot be given other text")
    if bytes.count > buffer.count {
      buffer.deallocate()
      buffer = .allocate(byteCount: bytes.count * 2, alignment: 64)
    }
    buffer.copyMemory(from: bytes)
    (position, end, depth) = (0, bytes.count, 0)
    self.place = place
    isCutOff = false
  }

  /// The offset of the next byte to be read.
  public var byteOffset: Int { bufferOffset + position }

  /// How many bytes the text has from the next one on; `nil` where that is not known before.
  public var remainingCount: Int? {
    guard let input else { return end - position }
    return input.unpackedSize.map { max(0, $0 - byteOffset) }
  }

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
      let beginsWord = byte == UInt8(ascii: "N") || byte == UInt8(ascii: "I")
      if beginsWord, leniency.contains(.nonFiniteNumbers) { return .number }
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
    try members { reader in
      let key = try reader.quotedString()
      try reader.colon()
      try member(&reader, key)
    }
  }

  /// Reads an object; `member` is given each key, `nil` for one that is not in `keys`, and must
  /// read or skip its value.
  ///
  /// - Throws: ``InputError`` if no whole object stands here; ``FileError``; what `member` throws.
  @inlinable
  public mutating func object<Key>(
    _ keys: JSONKeys<Key>, _ member: (_ reader: inout JSONReader, _ key: Key?) throws -> Void
  ) throws {
    try members { reader in
      let key = try reader.key(in: keys.table).map { keys.cases[$0] }
      try member(&reader, key)
    }
  }

  /// Reads an object; `member` must read each key by ``key(appendingTo:)``, and read or skip its
  /// value.
  ///
  /// - Throws: ``InputError`` if no whole object stands here; ``FileError``; what `member` throws.
  public mutating func members(
    _ member: (_ reader: inout JSONReader) throws -> Void
  ) throws {
    try open(UInt8(ascii: "{"), .object)
    if try consume(UInt8(ascii: "}")) { return close() }
    while true {
      guard let byte = try nextSignificantByte() else { throw truncated("a key") }
      guard byte == UInt8(ascii: "\"") else {
        throw failure("expected a key in quotes, found \(Self.name(of: byte))")
      }
      try member(&self)
      if try consume(UInt8(ascii: "}")) { return close() }
      guard try consume(UInt8(ascii: ",")) else { throw try unexpected("',' or '}'") }
    }
  }

  /// Reads a key and the colon behind it, and appends the key's bytes to `bytes`.
  ///
  /// - Throws: ``InputError`` if the key is not whole or not UTF-8; ``FileError``.
  public mutating func key(appendingTo bytes: inout [UInt8]) throws {
    try quotedBytes(appendingTo: &bytes, validating: true)
    try colon()
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

  /// Reads a string and appends its bytes to `bytes`; that they are UTF-8 is checked only where
  /// `validating`.
  ///
  /// - Throws: ``InputError`` if no whole string stands here; ``FileError``.
  public mutating func string(
    appendingTo bytes: inout [UInt8], validating: Bool = false
  ) throws {
    try expect(.string)
    if buffer[position] == UInt8(ascii: "\"") {
      try quotedBytes(appendingTo: &bytes, validating: validating)
    } else {
      bytes.append(contentsOf: try bareString().utf8)
    }
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
  /// The value must be well formed; only its strings are not checked to be UTF-8.
  ///
  /// - Throws: ``InputError`` if no whole value stands here; ``FileError``.
  public mutating func skip() throws {
    switch try peek() {
    case .object:
      try members { reader in
        try reader.skipQuotedString()
        try reader.colon()
        try reader.skip()
      }
    case .array: try array { reader in try reader.skip() }
    case .string where buffer[position] == UInt8(ascii: "\""): try skipQuotedString()
    case .string: _ = try bareString()
    case .number: try scanNumber()
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

  mutating func truncated(_ expected: String) -> InputError {
    isCutOff = true
    return failure("the text ends where \(expected) was expected: it is cut off")
  }

  private mutating func unexpected(_ expected: String) throws -> InputError {
    guard let byte = try nextSignificantByte() else { return truncated(expected) }
    return failure("expected \(expected), found \(Self.name(of: byte))")
  }

  static func name(of byte: UInt8) -> String {
    switch byte {
    case 0x21...0x7E: "'\(Character(UnicodeScalar(byte)))'"
    default: "byte 0x" + String(byte, radix: 16, uppercase: true)
    }
  }

  // MARK: - Structure

  mutating func expect(_ kind: Kind) throws {
    let found = try peek()
    if found != kind {
      throw failure("expected \(kind.rawValue), found \(found.rawValue)")
    }
  }

  mutating func colon() throws {
    guard try consume(UInt8(ascii: ":")) else { throw try unexpected("':'") }
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

  @inline(__always)
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

  /// Brings `count` bytes from `position` on into the buffer; `false` if there are not so many.
  mutating func lookAhead(_ count: Int) throws -> Bool {
    while end - position < count {
      guard let input, let base = buffer.baseAddress else { return false }
      memmove(base, base + position, end - position)
      bufferOffset += position
      (position, end) = (0, end - position)
      let added = try input.read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[end...]))
      if added == 0 { return false }
      end += added
    }
    return true
  }
}
