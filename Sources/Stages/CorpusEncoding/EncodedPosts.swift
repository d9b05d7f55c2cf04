import BytePairEncoding
import CorpusFormat
import FileSupport
import TokenShardFormat

/// A block of posts and what comes of it.
final class EncodedPosts {
  /// What one split gets of the block.
  struct Part {
    var posts = 0
    var textBytes = 0
    var tokens: PackedTokens

    fileprivate mutating func clear() {
      posts = 0
      textBytes = 0
      tokens.removeAll()
    }
  }

  /// Text that is not UTF-8.
  struct Failure: Error {
    /// The line in the block, from 1.
    let line: Int
    /// The offset in the line.
    let offset: Int
    /// The byte that cannot stand there, and what follows it.
    let text: [UInt8]
  }

  let text = TextBlock()
  // One thread at a time has the block, which need not be checked for each post.
  @exclusivity(unchecked) private(set) var train: Part
  @exclusivity(unchecked) private(set) var heldBack: Part
  /// How long the posts are; their lines are those of the block.
  @exclusivity(unchecked) private(set) var lengths: PostLengths
  private(set) var lines = 0
  private(set) var failure: Failure?

  /// An empty block; `blockSize` is that of the statistics.
  init(vocabularySize: Int, blockSize: Int) {
    train = Part(tokens: PackedTokens(vocabularySize: vocabularySize))
    heldBack = Part(tokens: PackedTokens(vocabularySize: vocabularySize))
    lengths = PostLengths(blockSize: blockSize)
  }

  /// Encodes the posts of the text.
  ///
  /// - Parameters:
  ///   - thread: The thread that does it.
  ///   - endOfText: What follows each post.
  ///   - validationEnd: Posts whose CRC-32 is below are held back.
  ///   - take: Called when there are many tokens of a post, to take them out; `isHeldBack` tells
  ///     whether the post is. If it returns false, the rest is not encoded.
  func encode(
    with thread: EncodingThread, endOfText: UInt32, validationEnd: Double,
    take: (_ tokens: inout PackedTokens, _ isHeldBack: Bool) -> Bool = { _, _ in true }
  ) {
    train.clear()
    heldBack.clear()
    lengths.removeAll()
    failure = nil
    let text = text.bytes
    do throws(Failure) {
      lines = try CorpusReader.forEachPost(in: text) {
        (line: Int, range: Range<Int>) throws(Failure) in
        let isHeldBack =
          validationEnd > 0 && Double(Self.checksum(of: text, range)) < validationEnd
        let ids = isHeldBack ? thread.heldBackIDs : thread.ids
        do throws(InvalidUTF8) {
          let tokens =
            isHeldBack
            ? try encode(range, of: text, with: thread, ids, &heldBack) { take(&$0, true) }
            : try encode(range, of: text, with: thread, ids, &train) { take(&$0, false) }
          ids.append(endOfText)
          lengths.add(.init(tokens: tokens + 1, bytes: range.count, file: 0, line: line))
        } catch {
          throw Failure(
            line: line, offset: error.offset - range.lowerBound,
            text: Array(text[error.offset...].prefix(CorpusReader.lengthGuessedBy)))
        }
      }
    } catch {
      failure = error
    }
    thread.pack(thread.ids, into: &train.tokens)
    thread.pack(thread.heldBackIDs, into: &heldBack.tokens)
  }

  private static func checksum(of text: UnsafeRawBufferPointer, _ range: Range<Int>) -> UInt32 {
    var checksum = CRC32()
    checksum.update(UnsafeRawBufferPointer(rebasing: text[range]))
    return checksum.value
  }

  /// Encodes the post `range` of `text`, counts it in `part` and returns how many tokens it has.
  private func encode(
    _ range: Range<Int>, of text: UnsafeRawBufferPointer, with thread: EncodingThread,
    _ ids: IDBuffer, _ part: inout Part, _ take: (inout PackedTokens) -> Bool
  ) throws(InvalidUTF8) -> Int {
    var tokens = -ids.count
    _ = try thread.encoder.encode(range, of: text, into: ids) { ids in
      tokens += ids.count
      thread.pack(ids, into: &part.tokens)
      return take(&part.tokens)
    }
    part.posts += 1
    part.textBytes += range.count
    return tokens + ids.count
  }
}
