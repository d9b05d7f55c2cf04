/// Text that is not UTF-8.
public struct InvalidUTF8: Error, Equatable, CustomStringConvertible {
  /// The byte of the text at which no character can be read.
  public let offset: Int

  /// Names the byte at which no character can be read.
  public init(offset: Int) {
    self.offset = offset
  }

  public var description: String { "byte \(offset) of the text is not UTF-8" }
}

/// Cuts text into the pieces within which byte pairs are merged, as GPT-2 does.
///
/// The pieces are those of the expression
/// `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`
/// with the classes of Unicode 16.0. Together they are the whole text.
///
///     let text = Array("a  b, it's".utf8)
///     try PreTokenizer().pieces(of: text)  // "a", " ", " b", ",", " it", "'s"
public struct PreTokenizer: Sendable {
  private let classes = CharacterClass.table

  /// The only pre-tokenizer there is.
  public init() {}

  /// The pieces of `text`.
  ///
  /// - Throws: ``InvalidUTF8``.
  public func pieces(of text: [UInt8]) throws(InvalidUTF8) -> [ArraySlice<UInt8>] {
    var pieces: [ArraySlice<UInt8>] = []
    var start = 0
    while start < text.count {
      let end = try text.withUnsafeBufferPointer { text throws(InvalidUTF8) in
        try pieceEnd(in: text, from: start)
      }
      pieces.append(text[start..<end])
      start = end
    }
    return pieces
  }

  /// Where the piece that begins at `start` ends; `start` is before the end of `text`.
  @inline(__always)
  func pieceEnd(
    in text: UnsafeBufferPointer<UInt8>, from start: Int
  ) throws(InvalidUTF8) -> Int {
    try scanning(text, upTo: text.count) { scanner throws(InvalidUTF8) in
      try scanner.pieceEnd(from: start)
    }
  }

  /// Calls `body` with a scanner of the first `end` bytes of `text`.
  @inline(__always)
  func scanning<Result>(
    _ text: UnsafeBufferPointer<UInt8>, upTo end: Int,
    _ body: (PieceScanner) throws(InvalidUTF8) -> Result
  ) throws(InvalidUTF8) -> Result {
    precondition(0...text.count ~= end)
    return try classes.withUnsafeBufferPointer { classes throws(InvalidUTF8) in
      guard let table = classes.baseAddress else { preconditionFailure("there are no classes") }
      // An empty text has no address, and nothing of it is read.
      return try body(
        PieceScanner(text.baseAddress ?? table, end: end, classes: table, classes.count))
    }
  }

  /// The last place in `text`, behind `start`, at which it may be cut; `nil` if there is none.
  ///
  /// The pieces of the two parts are those of the whole, whatever follows `text`. That is where the
  /// class of characters changes behind one that is not white space, and no contraction such as
  /// `'ll` can span the change: every run ends there, in the whole text as in the first part. Behind
  /// white space there is no such place, because whether all of it is one piece depends on what
  /// follows. The text is cut in front of whole characters only, and behind whole ones.
  ///
  ///     PreTokenizer().lastCut(in: "кот и кит")  // behind "и"
  public func lastCut(in text: UnsafeRawBufferPointer, after start: Int = 0) -> Int? {
    let text = text.bindMemory(to: UInt8.self)
    return try? scanning(text, upTo: text.count) { $0.lastCut(after: start) }
  }
}

/// What may follow what in UTF-8.
enum UTF8Sequence {
  /// The bytes that may follow `lead` in a character, none for a byte that leads no character.
  static func secondByte(of lead: UInt8) -> Range<UInt8> {
    switch lead {
    case 0xC2...0xDF: 0x80..<0xC0
    case 0xE0: 0xA0..<0xC0
    case 0xED: 0x80..<0xA0
    case 0xE1...0xEF: 0x80..<0xC0
    case 0xF0: 0x90..<0xC0
    case 0xF1...0xF3: 0x80..<0xC0
    case 0xF4: 0x80..<0x90
    default: 0..<0
    }
  }

  /// How many bytes at the end of `bytes` begin a character that is not whole yet.
  static func incompleteSuffix(of bytes: some BidirectionalCollection<UInt8>) -> Int {
    var suffix: [UInt8] = []
    for byte in bytes.reversed().prefix(3) {
      suffix.insert(byte, at: 0)
      guard byte & 0xC0 != 0x80 else { continue }
      let length = byte < 0xC2 || byte > 0xF4 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4
      let isPossible = suffix.count == 1 || secondByte(of: byte) ~= suffix[1]
      return suffix.count < length && isPossible ? suffix.count : 0
    }
    return 0
  }
}
