import FileSupport

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
    /// `\ud83d` without its other half in strings, which is read as U+FFFD, as by browsers.
    ///
    /// For texts that people wrote. In what is looked up, such as a vocabulary, it would make two
    /// strings one.
    public static let loneSurrogates = Leniency(rawValue: 1 << 3)
  }

  /// How deep objects and arrays may nest.
  static let maximumDepth = 512

  let path: String
  let leniency: Leniency
  let input: InputFile?
  /// The place in a larger file where the bytes come from, for errors; `nil`: count bytes.
  var place: InputError.Place?
  /// The bytes of the text from `bufferOffset` on; behind `end` there is room for ``slack`` more.
  var buffer: UnsafeMutableRawBufferPointer
  var position = 0
  var end: Int
  /// The offset in the text of the first byte in the buffer.
  var bufferOffset = 0
  var depth = 0
  /// The string that was read last, if it did not stand in the buffer as it is.
  var scratch = ByteRoom()
  /// Where in the buffer the value begins whose text is kept, if one is, and what of it stood in
  /// the buffer before.
  var keptStart: Int?
  var kept: [UInt8] = []
  /// Whether the text ended inside a value, which is what an interrupted writer leaves, or inside the
  /// gzip stream that it was packed in.
  public var isCutOff: Bool { endsInValue || input?.isCutOff == true }
  var endsInValue = false
  /// How many halves of surrogate pairs were replaced, in strings that were read, not skipped.
  public internal(set) var replacedSurrogates = 0
  /// The bytes of a string that were refused because they are not UTF-8.
  public internal(set) var invalidString: [UInt8]?

  /// What to do about ``invalidString``, to be appended to the problem; empty where there is nothing to do,
  /// or nothing is known of its encoding.
  package var encodingRemedy: String {
    invalidString.map { TextEncoding.remedy(for: $0, in: path) } ?? ""
  }

  /// Reads from `input`, from where it stands.
  public init(_ input: InputFile, leniency: Leniency = []) {
    self.input = input
    self.leniency = leniency
    path = input.path
    place = nil
    buffer = .allocate(byteCount: 1 << 18 + Self.slack, alignment: 64)
    end = 0
  }

  /// How many bytes behind a text may be read, whatever they are: a word of the processor at a time
  /// is looked at, wherever the text ends.
  static let slack = 8

  /// Reads a copy of `bytes`, which stand in the file `path`, at `place` if that is given.
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

  /// Goes on with a copy of `bytes`, which stand at `place` of the file, as if newly made.
  ///
  /// A reader of many small texts, such as lines, spares itself the allocations this way. For
  /// readers that were made of bytes.
  public mutating func restart(bytes: UnsafeRawBufferPointer, place: InputError.Place? = nil) {
    precondition(input == nil, "a reader of a file cannot be given other text")
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
    guard try openObject() else { return }
    repeat {
      let key = try quotedString()
      try colon()
      try member(&self, key)
    } while try nextMember()
  }

  /// Reads an object; `member` is given each key, `nil` for one that is not in `keys`, and must
  /// read or skip its value.
  ///
  /// - Throws: ``InputError`` if no whole object stands here; ``FileError``; what `member` throws.
  @inlinable
  public mutating func object<Key>(
    _ keys: JSONKeys<Key>, _ member: (_ reader: inout JSONReader, _ key: Key?) throws -> Void
  ) throws {
    guard try openObject() else { return }
    repeat {
      let number = try key(in: keys.table)
      try member(&self, number < 0 ? nil : keys.cases[number])
    } while try nextMember()
  }

  /// Reads an object; `member` must read each key by ``key(appendingTo:)``, and read or skip its
  /// value.
  ///
  /// - Throws: ``InputError`` if no whole object stands here; ``FileError``; what `member` throws.
  public mutating func members(
    _ member: (_ reader: inout JSONReader) throws -> Void
  ) throws {
    guard try openObject() else { return }
    repeat { try member(&self) } while try nextMember()
  }

  /// Reads a key and the colon behind it, and appends the key's bytes to `bytes`.
  ///
  /// - Throws: ``InputError`` if the key is not whole or not UTF-8; ``FileError``.
  public mutating func key(appendingTo bytes: inout [UInt8]) throws {
    try appendQuotedBytes(to: &bytes, validating: true)
    try colon()
  }

  /// Reads the key that follows ``openObject()`` or ``nextMember()``; `nil` for one that is not in
  /// `keys`.
  ///
  /// - Throws: ``InputError`` if no key and colon stand here; ``FileError``.
  package mutating func key<Key>(of keys: JSONKeys<Key>) throws -> Key? {
    let index = try key(in: keys.table)
    return index < 0 ? nil : keys.cases[index]
  }

  /// Reads an array; `element` must read or skip each value.
  ///
  /// - Throws: ``InputError`` if no whole array stands here; ``FileError``; what `element` throws.
  @inlinable
  public mutating func array(_ element: (_ reader: inout JSONReader) throws -> Void) throws {
    guard try openArray() else { return }
    repeat { try element(&self) } while try nextElement()
  }

  /// Reads a string.
  ///
  /// - Throws: ``InputError`` if no whole string in UTF-8 stands here; ``FileError``.
  public mutating func string() throws -> String {
    guard try beginsQuotedString() else { return try bareString() }
    return try quotedString()
  }

  /// Reads a string and appends its bytes to `bytes`; that they are UTF-8 is checked only where
  /// `validating`.
  ///
  /// - Throws: ``InputError`` if no whole string stands here; ``FileError``.
  public mutating func string(
    appendingTo bytes: inout [UInt8], validating: Bool = false
  ) throws {
    guard try beginsQuotedString() else { return bytes.append(contentsOf: try bareString().utf8) }
    try appendQuotedBytes(to: &bytes, validating: validating)
  }

  /// Reads a string that is one of `words`, and returns which; if it is none of them, it is returned
  /// as ``JSONWord/other(_:)``.
  ///
  /// - Throws: ``InputError`` if no whole string in UTF-8 stands here; ``FileError``.
  @inlinable
  public mutating func word<Word>(of words: JSONKeys<Word>) throws -> JSONWord<Word> {
    let (number, other) = try word(in: words.table)
    return number < 0 ? .other(other) : .known(words.cases[number])
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

  /// Reads a value of any kind and replaces `bytes` by its text as it stands.
  ///
  /// The value must be as one for ``skip()``.
  ///
  /// - Throws: ``InputError`` if no whole value stands here; ``FileError``.
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

  /// Goes on to the byte at `offset`, whatever is before it.
  ///
  /// - Throws: ``InputError`` if the text ends before; ``FileError``.
  package mutating func skipBytes(upTo offset: Int) throws {
    while byteOffset < offset {
      guard try nextByte() != nil else { throw truncated("byte \(offset)") }
      position += min(end - position, offset - byteOffset)
    }
  }

  /// Reads over the byte order mark of UTF-8, if the text begins with it here.
  ///
  /// - Throws: ``InputError`` if a gzip stream is damaged; ``FileError``.
  public mutating func skipByteOrderMark() throws {
    if try bytesAhead(3) == [0xEF, 0xBB, 0xBF] { position += 3 }
  }

  /// The next `count` bytes, white space or not, which stay the next ones; fewer at the end.
  ///
  /// - Throws: ``InputError`` if a gzip stream is damaged; ``FileError``.
  public mutating func bytesAhead(_ count: Int) throws -> [UInt8] {
    _ = try lookAhead(count)
    return Array(buffer[position..<min(position + count, end)])
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
