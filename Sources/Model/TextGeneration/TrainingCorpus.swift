import BytePairEncoding
import FileSupport
import TensorKernels
import TokenShardFormat

/// The posts that a model was trained on, in token shards.
public struct TrainingCorpus: Sendable {
  /// The folder of the shards.
  public let folder: String
  private let manifest: TokenManifest
  private let shards: TokenShards
  /// The tokenizer of the shards, which need not be the model's.
  private let tokenizer: Tokenizer

  /// The corpus in `folder`, which `bpe-encode` wrote.
  ///
  /// - Throws: `InputError`; `FileError`.
  public init(folder: String) throws {
    self.folder = folder
    manifest = try TokenManifest(folder: folder)
    shards = try manifest.shards(of: .train, in: folder, verifyingContents: false)
    tokenizer = try Tokenizer(folder: folder + "/" + TokenManifest.tokenizerFolder)
    try manifest.checkTokenizer(digest: tokenizer.digest, in: folder)
  }

  /// The corpus in `folder`, whose parts are open already.
  public init(
    folder: String, _ manifest: TokenManifest, _ shards: TokenShards, _ tokenizer: Tokenizer
  ) {
    (self.folder, self.manifest, self.shards, self.tokenizer) = (
      folder, manifest, shards, tokenizer
    )
  }

  // MARK: - First words

  /// How many tokens are read at a time.
  private static let piece = 1024

  /// The first word of a post: the first one after a token that `seed` and `index` determine; `nil` if
  /// there is none.
  ///
  /// - Throws: `InputError` if a shard is damaged.
  public func firstWord(seed: UInt64, index: Int) throws -> String? {
    guard shards.count > 0 else { return nil }
    var generator = PhiloxGenerator(seed: seed, .prompts, stream: index)
    let start = Int.random(in: 0..<shards.count, using: &generator)
    var bytes: [UInt8] = []
    // After the end the search continues at the beginning, where a post begins too.
    for range in [start..<shards.count, 0..<shards.count] {
      if range.lowerBound == 0 { bytes.append(0x0A) }
      for begin in stride(from: range.lowerBound, to: range.upperBound, by: Self.piece) {
        let end = min(begin + Self.piece, range.upperBound)
        bytes += try text(of: begin..<end)
        if let word = Self.firstWord(afterNewline: bytes) { return word }
        // The lines without a word are no longer needed; the last one may continue.
        if let newline = bytes.lastIndex(of: 0x0A) { bytes.removeFirst(newline) }
      }
    }
    return nil
  }

  /// The first word at the beginning of a line other than the first that is followed by a space or a
  /// newline, in whole characters.
  private static func firstWord(afterNewline bytes: [UInt8]) -> String? {
    for line in bytes.split(separator: 0x0A, omittingEmptySubsequences: false).dropFirst() {
      let word = line.prefix { $0 != 0x20 }
      guard word.endIndex < bytes.count, !word.isEmpty, word != [0x40],
        let text = String(validating: word, as: UTF8.self),
        !text.unicodeScalars.contains("\u{FFFD}")
      else { continue }
      return text
    }
    return nil
  }

  /// The text of the tokens in `range`, with a newline for each end of text.
  private func text(of range: Range<Int>) throws -> [UInt8] {
    var bytes: [UInt8] = []
    for (offset, id) in shards.ids(in: range).enumerated() {
      guard id < tokenizer.count else {
        throw InputError(
          folder,
          "training token \(range.lowerBound + offset) is \(id), but the tokenizer has "
            + "\(tokenizer.count): the shards are damaged; bpe-encode --verify reports where")
      }
      if id == manifest.endOfText { bytes.append(0x0A) } else { bytes += tokenizer.bytes(of: id) }
    }
    return bytes
  }

  // MARK: - All posts

  /// How many tokens there are.
  public var tokenCount: Int { shards.count }

  /// Calls `body` with each post, and `progress` from time to time with the number of tokens read.
  ///
  /// - Throws: `InputError` if a shard is damaged; what the two throw.
  public func forEachPost(
    _ progress: (Int) throws -> Void = { _ in }, _ body: (String) throws -> Void
  ) throws {
    var line: [UInt8] = []
    for begin in stride(from: 0, to: shards.count, by: 1 << 16) {
      let end = min(begin + (1 << 16), shards.count)
      let bytes = try text(of: begin..<end)
      let lines = bytes.split(separator: 0x0A, omittingEmptySubsequences: false)
      for (index, part) in lines.enumerated() {
        line += part
        guard index < lines.count - 1 else { break }
        try body(String(decoding: line, as: UTF8.self))
        line = []
      }
      try progress(end)
    }
    try body(String(decoding: line, as: UTF8.self))
  }

  /// The fingerprints of all posts.
  ///
  /// `progress` is called from time to time with the number of tokens read.
  ///
  /// - Throws: `InputError` if a shard is damaged; what `progress` throws.
  public func fingerprints(_ progress: (Int) throws -> Void = { _ in }) throws -> PostFingerprints {
    var posts = PostFingerprints()
    try forEachPost(progress) { posts.insert($0) }
    return posts
  }
}
