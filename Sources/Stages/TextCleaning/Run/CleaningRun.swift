import CorpusFormat
import FileSupport
import Threading

/// Cleans a file of posts on several threads; the result does not depend on how many.
///
///     let writer = try CorpusWriter(path: "posts.txt")
///     let result = try CleaningRun(rules: RuleSet(.house), path: "posts.jsonl").run(writer) { _ in }
///     try writer.commit()
///
/// Memory does not grow with the file, except for what the rules `duplicates` and `near-duplicates`
/// keep of each post.
public struct CleaningRun {
  /// What became of the posts.
  public struct Result: Sendable {
    public internal(set) var funnel: Funnel
    /// The posts that were drawn, in the order of the file.
    public internal(set) var samples: [PostSampler.Sample] = []
    /// The number of posts with half a surrogate pair in a text, which was replaced by U+FFFD.
    public internal(set) var repairedPosts = 0
    /// What each rule did to the post ``explainedID``; `nil` if it is not in the file.
    public internal(set) var explanation: Explanation?
  }

  /// The rules that are run.
  public var rules: RuleSet
  /// The posts, compressed with gzip or not; `-` is standard input.
  public var path: String
  /// The number of threads that clean.
  public var threads = 1
  /// How many lines that are not posts are skipped before the next is an error.
  public var toleratedBadLines = 0
  /// The id of a post for which each step is reported.
  public var explainedID: Int?
  /// Draws posts that are reported as they were and as they came out.
  public var sampler = PostSampler(count: 0)
  /// Called with each line that is skipped, in the order of the file.
  public var onBadLine: (InputError) throws -> Void = { _ in }
  /// Called with each dropped post, in the order of the file.
  public var onReject: ((Reject) throws -> Void)?

  /// How many bytes a thread cleans at a time: enough that taking turns costs nothing, but few
  /// enough to stay in the processor's caches.
  private static let bytesPerBlock = 1 << 18

  /// A run of `rules` over the posts at `path`.
  public init(rules: RuleSet, path: String) {
    self.rules = rules
    self.path = path
  }

  /// Cleans the posts and writes their texts; the file is not committed.
  ///
  /// `progress` is called with the number of bytes of the file, as it is on disk, that were read.
  ///
  /// - Throws: `InputError` if there are more bad lines than are tolerated, or if there are no posts;
  ///   `FileError`; what `progress`, ``onBadLine`` and ``onReject`` throw.
  public func run(
    _ writer: CorpusWriter, progress: (_ bytesConsumed: Int) throws -> Void
  ) throws -> Result {
    let collector = try CleaningCollector(self, writer)
    var reader = try BlockReader(linesOf: path, blockSize: Self.bytesPerBlock)
    try withoutActuallyEscaping(progress) { progress in
      try OrderedWork<CleaningThread, CleaningBlock>(
        makeBlock: { CleaningBlock() },
        read: { block in
          try progress(reader.input.bytesConsumed)
          return try reader.read(into: block.text)
        },
        work: { thread, block in thread.clean(block) },
        finish: { try collector.take($0) }
      ).run(states: (0..<max(1, threads)).map { _ in collector.makeThread() })
    }
    return try collector.finish { try progress(reader.input.bytesConsumed) }
  }
}
