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

    /// Packs the ids, so that their memory can be used again, and counts them in `statistics`.
    fileprivate mutating func pack(_ statistics: inout CorpusStatistics) {
      ids.withIDs {
        tokens.append($0)
        statistics.count($0)
      }
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
  /// What is to be known of both parts; the lines are those of the block.
  private(set) var statistics: CorpusStatistics
  private(set) var lines = 0
  private(set) var failure: Failure?

  /// An empty block; `statistics` are those of nothing yet.
  init(_ statistics: CorpusStatistics) {
    self.statistics = statistics
    let vocabularySize = statistics.vocabularySize
    train = Part(tokens: PackedTokens(vocabularySize: vocabularySize))
    validation = Part(tokens: PackedTokens(vocabularySize: vocabularySize))
  }

  /// Encodes the posts of the text; those whose CRC-32 is below `validationEnd` go to validation.
  func encode(with encoder: inout Encoder, endOfText: UInt32, validationEnd: Double) {
    train.clear()
    validation.clear()
    statistics.removeAll()
    failure = nil
    let text = text.bytes
    do throws(Failure) {
      lines = try CorpusReader.forEachPost(in: text, isFirst: isFirst) {
        (line: Int, range: Range<Int>) throws(Failure) in
        do throws(InvalidUTF8) {
          if validationEnd > 0, Double(Self.checksum(of: text, range)) < validationEnd {
            try encode(range, of: text, line: line, with: &encoder, into: &validation, endOfText)
          } else {
            try encode(range, of: text, line: line, with: &encoder, into: &train, endOfText)
          }
        } catch {
          throw Failure(
            line: line, offset: error.offset - range.lowerBound, byte: text[error.offset])
        }
      }
    } catch {
      failure = error
    }
    train.pack(&statistics)
    validation.pack(&statistics)
  }

  private static let longestPart = 1 << 20

  private static func checksum(of text: UnsafeRawBufferPointer, _ range: Range<Int>) -> UInt32 {
    var checksum = CRC32()
    checksum.update(UnsafeRawBufferPointer(rebasing: text[range]))
    return checksum.value
  }

  private func encode(
    _ post: Range<Int>, of text: UnsafeRawBufferPointer, line: Int, with encoder: inout Encoder,
    into part: inout Part, _ endOfText: UInt32
  ) throws(InvalidUTF8) {
    let tokensBefore = part.tokens.count + part.ids.count
    // The ids of a very long post are packed from time to time, which makes them smaller.
    var start = post.lowerBound
    while encoder.canCutTexts, post.upperBound - start > Self.longestPart {
      let rest = UnsafeRawBufferPointer(rebasing: text[start..<start + Self.longestPart])
      guard let cut = PreTokenizer().lastCut(in: rest) else { break }
      try encoder.encode(start..<start + cut, of: text, into: part.ids)
      part.pack(&statistics)
      start += cut
    }
    try encoder.encode(start..<post.upperBound, of: text, into: part.ids)
    part.ids.append(endOfText)
    part.posts += 1
    part.textBytes += post.count
    statistics.count(
      .init(
        tokens: part.tokens.count + part.ids.count - tokensBefore, bytes: post.count, file: 0,
        line: line))
  }
}

/// A block of a text that is encoded as a whole, and what comes of it.
final class EncodedText {
  let text = TextBlock()
  private(set) var tokens: PackedTokens
  private(set) var statistics: CorpusStatistics
  /// How many newlines there are in the block, or before what is not UTF-8.
  private(set) var newlines = 0
  /// How many bytes stand behind the last of these newlines, or in all if there is none.
  private(set) var lineBytes = 0
  /// The byte that cannot stand there in UTF-8, if there is one.
  private(set) var invalidByte: UInt8?
  private let ids = IDBuffer()

  /// An empty block; `statistics` are those of nothing yet.
  init(_ statistics: CorpusStatistics) {
    self.statistics = statistics
    tokens = PackedTokens(vocabularySize: statistics.vocabularySize)
  }

  /// Encodes the text.
  func encode(with encoder: inout Encoder) {
    tokens.removeAll()
    statistics.removeAll()
    let text = text.bytes
    var end = text.count
    do throws(InvalidUTF8) {
      try encoder.encode(0..<text.count, of: text, into: ids)
      invalidByte = nil
    } catch {
      invalidByte = text[error.offset]
      end = error.offset
    }
    newlines = text[..<end].count { $0 == 0x0A }
    lineBytes = end - (text[..<end].lastIndex(of: 0x0A).map { $0 + 1 } ?? 0)
    ids.withIDs {
      tokens.append($0)
      statistics.add(text: $0, bytes: text.count)
    }
    ids.removeAll()
  }
}
