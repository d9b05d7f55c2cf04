import FileSupport
import Glibc

extension JSONReader {
  // MARK: - Structure

  mutating func expect(_ kind: Kind) throws {
    let found = try peek()
    if found != kind {
      throw failure("expected \(kind.rawValue), found \(found.rawValue)")
    }
  }

  /// Reads the opening bracket of an object, up to the quote of its first key; `false` if it is
  /// empty.
  @usableFromInline
  package mutating func openObject() throws -> Bool {
    try open(UInt8(ascii: "{"), .object)
    if try nextSignificantByte() == UInt8(ascii: "}") { return close() }
    try expectKey()
    return true
  }

  /// Moves from the end of a member to the quote of the next key; `false` at the end of the object.
  @usableFromInline
  package mutating func nextMember() throws -> Bool {
    switch try nextSignificantByte() {
    case UInt8(ascii: ","):
      position += 1
      try expectKey()
      return true
    case UInt8(ascii: "}"): return close()
    default: throw try unexpected("',' or '}'")
    }
  }

  /// Reads the opening bracket of an array; `false` if it is empty.
  @usableFromInline
  package mutating func openArray() throws -> Bool {
    try open(UInt8(ascii: "["), .array)
    return try nextSignificantByte() == UInt8(ascii: "]") ? close() : true
  }

  /// Moves from the end of an element to the next one; `false` at the end of the array.
  @usableFromInline
  package mutating func nextElement() throws -> Bool {
    switch try nextSignificantByte() {
    case UInt8(ascii: ","):
      position += 1
      return true
    case UInt8(ascii: "]"): return close()
    default: throw try unexpected("',' or ']'")
    }
  }

  private mutating func expectKey() throws {
    guard let byte = try nextSignificantByte() else { throw truncated("a key") }
    guard byte == UInt8(ascii: "\"") else {
      throw failure("expected a key in quotes, found \(Self.name(of: byte))")
    }
  }

  @inline(__always)
  mutating func colon() throws {
    guard try nextSignificantByte() == UInt8(ascii: ":") else { throw try unexpected("':'") }
    position += 1
  }

  private mutating func open(_ bracket: UInt8, _ kind: Kind) throws {
    if try nextSignificantByte() != bracket { try expect(kind) }
    position += 1
    depth += 1
    if depth > Self.maximumDepth {
      throw failure("objects and arrays nest deeper than \(Self.maximumDepth)")
    }
  }

  /// Reads the closing bracket.
  private mutating func close() -> Bool {
    position += 1
    depth -= 1
    return false
  }

  mutating func word(_ word: StaticString) throws {
    for index in 0..<word.utf8CodeUnitCount {
      guard let byte = try nextByte() else { throw truncated("'\(word)'") }
      guard byte == word.utf8Start[index] else { throw failure("expected '\(word)'") }
      position += 1
    }
  }

  // MARK: - Bytes

  /// The next byte, without consuming it; `nil` at the end.
  @inline(__always)
  mutating func nextByte() throws -> UInt8? {
    if position < end { return buffer[position] }
    return try refill() ? buffer[position] : nil
  }

  /// The next byte that is not white space, without consuming it; `nil` at the end.
  @inline(__always)
  mutating func nextSignificantByte() throws -> UInt8? {
    if position < end {
      let byte = buffer[position]
      if byte > 0x20 { return byte }
    }
    return try skipWhiteSpace()
  }

  private mutating func skipWhiteSpace() throws -> UInt8? {
    while let byte = try nextByte() {
      guard byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 else { return byte }
      position += 1
      // The indentation of a line, eight spaces at a time.
      guard byte == 0x0A, let base = buffer.baseAddress else { continue }
      while position < end {
        let bytes = UInt64(
          littleEndian: base.loadUnaligned(fromByteOffset: position, as: UInt64.self))
        let others = bytes ^ 0x2020_2020_2020_2020
        position += others.trailingZeroBitCount >> 3
        if others != 0 { break }
      }
      // Bytes after the end may have looked like spaces.
      position = min(position, end)
    }
    return nil
  }

  /// Replaces the buffer, which has been read to its end, with what follows; `false` at the end.
  mutating func refill() throws -> Bool {
    guard let input else { return false }
    keep(upTo: end)
    bufferOffset += end
    (position, end) = (0, 0)
    end = try read(input, into: room(from: 0))
    return end > 0
  }

  /// Reads what follows; a byte order mark that is skipped counts in the offsets.
  private mutating func read(
    _ input: InputFile, into room: UnsafeMutableRawBufferPointer
  ) throws -> Int {
    let markLength = input.markLength
    let count = try input.read(into: room)
    bufferOffset += input.markLength - markLength
    return count
  }

  /// The part of the buffer from `start` on that may be filled.
  private func room(from start: Int) -> UnsafeMutableRawBufferPointer {
    UnsafeMutableRawBufferPointer(rebasing: buffer[start..<(buffer.count - Self.slack)])
  }

  /// Saves the part before `end` of a value whose text is kept, because it will be overwritten.
  private mutating func keep(upTo end: Int) {
    guard let start = keptStart else { return }
    kept.append(contentsOf: UnsafeRawBufferPointer(rebasing: buffer[start..<end]))
    keptStart = 0
  }

  /// Ensures that the buffer contains `count` bytes from `position` on; `false` if there are fewer.
  mutating func lookAhead(_ count: Int) throws -> Bool {
    while end - position < count {
      guard let input, let base = buffer.baseAddress else { return false }
      keep(upTo: position)
      memmove(base, base + position, end - position)
      bufferOffset += position
      (position, end) = (0, end - position)
      let added = try read(input, into: room(from: end))
      if added == 0 { return false }
      end += added
    }
    return true
  }
}
