import FileSupport
import TextSupport

/// Reads cleaned text, packed with gzip or not, in memory for the longest post.
public enum CorpusReader {
  /// Calls `body` with the number of the line, from 1, the bytes of each post at `path`, and whether a
  /// newline follows them, which may be missing behind the last.
  ///
  /// The bytes are UTF-8 and valid only during the call. Lines without a byte hold no post and are
  /// passed over; so are a byte order mark at the beginning of the file and a carriage return at
  /// the end of a line, which editors of other systems leave behind. The path `-` stands for
  /// standard input. The lines are cut of what `filter` makes of the bytes. `progress` is given how
  /// many bytes of the file, packed if it is packed, were read: now and then, and once at the end.
  ///
  /// - Throws: `InputError` at the first line that is not UTF-8, if the file is no cleaned text, or if a
  ///   gzip stream is damaged; `FileError`; what `filter`, `progress` and `body` throw.
  public static func forEachPost(
    path: String, filter: (any InputFilter)? = nil,
    progress: (_ bytesRead: Int) throws -> Void = { _ in },
    _ body: (_ line: Int, _ post: UnsafeRawBufferPointer, _ endsWithNewline: Bool) throws -> Void
  ) throws {
    var reader = try LineReader(path: path, as: .cleanedText, filter: filter)
    let input = reader.input
    var reported = 0
    while let line = try reader.next() {
      let number = reader.lineNumber
      if input.bytesConsumed != reported {
        reported = input.bytesConsumed
        try progress(reported)
      }
      let post = withoutReturn(line)
      if post.isEmpty { continue }
      if let offset = offsetOfInvalidUTF8(in: line) {
        let markLength = number == 1 ? input.markLength : 0
        throw notUTF8(line[offset...], at: markLength + offset, line: number, path: path)
      }
      try body(number, post, reader.endsWithNewline)
    }
    try progress(input.bytesConsumed)
  }

  /// A reader of the cleaned text at `path` in blocks of whole lines, each of `blockSize` bytes at
  /// most unless a line is longer.
  ///
  /// The lines are cut of what `filter` makes of the bytes. ``forEachPost(in:_:)`` finds the
  /// posts in a block.
  ///
  /// - Throws: `FileError`; `InputError` if a gzip stream is damaged.
  public static func blocks(
    of path: String, blockSize: Int, filter: (any InputFilter)? = nil
  ) throws -> BlockReader {
    try BlockReader(linesOf: path, as: .cleanedText, blockSize: blockSize, filter: filter)
  }

  /// Calls `body` with the number of the line in `block`, from 1, and the place of each post in it.
  ///
  /// The posts are those of ``forEachPost(path:filter:progress:_:)``, but whether they are UTF-8 is left to
  /// `body`, which reads them anyway; ``notUTF8(_:at:line:path:)`` is the error to throw.
  ///
  /// - Parameters:
  ///   - block: Whole lines; the last one of a file may be without its newline.
  ///   - body: What is done with a post.
  /// - Returns: How many lines there are.
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
      let post = withoutReturn(UnsafeRawBufferPointer(rebasing: block[start..<end]))
      if let address = post.baseAddress, let base = block.baseAddress, !post.isEmpty {
        let offset = address - base
        try body(line, offset..<offset + post.count)
      }
      start = end + 1
    }
    return line
  }

  /// The error of text that is not UTF-8: the first byte of `text`, with `offset` bytes before it in the
  /// line, is not what stands there in UTF-8.
  ///
  /// The encoding of the file is guessed by the beginning of `text`.
  public static func notUTF8(
    _ text: some Collection<UInt8>, at offset: Int, line: Int, path: String
  ) -> InputError {
    let name = String(text.first ?? 0, radix: 16, uppercase: true)
    return InputError(
      path, .line(line),
      "byte \(offset + 1) of the line, 0x\(name.count == 1 ? "0" : "")\(name), is not UTF-8; "
        + "cleaned text is UTF-8: convert other encodings first (iconv -t UTF-8), or have such bytes "
        + "replaced or dropped (--invalid-utf8)"
        + TextEncoding.remedy(for: text.prefix(lengthGuessedBy), in: path))
  }

  /// How many bytes tell the encoding of a text.
  public static let lengthGuessedBy = 4096

  private static func withoutReturn(_ line: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(rebasing: line.last == 0x0D ? line.dropLast() : line[...])
  }
}
