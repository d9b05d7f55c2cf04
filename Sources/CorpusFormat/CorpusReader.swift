import FileSupport

/// Reads cleaned text, packed with gzip or not, in memory for the longest post.
public enum CorpusReader {
  /// Calls `body` with the number of the line, from 1, and the bytes of each post at `path`.
  ///
  /// The bytes are UTF-8 and valid only during the call. Lines without a byte hold no post and are
  /// passed over; so are a byte order mark at the beginning of the file and a carriage return at
  /// the end of a line, which editors of other systems leave behind. The path `-` stands for
  /// standard input. The lines are cut of what `filter` makes of the bytes. `progress` is given how
  /// many bytes of the file, packed if it is packed, were read: now and then, and once at the end.
  ///
  /// - Throws: `InputError` at the first line that is not UTF-8, or if a gzip stream is damaged;
  ///   `FileError`; what `filter`, `progress` and `body` throw.
  public static func forEachPost(
    path: String, filter: (any InputFilter)? = nil,
    progress: (_ bytesRead: Int) throws -> Void = { _ in },
    _ body: (_ line: Int, _ post: UnsafeRawBufferPointer) throws -> Void
  ) throws {
    var reader = try LineReader(path: path, filter: filter)
    let input = reader.input
    var reported = 0
    try reader.forEachLine { number, line in
      if input.bytesConsumed != reported {
        reported = input.bytesConsumed
        try progress(reported)
      }
      let post = trimmed(line, isFirst: number == 1)
      if post.isEmpty { return }
      if let offset = offsetOfInvalidUTF8(in: post) {
        throw notUTF8(post[offset], at: offset, line: number, path: path)
      }
      try body(number, post)
    }
    try progress(input.bytesConsumed)
  }

  private static func trimmed(_ line: UnsafeRawBufferPointer, isFirst: Bool)
    -> UnsafeRawBufferPointer
  {
    var post = line[...]
    if isFirst, post.starts(with: [0xEF, 0xBB, 0xBF]) { post = post.dropFirst(3) }
    if post.last == 0x0D { post = post.dropLast() }
    return UnsafeRawBufferPointer(rebasing: post)
  }

  /// The error of text that is not UTF-8: `byte`, with `offset` bytes before it in the line, is not
  /// what stands there in UTF-8.
  public static func notUTF8(_ byte: UInt8, at offset: Int, line: Int, path: String) -> InputError {
    let name = String(byte, radix: 16, uppercase: true)
    return InputError(
      path, .line(line),
      "byte \(offset + 1) of the line, 0x\(name.count == 1 ? "0" : "")\(name), is not UTF-8; "
        + "cleaned text is UTF-8: convert other encodings first (iconv -t UTF-8), or have such bytes "
        + "replaced or dropped (--invalid-utf8)")
  }
}
