import FileSupport

/// Reads JSON text value by value; memory use grows only with the longest string and the depth.
///
/// The caller asks for what it expects; anything else is an ``InputError`` that names the byte
/// offset. Every method that reads therefore throws ``InputError``, ``FileError`` and what its
/// closure throws.
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

  /// Accepted deviations from RFC 8259.
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
    /// `\ud83d` without its other half in strings, which is read as U+FFFD, as browsers do.
    ///
    /// For texts written by people. In keys, such as a vocabulary, it would make different strings
    /// equal.
    public static let loneSurrogates = Leniency(rawValue: 1 << 3)
  }

  /// How deeply objects and arrays may nest.
  static let maximumDepth = 512

  let path: String
  let leniency: Leniency
  let input: InputFile?
  /// The location of the text in a larger file, for errors; `nil` to report bytes.
  var place: InputError.Place?
  /// The bytes of the text from `bufferOffset` on; at least ``slack`` more follow `end`.
  var buffer: UnsafeMutableRawBufferPointer
  var position = 0
  var end: Int
  /// The offset of the buffer in the text.
  var bufferOffset = 0
  var depth = 0
  /// The last string read, if it is not in the buffer in one piece and without escapes.
  var scratch = ByteRoom()
  /// If the text of a value is kept: where it begins in the buffer, and the part that has left the
  /// buffer.
  var keptStart: Int?
  var kept: [UInt8] = []
  /// Whether the text ended inside a value, as an interrupted writer leaves it, or inside its gzip
  /// stream.
  public var isCutOff: Bool { endsInValue || input?.isCutOff == true }
  var endsInValue = false
  /// How many halves of surrogate pairs were replaced in strings that were read rather than
  /// skipped.
  public internal(set) var replacedSurrogates = 0
  /// The bytes of the string that was rejected because it is not UTF-8.
  public internal(set) var invalidString: [UInt8]?

  /// What to do about ``invalidString``: a text to append to the problem, empty if nothing is known
  /// about its encoding.
  package var encodingRemedy: String {
    invalidString.map { TextEncoding.remedy(for: $0, in: path) } ?? ""
  }

  /// A reader of `input`, from its current position.
  public init(_ input: InputFile, leniency: Leniency = []) {
    self.input = input
    self.leniency = leniency
    path = input.path
    place = nil
    buffer = .allocate(byteCount: 1 << 18 + Self.slack, alignment: 64)
    end = 0
  }

  /// How many bytes after the text may be read, because eight bytes are examined at a time.
  static let slack = 8

  /// A reader of a copy of `bytes`, which are in the file `path`, at `place` if it is given.
  public init(
    bytes: UnsafeRawBufferPointer, path: String, place: InputError.Place? = nil,
    leniency: Leniency = []
  ) {
    input = nil
    self.path = path
    self.place = place
    self.leniency = leniency
    buffer = .allocate(byteCount: bytes.count + Self.slack, alignment: 64)
    buffer.copyMemory(from: bytes)
    end = bytes.count
  }

  deinit {
    buffer.deallocate()
  }

  /// Starts over with a copy of `bytes`, which are at `place` of the file.
  ///
  /// This saves a reader of many small texts, such as lines, from allocating each time. The reader
  /// must have been created from bytes.
  public mutating func restart(bytes: UnsafeRawBufferPointer, place: InputError.Place? = nil) {
    precondition(input == nil, "a reader of a file cannot be restarted with other text")
    if bytes.count + Self.slack > buffer.count {
      buffer.deallocate()
      buffer = .allocate(byteCount: bytes.count * 2 + Self.slack, alignment: 64)
    }
    buffer.copyMemory(from: bytes)
    (position, end, depth) = (0, bytes.count, 0)
    self.place = place
    keptStart = nil
    endsInValue = false
    invalidString = nil
  }

  /// The offset of the next byte to be read.
  public var byteOffset: Int { bufferOffset + position }

  /// How many bytes of text are left; `nil` if unknown.
  public var remainingCount: Int? {
    guard let input else { return end - position }
    return input.unpackedSize.map { max(0, $0 - byteOffset) }
  }

  // MARK: - Values

  /// The kind of the next value.
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

  /// Reads an object; `member` receives each key and must read or skip its value.
  public mutating func object(
    _ member: (_ reader: inout JSONReader, _ key: String) throws -> Void
  ) throws {
    guard try openObject() else { return }
    repeat {
      let key = try quotedString()
      try colon()
      try member(&self, key)
    } while try nextMember()
  }

  /// Reads an object; `member` receives each key, or `nil` if it is not in `keys`, and must read or
  /// skip its value.
  @inlinable
  public mutating func object<Key>(
    _ keys: JSONKeys<Key>, _ member: (_ reader: inout JSONReader, _ key: Key?) throws -> Void
  ) throws {
    guard try openObject() else { return }
    repeat {
      let index = try key(in: keys.table)
      try member(&self, index < 0 ? nil : keys.cases[index])
    } while try nextMember()
  }

  /// Reads an object; `member` must read each key with ``key(appendingTo:)``, and read or skip its
  /// value.
  public mutating func members(
    _ member: (_ reader: inout JSONReader) throws -> Void
  ) throws {
    guard try openObject() else { return }
    repeat { try member(&self) } while try nextMember()
  }

  /// Reads a key and the colon after it, and appends the bytes of the key to `bytes`.
  public mutating func key(appendingTo bytes: inout [UInt8]) throws {
    try appendQuotedBytes(to: &bytes, validating: true)
    try colon()
  }

  /// Reads the key that follows ``openObject()`` or ``nextMember()``; `nil` for one that is not in
  /// `keys`.
  ///
  /// - Throws: ``InputError`` if there is no key and colon here; ``FileError``.
  package mutating func key<Key>(of keys: JSONKeys<Key>) throws -> Key? {
    let index = try key(in: keys.table)
    return index < 0 ? nil : keys.cases[index]
  }

  /// Reads an array; `element` must read or skip each value.
  @inlinable
  public mutating func array(_ element: (_ reader: inout JSONReader) throws -> Void) throws {
    guard try openArray() else { return }
    repeat { try element(&self) } while try nextElement()
  }

  /// Reads a string.
  public mutating func string() throws -> String {
    guard try beginsQuotedString() else { return try bareString() }
    return try quotedString()
  }

  /// Reads a string and appends its bytes to `bytes`; checks that they are UTF-8 only if
  /// `validating`.
  public mutating func string(
    appendingTo bytes: inout [UInt8], validating: Bool = false
  ) throws {
    guard try beginsQuotedString() else { return bytes.append(contentsOf: try bareString().utf8) }
    try appendQuotedBytes(to: &bytes, validating: validating)
  }

  /// Reads a string and returns which of `words` it is; any other string is returned as
  /// ``JSONWord/other(_:)``.
  @inlinable
  public mutating func word<Word>(of words: JSONKeys<Word>) throws -> JSONWord<Word> {
    let (index, other) = try word(in: words.table)
    return index < 0 ? .other(other) : .known(words.cases[index])
  }

  /// Reads `true` or `false`.
  public mutating func boolean() throws -> Bool {
    try expect(.boolean)
    let isTrue = buffer[position] == UInt8(ascii: "t")
    try word(isTrue ? "true" : "false")
    return isTrue
  }

  /// Reads `null`.
  public mutating func null() throws {
    try expect(.null)
    try word("null")
  }

  /// Skips a value of any kind.
  ///
  /// The value must be well formed, but its strings need not be UTF-8.
  public mutating func skip() throws {
    switch try peek() {
    case .object:
      guard try openObject() else { return }
      repeat {
        try skipQuotedString()
        try colon()
        try skip()
      } while try nextMember()
    case .array:
      guard try openArray() else { return }
      repeat { try skip() } while try nextElement()
    case .string where buffer[position] == UInt8(ascii: "\""): try skipQuotedString()
    case .string: _ = try bareString()
    case .number: try skipNumber()
    case .boolean: _ = try boolean()
    case .null: try null()
    }
  }

  /// Skips a value like ``skip()`` and replaces `bytes` with its text.
  public mutating func skip(keeping bytes: inout [UInt8]) throws {
    _ = try peek()
    bytes.removeAll(keepingCapacity: true)
    kept.removeAll(keepingCapacity: true)
    keptStart = position
    defer { keptStart = nil }
    try skip()
    bytes.append(contentsOf: kept)
    bytes.append(contentsOf: UnsafeRawBufferPointer(rebasing: buffer[(keptStart ?? 0)..<position]))
  }

  /// Advances to the byte at `offset`, whatever comes before it.
  ///
  /// - Throws: ``InputError`` if the text ends before it; ``FileError``.
  package mutating func skipBytes(upTo offset: Int) throws {
    while byteOffset < offset {
      guard try nextByte() != nil else { throw truncated("byte \(offset)") }
      position += min(end - position, offset - byteOffset)
    }
  }

  /// Skips the byte order mark of UTF-8 if it is next.
  public mutating func skipByteOrderMark() throws {
    if try bytesAhead(3) == [0xEF, 0xBB, 0xBF] { position += 3 }
  }

  /// The next `count` bytes, including white space, without consuming them; fewer at the end.
  public mutating func bytesAhead(_ count: Int) throws -> [UInt8] {
    _ = try lookAhead(count)
    return Array(buffer[position..<min(position + count, end)])
  }

  /// Checks that only white space is left.
  public mutating func finish() throws {
    if let byte = try nextSignificantByte() {
      throw failure("expected the end, found \(Self.name(of: byte))")
    }
  }

  // MARK: - Errors

  /// An error that describes a `problem` at the next byte.
  public func failure(_ problem: String) -> InputError {
    InputError(path, place ?? .byte(byteOffset), problem)
  }

  mutating func truncated(_ expected: String) -> InputError {
    endsInValue = true
    return failure("the text ends where \(expected) was expected: it is cut off")
  }

  mutating func unexpected(_ expected: String) throws -> InputError {
    guard let byte = try nextSignificantByte() else { return truncated(expected) }
    return failure("expected \(expected), found \(Self.name(of: byte))")
  }

  static func name(of byte: UInt8) -> String {
    switch byte {
    case 0x21...0x7E: "'\(Character(UnicodeScalar(byte)))'"
    default: "byte 0x" + String(byte, radix: 16, uppercase: true)
    }
  }
}
