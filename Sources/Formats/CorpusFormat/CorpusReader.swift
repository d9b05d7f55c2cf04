import FileSupport
import TextSupport

/// Reads cleaned text, compressed with gzip or not; only the longest post needs to fit in memory.
public enum CorpusReader {
  /// Calls `body` with each post at `path`: its line, counted from 1, its bytes, and whether a
  /// newline follows, which the last one may lack.
  ///
  /// The bytes are UTF-8 and valid only during the call. Empty lines hold no post and are skipped.
  /// What editors on other systems add to a text is skipped too: a carriage return at the end of a
  /// line, and byte order marks at the beginning of the file, or of a line where such files were
  /// joined. The path `-` stands for standard input. The lines are those of the output of `filter`.
  /// `progress` is called with the number of bytes of the file that have been read, compressed if
  /// it is compressed: from time to time, and once at the end.
  ///
  /// - Throws: `InputError` at the first line that is not UTF-8, if the file is not cleaned text,
  ///   or if a gzip stream is damaged; `FileError`; what `filter`, `progress` and `body` throw.
  public static func forEachPost(
    path: String, filter: (any InputFilter)? = nil,
    progress: (_ bytesRead: Int) throws -> Void = { _ in },
    _ body: (_ line: Int, _ post: UnsafeRawBufferPointer, _ endsWithNewline: Bool) throws -> Void
  ) throws {
    var reader = try LineReader(path: path, as: .cleanedText, filter: filter)
    let input = reader.input
    var reported = 0
    while let line = try reader.next() {
      let lineNumber = reader.lineNumber
      if input.bytesConsumed != reported {
        reported = input.bytesConsumed
        try progress(reported)
      }
      let post = postRange(in: line)
      if post.isEmpty { continue }
      if let offset = offsetOfInvalidUTF8(in: line) {
        let markLength = lineNumber == 1 ? input.markLength : 0
        throw notUTF8(line[offset...], at: markLength + offset, line: lineNumber, path: path)
      }
      try body(lineNumber, UnsafeRawBufferPointer(rebasing: line[post]), reader.endsWithNewline)
    }
    try progress(input.bytesConsumed)
  }

  /// A reader of the cleaned text at `path` in blocks of whole lines, each of at most `blockSize`
  /// bytes unless a line is longer.
  ///
  /// The lines are those of the output of `filter`. ``forEachPost(in:_:)`` finds the posts in a
  /// block.
  ///
  /// - Throws: `FileError`; `InputError` if a gzip stream is damaged.
  public static func blocks(
    of path: String, blockSize: Int, filter: (any InputFilter)? = nil
  ) throws -> BlockReader {
    try BlockReader(linesOf: path, as: .cleanedText, blockSize: blockSize, filter: filter)
  }

  /// Calls `body` with the line of each post in `block`, counted from 1, and the range of its
  /// bytes.
  ///
  /// The posts are those of ``forEachPost(path:filter:progress:_:)``, but checking that they are
  /// UTF-8 is left to `body`, which reads them anyway; ``notUTF8(_:at:line:path:)`` is the error to
  /// throw.
  ///
  /// - Parameters:
  ///   - block: Whole lines; the last one of a file may lack its newline.
  ///   - body: Called with each post.
  /// - Returns: The number of lines.
  /// - Throws: What `body` throws.
  @discardableResult
  public static func forEachPost<Failure: Error>(
    in block: UnsafeRawBufferPointer,
    _ body: (_ line: Int, _ post: Range<Int>) throws(Failure) -> Void
  ) throws(Failure) -> Int {
    var line = 0
    var start = 0
    while start < block.count {
      line += 1
      let end = endOfLine(in: block, from: start)
      let post = postRange(in: UnsafeRawBufferPointer(rebasing: block[start..<end]))
      if !post.isEmpty { try body(line, start + post.lowerBound..<start + post.upperBound) }
      start = end + 1
    }
    return line
  }

  /// The error for text that is not UTF-8: `text` begins with the invalid byte, which is preceded
  /// by `offset` bytes in the line.
  ///
  /// The encoding of the file is guessed from the beginning of `text`.
  public static func notUTF8(
    _ text: some Collection<UInt8>, at offset: Int, line: Int, path: String
  ) -> InputError {
    let name = String(text.first ?? 0, radix: 16, uppercase: true)
    return InputError(
      path, .line(line),
      "byte \(offset + 1) of the line, 0x\(name.count == 1 ? "0" : "")\(name), is not UTF-8; "
        + "cleaned text is UTF-8: convert other encodings first (iconv -t UTF-8), or have bpe-encode "
        + "replace or drop such bytes (--invalid-utf8)"
        + TextEncoding.remedy(for: text.prefix(lengthGuessedBy), in: path))
  }

  /// How many bytes are used to guess the encoding of a text.
  public static let lengthGuessedBy = 4096

  /// The range of the post in `line`, without byte order marks before it or a carriage return
  /// after it.
  private static func postRange(in line: UnsafeRawBufferPointer) -> Range<Int> {
    var start = 0
    while start + 3 <= line.count, line[start] == 0xEF, line[start + 1] == 0xBB,
      line[start + 2] == 0xBF
    {
      start += 3
    }
    return start..<(line.last == 0x0D ? line.count - 1 : line.count)
  }
}
