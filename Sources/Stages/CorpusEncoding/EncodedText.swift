import BytePairEncoding
import CorpusFormat
import FileSupport
import TextSupport
import TokenShardFormat

/// A block of a text that is encoded as a whole, and what comes of it.
final class EncodedText {
  /// The text as it is in the file, or, when it is encoded, with `\n` for `\r\n` and `\r`.
  let text = TextBlock()
  @exclusivity(unchecked) private(set) var tokens: PackedTokens
  /// How many bytes were encoded.
  private(set) var textBytes = 0
  /// How many newlines there are in the block, or before what is not UTF-8.
  private(set) var newlines = 0
  /// How many bytes stand behind the last of these newlines, or in all if there is none.
  private(set) var lineBytes = 0
  /// What is not UTF-8, the first byte that cannot stand there and what follows it, if there is any.
  private(set) var invalidText: [UInt8]?

  /// An empty block.
  init(vocabularySize: Int) {
    tokens = PackedTokens(vocabularySize: vocabularySize)
  }

  /// Encodes the text.
  ///
  /// - Parameters:
  ///   - thread: The thread that does it.
  ///   - take: Called when there are many tokens, to take them out. If it returns false, the rest is not
  ///     encoded.
  func encode(
    with thread: EncodingThread, take: (inout PackedTokens) -> Bool = { _ in true }
  ) {
    tokens.removeAll()
    invalidText = nil
    countLines(in: text.bytes)
    if text.hasReturns {
      // Lines and bytes are counted as the file has them, so broken ones must be found before.
      if let offset = offsetOfInvalidUTF8(in: text.bytes) { return note(invalidUTF8At: offset) }
      text.normalizeLineEnds()
    }
    textBytes = text.count
    do throws(InvalidUTF8) {
      _ = try thread.encoder.encode(0..<text.count, of: text.bytes, into: thread.ids) { ids in
        thread.pack(ids, into: &tokens)
        return take(&tokens)
      }
    } catch {
      note(invalidUTF8At: error.offset)
    }
    thread.pack(thread.ids, into: &tokens)
  }

  private func note(invalidUTF8At offset: Int) {
    invalidText = Array(text.bytes[offset...].prefix(CorpusReader.lengthGuessedBy))
    countLines(in: UnsafeRawBufferPointer(rebasing: text.bytes[..<offset]))
  }

  private func countLines(in text: UnsafeRawBufferPointer) {
    newlines = text.count { $0 == 0x0A }
    lineBytes = text.count - (text.lastIndex(of: 0x0A).map { $0 + 1 } ?? 0)
  }
}
