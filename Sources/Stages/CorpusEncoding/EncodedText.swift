import BytePairEncoding
import CorpusFormat
import FileSupport
import TextSupport
import TokenShardFormat

/// A block of a text that is encoded as a whole, and the tokens it becomes.
///
/// During encoding, `\r\n` and `\r` in its text become `\n`.
final class EncodedText: CorpusBlock {
  @exclusivity(unchecked) private(set) var tokens: PackedTokens
  /// The number of bytes that have been encoded.
  private(set) var textBytes = 0

  /// An empty block.
  init(vocabularySize: Int) {
    tokens = PackedTokens(vocabularySize: vocabularySize)
  }

  /// Encodes the text on `thread`.
  func encode(with thread: EncodingThread) {
    tokens.removeAll()
    failure = nil
    (newlines, lineBytes) = Self.lines(in: text.bytes[...])
    if text.hasReturns {
      // Lines and bytes are counted as they are in the file, so an invalid character must be found
      // first.
      if let offset = offsetOfInvalidUTF8(in: text.bytes) { return fail(at: offset) }
      text.normalizeLineEnds()
    }
    textBytes = text.count
    do throws(InvalidUTF8) {
      try thread.encoder.encode(0..<text.count, of: text.bytes, into: &thread.ids)
    } catch {
      fail(at: error.offset)
    }
    thread.packIDs(into: &tokens)
  }

  private func fail(at offset: Int) {
    let (newlines, lineBytes) = Self.lines(in: text.bytes[..<offset])
    failure = InvalidText(
      in: text.bytes, at: offset, lineStart: offset - lineBytes, newlines: newlines)
  }

  private static func lines(
    in text: Slice<UnsafeRawBufferPointer>
  ) -> (newlines: Int, lineBytes: Int) {
    (text.count { $0 == 0x0A }, text.count - (text.lastIndex(of: 0x0A).map { $0 + 1 } ?? 0))
  }
}
