import CorpusFormat
import FileSupport
import TextSupport

/// The posts of several cleaned texts, which wait in an unnamed file until it is known which stay.
final class JoinedPosts {
  /// The number of posts that were added, of their characters, and of their bytes.
  private(set) var count = 0
  private(set) var characterCount = 0
  private(set) var byteCount = 0
  /// The number of posts that repeat one of an earlier text word for word.
  private(set) var duplicateCount = 0
  /// The number of posts of the last text.
  private(set) var countOfText = 0

  private let dropsDuplicates: Bool
  /// The digests of the posts of earlier texts, and of the last one; empty if duplicates stay.
  private var earlierDigests: Set<Digest> = []
  private var digestsOfText: Set<Digest> = []
  private let nearDuplicates: RuleSettings?
  private var fingerprintMaker: FingerprintMaker?
  private var fingerprints: [UInt32] = []
  private let file: AppendFile
  private var buffer: [UInt8] = []
  /// Where the posts that are not duplicates are in the file, each with its newline.
  private var posts: [Range<Int>] = []
  /// The index of the first of ``posts`` of each text.
  private var starts: [Int] = []
  /// Whether each of ``posts`` is nearly equal to one of an earlier text; empty if none is.
  private var isNearDuplicate: [Bool] = []

  private static let bufferSize = 1 << 20

  /// No posts yet, which will be compared by `rules`.
  ///
  /// - Throws: `FileError`.
  init(_ rules: RuleSet) throws {
    file = try AppendFile.temporary()
    dropsDuplicates = rules.settings(of: CorpusJoin.duplicates) != nil
    nearDuplicates = rules.settings(of: CorpusJoin.nearDuplicates)
    fingerprintMaker = nearDuplicates.map(FingerprintMaker.init)
  }

  /// Begins another text.
  func beginText() {
    earlierDigests.formUnion(digestsOfText)
    digestsOfText = []
    starts.append(posts.count)
    countOfText = 0
  }

  /// Adds a post of the text.
  ///
  /// - Throws: `FileError`.
  func add(_ post: UnsafeRawBufferPointer) throws {
    let bytes = Array(post)
    count += 1
    countOfText += 1
    byteCount += bytes.count
    characterCount += bytes.span.scalarCount
    if dropsDuplicates {
      let digest = Digest(of: bytes.span)
      guard !earlierDigests.contains(digest) else { return duplicateCount += 1 }
      digestsOfText.insert(digest)
    }
    fingerprintMaker?.append(of: bytes[...], to: &fingerprints)
    let start = file.size + buffer.count
    buffer += bytes
    buffer.append(0x0A)
    posts.append(start..<(file.size + buffer.count))
    precondition(posts.count < UInt32.max)
    if buffer.count >= Self.bufferSize { try flush() }
  }

  private func flush() throws {
    try file.append(buffer)
    buffer.removeAll(keepingCapacity: true)
  }

  /// Drops the posts that are nearly equal to a post of an earlier text that stays.
  ///
  /// - Throws: `FileError`; what `check`, which is called from time to time, throws.
  func dropNearDuplicates(check: () throws -> Void) throws {
    try flush()
    guard let nearDuplicates, let fingerprintMaker else { return }
    var search = NearDuplicateSearch(
      fingerprints: fingerprints, valuesPerPost: fingerprintMaker.count,
      order: posts.indices.map { UInt32($0) })
    fingerprints = []
    var text = 0
    let keptInstead = try search.run(
      nearDuplicates,
      comparableBefore: { post in
        while text + 1 < starts.count, starts[text + 1] <= post { text += 1 }
        return starts[text]
      },
      text: { try file.bytes(posts[$0].lowerBound..<posts[$0].upperBound - 1) },
      check: check)
    isNearDuplicate = keptInstead.map { $0 != nil }
  }

  private func isKept(_ index: Int) -> Bool { isNearDuplicate.isEmpty || !isNearDuplicate[index] }

  /// The number of posts of each text that stay, and of their bytes.
  var keptByText: [(posts: Int, bytes: Int)] {
    starts.indices.map { text in
      let end = text + 1 < starts.count ? starts[text + 1] : posts.count
      let kept = (starts[text]..<end).filter(isKept)
      return (kept.count, kept.reduce(0) { $0 + posts[$1].count - 1 })
    }
  }

  /// Writes the posts that stay.
  ///
  /// - Throws: `FileError`; what `check`, which is called from time to time, throws.
  func write(to writer: CorpusWriter, check: () throws -> Void) throws {
    let kept = posts.indices.lazy.filter { self.isKept($0) }.map { self.posts[$0] }
    for piece in kept.joined(upTo: Self.bufferSize) {
      try check()
      let bytes = try file.bytes(piece)
      try writer.write(posts: bytes.span)
    }
  }
}
