import BytePairEncoding
import CommandLineSupport
import FileSupport
import TokenShardFormat

/// Prints the text of a shard.
struct ShardDecoding {
  let path: String
  let range: TokenRange?
  /// The folder of the tokenizer that the user asked for.
  let tokenizer: String?

  /// How many tokens are taken at a time.
  private static let pieceSize = 1 << 16

  func run() throws {
    // What is damaged can be looked at, too; --verify tells.
    let shard = try TokenShard(path: path, verifyingContents: false)
    let tokens = try resolvedRange(count: shard.count)
    let (tokenizer, endOfText) = try ShardTokenizer.tokenizer(of: shard, asked: tokenizer)
    var decoder = ExcerptDecoder(tokenizer, endOfText: endOfText)
    let output = try OutputFile(path: "-")
    var ids = [UInt32](repeating: 0, count: min(Self.pieceSize, tokens.count))
    var bytes: [UInt8] = []
    for start in stride(from: tokens.lowerBound, to: tokens.upperBound, by: Self.pieceSize) {
      try Interruption.check()
      let piece = start..<min(start + Self.pieceSize, tokens.upperBound)
      ids.withUnsafeMutableBufferPointer { shard.copy(piece, to: $0) }
      for (index, id) in ids[..<piece.count].enumerated() where id >= tokenizer.count {
        let offset = TokenShardHeader.byteCount + (start + index) * shard.header.bytesPerToken
        throw InputError(
          path, .byte(offset),
          "the id \(id) is not in the tokenizer's vocabulary of \(tokenizer.count)")
      }
      decoder.append(ids[..<piece.count], into: &bytes)
      try output.write(bytes)
      bytes.removeAll(keepingCapacity: true)
    }
    decoder.finish(into: &bytes)
    try output.write(bytes)
    try output.commit()
  }

  private func resolvedRange(count: Int) throws -> Range<Int> {
    guard let range else { return 0..<count }
    guard let tokens = range.resolved(count: count) else {
      let lower = range.lowerBound.map(String.init) ?? ""
      let upper = range.upperBound.map(String.init) ?? ""
      throw UsageError(
        "--range: \(lower)..\(upper) leads out of \(path), which has \(count) tokens")
    }
    return tokens
  }
}
