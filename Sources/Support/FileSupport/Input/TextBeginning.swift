/// The beginning of a text: skips a byte order mark and rejects anything but the expected text.
final class TextBeginning {
  /// The length of the byte order mark, known once something has been read.
  private(set) var markLength = 0

  private let path: String
  private let expected: InputFile.Content
  private var isKnown = false
  private var isAtEnd = false
  /// Bytes that have been read but not returned yet.
  private var held: ArraySlice<UInt8> = []

  private static let mark: [UInt8] = [0xEF, 0xBB, 0xBF]

  init(path: String, _ expected: InputFile.Content) {
    self.path = path
    self.expected = expected
  }

  /// Fills `buffer` with text from `refill` and returns the number of bytes; 0 only at the end.
  ///
  /// - Throws: ``InputError`` if this is not the expected text; what `refill` throws.
  func read(
    into buffer: UnsafeMutableRawBufferPointer,
    refill: (UnsafeMutableRawBufferPointer) throws -> Int
  ) throws -> Int {
    guard buffer.count > 0 else { return 0 }
    if !isKnown { try recognize(refill) }
    // At the end of typed input, reading once more would ask the user for more.
    guard !held.isEmpty else { return isAtEnd ? 0 : try refill(buffer) }
    let count = min(buffer.count, held.count)
    buffer.copyBytes(from: held.prefix(count))
    held = held.dropFirst(count)
    return count
  }

  private func recognize(_ refill: (UnsafeMutableRawBufferPointer) throws -> Int) throws {
    let length = Self.mark.count + ForeignContent.length
    while held.count < length, !isAtEnd {
      try withUnsafeTemporaryAllocation(byteCount: length - held.count, alignment: 16) {
        let count = try refill($0)
        held += $0[..<count]
        isAtEnd = count == 0
      }
    }
    isKnown = true
    markLength = held.starts(with: Self.mark) ? Self.mark.count : 0
    held = held.dropFirst(markLength)
    let beginning = held.prefix(ForeignContent.length)
    let problem =
      ForeignContent.problem(of: beginning, in: path)
      ?? (expected == .cleanedText ? PipelineFile.problem(ofText: beginning) : nil)
    if let problem { throw InputError(path, problem) }
  }
}

extension String {
  /// The text without a byte order mark, which text copied from the beginning of a file can have.
  public var withoutByteOrderMark: String {
    unicodeScalars.first == "\u{FEFF}" ? String(unicodeScalars.dropFirst()) : self
  }

  /// The text as if read as the only line of a file: without a byte order mark at its beginning or
  /// a carriage return at its end.
  public var asOnlyLine: String {
    let text = withoutByteOrderMark
    return text.unicodeScalars.last == "\r" ? String(text.unicodeScalars.dropLast()) : text
  }
}
