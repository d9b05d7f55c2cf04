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
    fileprivate let ids = IDBuffer()

    /// Packs the ids, so that their memory can be used again.
    fileprivate mutating func pack() {
      ids.withIDs { tokens.append($0) }
      ids.removeAll()
    }

    fileprivate mutating func clear() {
      posts = 0
      textBytes = 0
      tokens.removeAll()
      ids.removeAll()
    }
  }

  /// A byte that cannot stand there in UTF-8.
  struct Failure: Error {
    /// The line in the block, from 1.
    let line: Int
    /// The offset in the post.
    let offset: Int
    let byte: UInt8
  }

  let text = TextBlock()
  /// Whether its file begins with the block.
  var isFirst = false
  private(set) var train: Part
  private(set) var validation: Part
  private(set) var lines = 0
  private(set) var failure: Failure?

  init(vocabularySize: Int) {
    train = Part(tokens: PackedTokens(vocabularySize: vocabularySize))
    validation = Part(tokens: PackedTokens(vocabularySize: vocabularySize))
  }

  /// Encodes the posts of the text; those whose CRC-32 is below `validationEnd` go to validation.
  func encode(with encoder: inout Encoder, endOfText: UInt32, validationEnd: Double) {
    train.clear()
    validation.clear()
    failure = nil
    let text = text.bytes
    do throws(Failure) {
      lines = try CorpusReader.forEachPost(in: text, isFirst: isFirst) {
        (line: Int, range: Range<Int>) throws(Failure) in
        do throws(InvalidUTF8) {
          if validationEnd > 0, Double(Self.checksum(of: text, range)) < validationEnd {
            try Self.encode(range, of: text, with: &encoder, into: &validation, endOfText)
          } else {
            try Self.encode(range, of: text, with: &encoder, into: &train, endOfText)
          }
        } catch {
          throw Failure(
            line: line, offset: error.offset - range.lowerBound, byte: text[error.offset])
        }
      }
    } catch {
      failure = error
    }
    train.pack()
    validation.pack()
  }

  private static let longestPart = 1 << 20

  private static func checksum(of text: UnsafeRawBufferPointer, _ range: Range<Int>) -> UInt32 {
    var checksum = CRC32()
    checksum.update(UnsafeRawBufferPointer(rebasing: text[range]))
    return checksum.value
  }

  private static func encode(
    _ post: Range<Int>, of text: UnsafeRawBufferPointer, with encoder: inout Encoder,
    into part: inout Part, _ endOfText: UInt32
  ) throws(InvalidUTF8) {
    // The ids of a very long post are packed from time to time, which makes them smaller.
    var start = post.lowerBound
    while encoder.canCutTexts, post.upperBound - start > longestPart {
      let rest = UnsafeRawBufferPointer(rebasing: text[start..<start + longestPart])
      guard let cut = PreTokenizer().lastCut(in: rest) else { break }
      try encoder.encode(start..<start + cut, of: text, into: part.ids)
      part.pack()
      start += cut
    }
    try encoder.encode(start..<post.upperBound, of: text, into: part.ids)
    part.ids.append(endOfText)
    part.posts += 1
    part.textBytes += post.count
  }
}

/// A block of a text that is encoded as a whole, and what comes of it.
final class EncodedText {
  let text = TextBlock()
  private(set) var tokens: PackedTokens
  /// How many newlines there are in the block, or before what is not UTF-8.
  private(set) var newlines = 0
  /// Whether the block is not UTF-8.
  private(set) var isInvalid = false
  private let ids = IDBuffer()

  init(vocabularySize: Int) {
    tokens = PackedTokens(vocabularySize: vocabularySize)
  }

  /// Encodes the text.
  func encode(with encoder: inout Encoder) {
    tokens.removeAll()
    ids.removeAll()
    let text = text.bytes
    var end = text.count
    do {
      try encoder.encode(0..<text.count, of: text, into: ids)
      isInvalid = false
    } catch {
      isInvalid = true
      end = error.offset
    }
    newlines = text[..<end].count { $0 == 0x0A }
    ids.withIDs { tokens.append($0) }
    ids.removeAll()
  }
}
