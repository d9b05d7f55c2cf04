import FileSupport

/// Keeps tokens on disk until it is known which of them are the last ones.
public final class TokenSpool {
  private let vocabularySize: Int
  private let file: AppendFile

  /// A spool of tokens of a vocabulary of `vocabularySize` tokens: a temporary file in `folder`.
  ///
  /// - Throws: ``FileError``.
  public init(folder: String, vocabularySize: Int) throws {
    self.vocabularySize = vocabularySize
    file = try AppendFile(path: folder + "/spool")
  }

  /// Appends `tokens`.
  ///
  /// - Throws: ``FileError``.
  public func append(_ tokens: PackedTokens) throws {
    try file.append(tokens.bytes)
  }

  /// Appends the first `count` tokens to `first` and the others to `rest`, and removes the spool.
  ///
  /// - Throws: ``FileError``.
  public func move(_ count: Int, to first: TokenShardWriter, others rest: TokenShardWriter) throws {
    defer { try? removeFile(at: file.path) }
    var tokens = PackedTokens(vocabularySize: vocabularySize)
    let boundary = count * tokens.bytesPerToken
    var position = 0
    while position < file.size {
      // No chunk belongs to both writers.
      let isFirst = position < boundary
      let end = min(position + 1 << 20, isFirst ? boundary : file.size)
      tokens.removeAll()
      tokens.append(packed: try file.bytes(position..<end))
      try (isFirst ? first : rest).append(tokens)
      position = end
    }
  }
}
