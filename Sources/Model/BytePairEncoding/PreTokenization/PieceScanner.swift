/// Finds where the pieces of a text end.
///
/// It reads the memory of the text without bounds checks, and exists only during a call of
/// ``PreTokenizer``, which ensures that the memory is valid.
struct PieceScanner {
  private let text: UnsafePointer<UInt8>
  /// The end of the text.
  private let end: Int
  /// ``CharacterClass/table``.
  private let classes: UnsafePointer<UInt8>
  private let classCount: Int

  /// A scanner of the first `end` bytes at `text`.
  @inline(__always)
  init(
    _ text: UnsafePointer<UInt8>, end: Int, classes: UnsafePointer<UInt8>, _ classCount: Int
  ) {
    // Characters of one and two bytes are looked up without a comparison.
    precondition(classCount >= 0x800)
    self.text = text
    self.end = end
    self.classes = classes
    self.classCount = classCount
  }

  /// The end of the piece that begins at `start`, which is before the end of the text.
  @inline(__always)
  func pieceEnd(from start: Int) throws(InvalidUTF8) -> Int {
    let byte = text[start]
    var position = start
    if byte == 0x20 {
      position += 1
      if position == end { return end }
    } else if byte == UInt8(ascii: "'") {
      let length = contractionLength(at: start)
      if length > 0 { return start + length }
    }
    // A single space belongs to the run that follows it.
    let first = try character(at: position)
    if first.kind == CharacterClass.letter {
      return try runEnd(
        of: CharacterClass.letter, from: cyrillicEnd(from: position + first.length))
    }
    if first.kind == CharacterClass.whiteSpace {
      return try whiteSpaceEnd(from: start, firstLength: position > start ? 1 : first.length)
    }
    return try runEnd(of: first.kind, from: position + first.length)
  }

  /// The end of the run of characters of class `kind` that continues at `start`.
  @inline(__always)
  private func runEnd(of kind: UInt8, from start: Int) throws(InvalidUTF8) -> Int {
    var position = start
    while position < end {
      let next = try character(at: position)
      if next.kind != kind { break }
      position += next.length
    }
    return position
  }

  /// The end of the run of characters from U+0400 to U+047F, all of which are letters, that begins
  /// at `start`, or a place in it near its end.
  ///
  /// These are exactly the characters with the lead bytes D0 and D1, so four are tested at once.
  @inline(__always)
  private func cyrillicEnd(from start: Int) -> Int {
    var position = start
    while position + 8 <= end {
      let bytes = UnsafeRawPointer(text).loadUnaligned(fromByteOffset: position, as: UInt64.self)
      let difference =
        (UInt64(littleEndian: bytes) & 0xC0FE_C0FE_C0FE_C0FE) ^ 0x80D0_80D0_80D0_80D0
      if difference != 0 { return position + (difference.trailingZeroBitCount >> 4) * 2 }
      position += 8
    }
    return position
  }

  /// The end of the white space that begins at `start`.
  ///
  /// If there are several characters, the last one belongs to what follows, unless the text ends
  /// there.
  private func whiteSpaceEnd(from start: Int, firstLength: Int) throws(InvalidUTF8) -> Int {
    var last = start
    var position = start + firstLength
    while position < end {
      let next = try character(at: position)
      guard next.kind == CharacterClass.whiteSpace else { return last == start ? position : last }
      last = position
      position += next.length
    }
    return position
  }

  /// The length of `'s`, `'t`, `'m`, `'d`, `'re`, `'ve` or `'ll` at `start`, or 0.
  private func contractionLength(at start: Int) -> Int {
    guard start + 1 < end else { return 0 }
    let second = text[start + 1]
    switch second {
    case UInt8(ascii: "s"), UInt8(ascii: "t"), UInt8(ascii: "m"), UInt8(ascii: "d"): return 2
    case UInt8(ascii: "r"), UInt8(ascii: "v"), UInt8(ascii: "l"):
      let third = second == UInt8(ascii: "l") ? UInt8(ascii: "l") : UInt8(ascii: "e")
      return start + 2 < end && text[start + 2] == third ? 3 : 0
    default: return 0
    }
  }

  /// The class and the length in bytes of the character at `start`.
  @inline(__always)
  private func character(at start: Int) throws(InvalidUTF8) -> (kind: UInt8, length: Int) {
    let lead = text[start]
    if lead < 0x80 { return (classes[Int(lead)], 1) }
    if lead < 0xE0 {
      guard lead >= 0xC2, start + 1 < end, text[start + 1] & 0xC0 == 0x80 else {
        throw InvalidUTF8(offset: start)
      }
      return (classes[Int(lead & 0x1F) << 6 | Int(text[start + 1] & 0x3F)], 2)
    }
    return try longCharacter(at: start)
  }

  /// The class and the length of a character of three or four bytes.
  private func longCharacter(at start: Int) throws(InvalidUTF8) -> (kind: UInt8, length: Int) {
    let lead = text[start]
    let length = lead < 0xF0 ? 3 : 4
    guard start + length <= end, UTF8Sequence.secondByte(of: lead) ~= text[start + 1] else {
      throw InvalidUTF8(offset: start)
    }
    var code = Int(lead & (length == 3 ? 0x0F : 0x07))
    for index in start + 1..<start + length {
      guard text[index] & 0xC0 == 0x80 else { throw InvalidUTF8(offset: start) }
      code = code << 6 | Int(text[index] & 0x3F)
    }
    return (code < classCount ? classes[code] : CharacterClass.other, length)
  }

  // MARK: - Cutting

  /// The last place after `start` at which the text may be cut; see
  /// ``PreTokenizer/lastCut(in:after:)``.
  func lastCut(after start: Int) -> Int? {
    var position = end - 1
    while position > max(start, 0) {
      defer { position -= 1 }
      guard text[position] & 0xC0 != 0x80, let next = try? character(at: position),
        let (before, previous) = character(before: position), previous != CharacterClass.whiteSpace,
        previous != next.kind
      else { continue }
      if next.kind == CharacterClass.letter && text[before] == UInt8(ascii: "'") { continue }
      return position
    }
    return nil
  }

  /// The start and the class of the character that ends at `position`; `nil` if no character does.
  private func character(before position: Int) -> (start: Int, kind: UInt8)? {
    var start = position - 1
    while start > 0, position - start < 4, text[start] & 0xC0 == 0x80 { start -= 1 }
    guard start >= 0, let found = try? character(at: start), start + found.length == position else {
      return nil
    }
    return (start, found.kind)
  }
}
