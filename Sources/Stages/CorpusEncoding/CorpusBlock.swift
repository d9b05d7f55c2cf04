import BytePairEncoding
import CorpusFormat
import FileSupport
import TokenShardFormat

/// A block of a corpus file, on which one thread at a time works.
class CorpusBlock {
  /// Text that is not UTF-8.
  struct InvalidText: Error {
    /// The number of newlines before it in the block.
    let newlines: Int
    /// The number of bytes before it in its line, or in the block if its line begins before the
    /// block.
    let lineBytes: Int
    /// The byte that is not allowed there, and what follows it.
    let text: [UInt8]

    /// The invalid text at `offset` of `text`; its line begins at `lineStart`, after `newlines`.
    init(in text: UnsafeRawBufferPointer, at offset: Int, lineStart: Int, newlines: Int) {
      self.newlines = newlines
      lineBytes = offset - lineStart
      self.text = Array(text[offset...].prefix(CorpusReader.lengthGuessedBy))
    }
  }

  /// The text as it is in the file.
  let text = TextBlock()
  /// The number of newlines in the block.
  final var newlines = 0
  /// The number of bytes after the last newline, or in the whole block if there is none.
  final var lineBytes = 0
  /// The first text in the block that is not UTF-8.
  final var failure: InvalidText?
}

/// What an encoding thread has to itself, whichever block it works on.
final class EncodingThread {
  // Only one thread at a time uses it, so this need not be checked for each post.
  @exclusivity(unchecked) var encoder: Encoder
  /// The ids that have not been packed yet.
  @exclusivity(unchecked) var ids: [UInt32] = []
  /// How many times the thread has used each token.
  private(set) var uses: TokenUses

  init(_ encoder: Encoder, vocabularySize: Int) {
    self.encoder = encoder
    uses = TokenUses(vocabularySize: vocabularySize)
  }

  /// Moves all ids to `tokens`, where they take less memory, and counts them.
  func packIDs(into tokens: inout PackedTokens) {
    ids.withUnsafeBufferPointer {
      tokens.append($0)
      uses.count($0)
    }
    // Memory for a very long post is not kept.
    ids.removeAll(keepingCapacity: ids.capacity <= 1 << 20)
  }
}
