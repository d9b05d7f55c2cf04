import BytePairEncoding
import CorpusFormat
import FileSupport
import TokenShardFormat

/// A block of posts and the tokens they become.
final class EncodedPosts: CorpusBlock {
  /// The posts of the block in one split.
  struct Part {
    var posts = 0
    var textBytes = 0
    var tokens: PackedTokens
  }

  /// The posts for training and those for validation.
  // Only one thread at a time works on the block, so this need not be checked for each post.
  @exclusivity(unchecked) private var parts: [Part]
  /// The lengths of the posts, by line in the block.
  @exclusivity(unchecked) private(set) var lengths: PostLengths

  /// An empty block; `blockSize` is the one for the statistics.
  init(vocabularySize: Int, blockSize: Int) {
    let empty = Part(tokens: PackedTokens(vocabularySize: vocabularySize))
    parts = [empty, empty]
    lengths = PostLengths(blockSize: blockSize)
  }

  var train: Part { parts[0] }
  var validation: Part { parts[1] }

  /// Encodes the posts of the text.
  ///
  /// - Parameters:
  ///   - thread: The thread that does it.
  ///   - endOfText: The token after each post.
  ///   - held: Which posts belong to validation.
  func encode(with thread: EncodingThread, endOfText: UInt32, held: HeldPosts) {
    for part in parts.indices {
      (parts[part].posts, parts[part].textBytes) = (0, 0)
      parts[part].tokens.removeAll()
    }
    lengths.removeAll()
    failure = nil
    let text = text.bytes
    // The ids of consecutive posts of one split are packed together.
    var part = 0
    do throws(InvalidText) {
      newlines = try CorpusReader.forEachPost(in: text) { line, post throws(InvalidText) in
        let isValidation = held.contains(text[post])
        if isValidation != (part == 1) {
          thread.packIDs(into: &parts[part].tokens)
          part = 1 - part
        }
        let start = thread.ids.count
        do throws(InvalidUTF8) {
          try thread.encoder.encode(post, of: text, into: &thread.ids)
        } catch {
          // A post may begin after a byte order mark, which counts for the byte of the line.
          let lineStart = text[..<post.lowerBound].lastIndex(of: 0x0A).map { $0 + 1 } ?? 0
          throw InvalidText(in: text, at: error.offset, lineStart: lineStart, newlines: line - 1)
        }
        thread.ids.append(endOfText)
        let tokens = thread.ids.count - start
        parts[part].posts += 1
        parts[part].textBytes += post.count
        lengths.add(.init(tokens: tokens, bytes: post.count, file: 0, line: line))
      }
    } catch {
      failure = error
    }
    thread.packIDs(into: &parts[part].tokens)
  }
}

/// The posts that are held back for validation: those whose CRC-32, divided by 2^32, is less than a
/// fraction, so that a post stays on its side when others are added.
struct HeldPosts {
  private let end: Double

  init(fraction: Double) {
    end = fraction * 0x1p32
  }

  func contains(_ post: Slice<UnsafeRawBufferPointer>) -> Bool {
    guard end > 0 else { return false }
    var checksum = CRC32()
    checksum.update(UnsafeRawBufferPointer(rebasing: post))
    return Double(checksum.value) < end
  }
}
