import CorpusFormat
import FileSupport
import Threading

/// Cleans a file of posts in several threads; the result is the same whatever their number.
///
///     let writer = try CorpusWriter(path: "posts.txt")
///     let result = try CleaningRun(rules: RuleSet(.house), path: "posts.jsonl").run(writer) { _ in }
///     try writer.commit()
///
/// The memory does not grow with the file, but for what the rules `duplicates` and
/// `near-duplicates` keep of each post.
public struct CleaningRun {
  /// What came of the posts.
  public struct Result: Sendable {
    public internal(set) var funnel: Funnel
    /// The posts that were drawn, in the order of the file.
    public internal(set) var samples: [CleanedPair] = []
    /// How many posts had half of a surrogate pair in a text, which was replaced by U+FFFD.
    public internal(set) var repairedPosts = 0
    /// What each rule did to the post that was asked for; `nil` if it is not in the file.
    public internal(set) var explanation: Explanation?
  }

  /// The rules that are run.
  public var rules: RuleSet
  /// The posts, packed with gzip or not; `-` is standard input.
  public var path: String
  /// How many threads clean.
  public var threads = 1
  /// How many lines that are no posts are passed over before one is an error.
  public var toleratedBadLines = 0
  /// What is to be told of single posts.
  public var inspection = InspectionRequest()
  /// Is given each line that is passed over, with what is wrong, in the order of the file.
  public var onBadLine: (InputError) throws -> Void = { _ in }
  /// Is given each dropped post, in the order of the file; `nil` if nobody asks for them.
  public var onReject: ((Reject) throws -> Void)?

  /// How many bytes a thread cleans at a time: so many that taking turns costs nothing, so few that
  /// they stay in the caches of the processor.
  private static let bytesPerBlock = 1 << 18

  /// A run of `rules` over the posts at `path`.
  public init(rules: RuleSet, path: String) {
    self.rules = rules
    self.path = path
  }

  /// Cleans the posts and writes their texts; the file is not committed.
  ///
  /// `progress` is given how many bytes of the file, as it lies on the disk, were read.
  ///
  /// - Throws: `InputError` if there are more bad lines than are tolerated, no posts, or nothing left
  ///   of them; `FileError`; what `progress`, ``onBadLine`` and ``onReject`` throw.
  public func run(
    _ writer: CorpusWriter, progress: (_ bytesConsumed: Int) throws -> Void
  ) throws -> Result {
    let cleaner = Cleaner(rules)
    let collector = try CleaningCollector(self, cleaner, writer)
    var reader = try BlockReader(linesOf: path, blockSize: Self.bytesPerBlock)
    let workers = (0..<max(1, threads)).map { _ in collector.makeWorker() }
    // Each worker belongs to one thread.
    try withoutActuallyEscaping(progress) { progress in
      try OrderedWork<CleaningWorker, CleaningBlock>(
        makeBlock: { CleaningBlock(cleaner.funnel) },
        read: { block in
          try progress(reader.input.bytesConsumed)
          return try reader.read(into: block.text)
        },
        work: { worker, block in block.clean(with: worker) },
        finish: { try collector.take($0) }
      ).run(states: workers)
    }
    return try collector.finish { try progress(reader.input.bytesConsumed) }
  }
}
