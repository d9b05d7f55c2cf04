import FileSupport

/// Keeps tokens on the disk until it is known which of them are the last ones.
public final class TokenSpool {
  private let folder: String
  private let path: String
  private let vocabularySize: Int
  private let file: OutputFile

  /// So no ids are taken for the beginning of a gzip stream.
  private static let beginning: [UInt8] = Array("tokens: ".utf8)

  /// A spool of tokens of a vocabulary of `vocabularySize`, in a folder in `folder` that goes again.
  ///
  /// - Throws: ``FileError``.
  public init(folder: String, vocabularySize: Int) throws {
    self.folder = folder + "/spool"
    path = self.folder + "/ids"
    self.vocabularySize = vocabularySize
    file = try OutputFile(path: path)
    try file.write(Self.beginning)
  }

  /// Appends `tokens`.
  ///
  /// - Throws: ``FileError``.
  public func append(_ tokens: PackedTokens) throws {
    try tokens.withBytes(0..<tokens.count) { bytes, _ in try file.write(bytes) }
  }

  /// Appends the first `count` tokens to `first` and the others to `rest`, and removes the spool.
  ///
  /// - Throws: ``FileError``.
  public func move(_ count: Int, to first: TokenShardWriter, others rest: TokenShardWriter) throws {
    try file.commit()
    defer { try? Folder.remove(folder) }
    let input = try InputFile(path: path, as: .bytes)
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 64)
    defer { buffer.deallocate() }
    _ = try Self.fill(UnsafeMutableRawBufferPointer(rebasing: buffer[..<8]), from: input)
    var tokens = PackedTokens(vocabularySize: vocabularySize)
    var left = count * tokens.bytesPerToken
    while true {
      // The tokens of one writer at a time.
      let size = left > 0 ? min(left, buffer.count) : buffer.count
      let part = UnsafeMutableRawBufferPointer(rebasing: buffer[..<size])
      let filled = try Self.fill(part, from: input)
      if filled == 0 { return }
      tokens.removeAll()
      tokens.append(packed: UnsafeRawBufferPointer(rebasing: part[..<filled]))
      try (left > 0 ? first : rest).append(tokens)
      left = max(0, left - filled)
    }
  }

  /// Reads into `buffer` until it is full or the file ends.
  private static func fill(
    _ buffer: UnsafeMutableRawBufferPointer, from input: InputFile
  ) throws -> Int {
    var filled = 0
    while filled < buffer.count {
      let count = try input.read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[filled...]))
      if count == 0 { break }
      filled += count
    }
    return filled
  }
}
