/// Text that is not UTF-8.
public struct InvalidUTF8: Error, Equatable, CustomStringConvertible {
  /// The offset of the first byte of the text that does not begin a character.
  public let offset: Int

  /// Creates an error for the first byte that does not begin a character.
  public init(offset: Int) {
    self.offset = offset
  }

  public var description: String { "byte \(offset) of the text is not UTF-8" }
}

/// Splits text into the pieces within which byte pairs are merged, as GPT-2 does.
///
/// The pieces are the matches of the expression
/// `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`
/// with the classes of Unicode 16.0. Together they make up the whole text.
///
///     let text = Array("a  b, it's".utf8)
///     try PreTokenizer().pieces(of: text)  // "a", " ", " b", ",", " it", "'s"
public struct PreTokenizer: Sendable {
  private let classes = CharacterClass.table

  /// The pre-tokenizer of GPT-2.
  public init() {}

  /// The pieces of `text`.
  ///
  /// - Throws: ``InvalidUTF8``.
  public func pieces(of text: [UInt8]) throws(InvalidUTF8) -> [ArraySlice<UInt8>] {
    var pieces: [ArraySlice<UInt8>] = []
    try text.withUnsafeBufferPointer { bytes throws(InvalidUTF8) in
      try forEachPiece(of: bytes, in: 0..<bytes.count) { pieces.append(text[$0]) }
    }
    return pieces
  }

  /// Calls `body` with the range of each piece of `text[range]`; the bytes around `range` have no
  /// effect.
  ///
  /// - Throws: ``InvalidUTF8`` with an offset in `text`, after the pieces before it.
  @inline(__always)
  func forEachPiece(
    of text: UnsafeBufferPointer<UInt8>, in range: Range<Int>, _ body: (Range<Int>) -> Void
  ) throws(InvalidUTF8) {
    try scanning(text, upTo: range.upperBound) { scanner throws(InvalidUTF8) in
      var start = range.lowerBound
      while start < range.upperBound {
        let end = try scanner.pieceEnd(from: start)
        body(start..<end)
        start = end
      }
    }
  }

  /// Calls `body` with a scanner of the first `end` bytes of `text`.
  @inline(__always)
  private func scanning<Result>(
    _ text: UnsafeBufferPointer<UInt8>, upTo end: Int,
    _ body: (PieceScanner) throws(InvalidUTF8) -> Result
  ) throws(InvalidUTF8) -> Result {
    precondition(0...text.count ~= end)
    return try classes.withUnsafeBufferPointer { classes throws(InvalidUTF8) in
      guard let table = classes.baseAddress else { preconditionFailure("there are no classes") }
      // An empty text has no address, and none of it is read.
      return try body(
        PieceScanner(text.baseAddress ?? table, end: end, classes: table, classes.count))
    }
  }

  /// The last place in `text` after `start` at which it may be cut; `nil` if there is none.
  ///
  /// A cut leaves the pieces unchanged, whatever follows `text`. Such a place is a change of
  /// character class that does not follow white space and that no contraction such as `'ll` can
  /// span: every run ends there, in the whole text as in the first part. White space offers no such
  /// place, because whether all of it is one piece depends on what follows. The text is cut only
  /// between whole characters.
  ///
  ///     PreTokenizer().lastCut(in: "кот и кит")  // after "и"
  public func lastCut(in text: UnsafeRawBufferPointer, after start: Int = 0) -> Int? {
    let text = text.bindMemory(to: UInt8.self)
    return try? scanning(text, upTo: text.count) { $0.lastCut(after: start) }
  }
}

/// Which bytes may follow each other in UTF-8.
enum UTF8Sequence {
  /// The bytes that may follow `lead` in a character; empty if `lead` does not begin a character of
  /// several bytes.
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

  /// The number of bytes at the end of `bytes` that begin an incomplete character.
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
