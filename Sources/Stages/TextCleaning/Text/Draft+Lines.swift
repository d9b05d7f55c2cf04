/// What rules do to lines.
extension Draft {
  /// Takes away the lines for which `isRemoved` holds.
  mutating func removeLines(
    where isRemoved: (UnsafeRawBufferPointer) -> Bool
  ) -> RuleOutcome {
    removeLines { lineOf, line in isRemoved(lineOf(line.range)) }
  }

  /// Takes away the lines for which `isRemoved` holds, which is given what makes bytes of ranges.
  mutating func removeLines(
    where isRemoved: ((Range<Int>) -> UnsafeRawBufferPointer, Line) -> Bool
  ) -> RuleOutcome {
    let kept: [Line]? = bytes.withUnsafeBytes { bytes in
      let part = { UnsafeRawBufferPointer(rebasing: bytes[$0]) }
      guard let first = lines.firstIndex(where: { isRemoved(part, $0) }) else { return nil }
      return lines[..<first] + lines[(first + 1)...].filter { !isRemoved(part, $0) }
    }
    guard let kept else { return .unchanged }
    lines = kept
    return .changed
  }

  /// Gives each line to `rewrite` with an empty array; where that returns true, the array is the
  /// line from then on.
  mutating func rewriteLines(
    _ rewrite: (UnsafeRawBufferPointer, inout [UInt8]) -> Bool
  ) -> RuleOutcome {
    var outcome = RuleOutcome.unchanged
    var rewritten: [UInt8] = []
    for index in lines.indices {
      rewritten.removeAll(keepingCapacity: true)
      if withLine(index, { rewrite($0, &rewritten) }) {
        replaceLine(index, with: rewritten)
        outcome = .changed
      }
    }
    return outcome
  }
}

/// `line` without what is not visible at its ends.
func trimmed(_ line: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
  guard let start = offsetOfVisible(in: line) else {
    return UnsafeRawBufferPointer(rebasing: line[..<0])
  }
  var end = line.count
  while end > start {
    var last = end - 1
    while last > start, line[last] & 0xC0 == 0x80 { last -= 1 }
    if kind(of: scalar(at: last, of: line).value) == .visible { break }
    end = last
  }
  return UnsafeRawBufferPointer(rebasing: line[start..<end])
}

/// Calls `body` with each word of `line`, until it returns false; returns whether it never did.
func forEachWord(
  of line: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer) -> Bool
) -> Bool {
  var index = 0
  var start: Int?
  while index < line.count {
    let (value, length) = isPlain(line[index]) ? (0x41, 1) : scalar(at: index, of: line)
    let isSpace = value != 0x41 && kind(of: value) == .whiteSpace
    if isSpace, let wordStart = start {
      guard body(UnsafeRawBufferPointer(rebasing: line[wordStart..<index])) else { return false }
      start = nil
    } else if !isSpace, start == nil {
      start = index
    }
    index += length
  }
  return start.map { body(UnsafeRawBufferPointer(rebasing: line[$0...])) } ?? true
}

/// Whether a letter or a digit begins at `index` of `text`.
func isAlphanumeric(at index: Int, of text: UnsafeRawBufferPointer) -> Bool {
  let byte = text[index]
  if byte < 0x80 { return isLatinOrDigit(byte) }
  if byte == 0xD0 || byte == 0xD1 { return true }
  guard let value = Unicode.Scalar(scalar(at: index, of: text).value) else { return false }
  return value.properties.isAlphabetic || value.properties.numericType != nil
}

/// Whether `byte` is a Latin letter or a digit.
func isLatinOrDigit(_ byte: UInt8) -> Bool {
  isLatin(byte) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
}

/// Whether `byte` is a Latin letter.
@inline(__always)
func isLatin(_ byte: UInt8) -> Bool {
  (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
}
