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
    let byte = text[start]
    if byte == UInt8(ascii: "'") {
      let length = Self.contractionLength(in: text, at: start)
      if length > 0 { return start + length }
    }
    let first = try character(in: text, at: start)
    if first.kind != CharacterClass.whiteSpace {
      return try runEnd(of: first.kind, in: text, from: start + first.length)
    }
    // One space goes with the run that follows it.
    if byte == 0x20 && start + 1 < text.count {
      let next = try character(in: text, at: start + 1)
      if next.kind != CharacterClass.whiteSpace {
        return try runEnd(of: next.kind, in: text, from: start + 1 + next.length)
      }
    }
    return try whiteSpaceEnd(in: text, from: start, firstLength: first.length)
  }

  /// The end of the run of characters of class `kind` that goes on at `start`.
  @inline(__always)
  private func runEnd(
    of kind: UInt8, in text: UnsafeBufferPointer<UInt8>, from start: Int
  ) throws(InvalidUTF8) -> Int {
    var end = start
    while end < text.count {
      let next = try character(in: text, at: end)
      if next.kind != kind { break }
      end += next.length
    }
    return end
  }

  /// The end of the white space that begins at `start`: all of it before the end of the text and
  /// where it is a single character, otherwise all but the last character, which belongs to what
  /// follows.
  private func whiteSpaceEnd(
    in text: UnsafeBufferPointer<UInt8>, from start: Int, firstLength: Int
  ) throws(InvalidUTF8) -> Int {
    var last = start
    var end = start + firstLength
    while end < text.count {
      let next = try character(in: text, at: end)
      guard next.kind == CharacterClass.whiteSpace else { return last == start ? end : last }
      last = end
      end += next.length
    }
    return end
  }

  /// The length of `'s`, `'t`, `'m`, `'d`, `'re`, `'ve` or `'ll` at `start`, or 0.
  private static func contractionLength(
    in text: UnsafeBufferPointer<UInt8>, at start: Int
  ) -> Int {
    guard start + 1 < text.count else { return 0 }
    let second = text[start + 1]
    switch second {
    case UInt8(ascii: "s"), UInt8(ascii: "t"), UInt8(ascii: "m"), UInt8(ascii: "d"): return 2
    case UInt8(ascii: "r"), UInt8(ascii: "v"), UInt8(ascii: "l"):
      let third = second == UInt8(ascii: "l") ? UInt8(ascii: "l") : UInt8(ascii: "e")
      return start + 2 < text.count && text[start + 2] == third ? 3 : 0
    default: return 0
    }
  }

  /// The class and the length in bytes of the character at `start`.
  @inline(__always)
  private func character(
    in text: UnsafeBufferPointer<UInt8>, at start: Int
  ) throws(InvalidUTF8) -> (kind: UInt8, length: Int) {
    let lead = text[start]
    if lead < 0x80 { return (classes[Int(lead)], 1) }
    if lead < 0xE0 {
      guard lead >= 0xC2, start + 1 < text.count, text[start + 1] & 0xC0 == 0x80 else {
        throw InvalidUTF8(offset: start)
      }
      return (classes[Int(lead & 0x1F) << 6 | Int(text[start + 1] & 0x3F)], 2)
    }
    return try longCharacter(in: text, at: start)
  }

  /// The class and the length of a character of three or four bytes.
  private func longCharacter(
    in text: UnsafeBufferPointer<UInt8>, at start: Int
  ) throws(InvalidUTF8) -> (kind: UInt8, length: Int) {
    let lead = text[start]
    let length = lead < 0xF0 ? 3 : 4
    guard start + length <= text.count, UTF8Sequence.secondByte(of: lead) ~= text[start + 1] else {
      throw InvalidUTF8(offset: start)
    }
    var code = Int(lead & (length == 3 ? 0x0F : 0x07))
    for byte in text[start + 1..<start + length] {
      guard byte & 0xC0 == 0x80 else { throw InvalidUTF8(offset: start) }
      code = code << 6 | Int(byte & 0x3F)
    }
    return (code < classes.count ? classes[code] : CharacterClass.other, length)
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
