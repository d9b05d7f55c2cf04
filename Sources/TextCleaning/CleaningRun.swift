import CorpusFormat
import FileSupport
import PostFormat

/// Cleans a file of posts in several threads; the result is the same whatever their number.
///
///     let writer = try CorpusWriter(path: "posts.txt")
///     let result = try CleaningRun(rules: RuleSet(.house), path: "posts.jsonl").run(writer) { _ in }
///     try writer.commit()
public struct CleaningRun {
  /// What came of the posts.
  public struct Result: Sendable {
    public internal(set) var funnel: Funnel
    /// The lines that were no posts and were passed over, each with what is wrong.
    public internal(set) var badLines: [InputError] = []
    /// The dropped posts, if they were asked for, in the order of the file.
    public internal(set) var rejects: [Reject] = []
    /// The posts that were drawn, in the order of the file.
    public internal(set) var samples: [CleanedPair] = []
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
  ///   of them; `FileError`; what `progress` throws.
  public func run(
    _ writer: CorpusWriter, progress: (_ bytesConsumed: Int) throws -> Void
  ) throws -> Result {
    let cleaner = Cleaner(rules)
    let collector = try CleaningCollector(
      funnel: cleaner.funnel, path: path, writer: writer, tolerated: toleratedBadLines,
      inspection: inspection, rules: rules)
    var reader = try BlockReader(linesOf: path, blockSize: Self.bytesPerBlock)
    let workers = (0..<max(1, threads)).map { _ in
      CleaningWorker(cleaner, path: path, inspection, collector.fingerprintMaker)
    }
    let empty = cleaner.funnel
    // Each worker belongs to one thread.
    try withoutActuallyEscaping(progress) { progress in
      try OrderedWork<CleaningWorker, CleaningBlock>(
        makeBlock: { CleaningBlock(empty) },
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

/// Takes in cleaned blocks in the order of the file: what looks at several posts happens here.
private final class CleaningCollector {
  private var result: CleaningRun.Result
  private let path: String
  private let writer: CorpusWriter
  private let tolerated: Int
  private let inspection: InspectionRequest
  private var linesBefore = 0
  private var last: (id: Int, line: Int)?
  private var duplicates: Duplicates?
  private let duplicatesStep: Int?
  /// The drawn posts with their lots, the highest first.
  private var drawn: [(lot: UInt64, pair: CleanedPair)] = []
  private let nearDuplicates: RuleSettings?
  private let nearDuplicatesStep: Int?
  /// Where posts wait until nearly equal ones are found; `nil` if they are written at once.
  private let spool: PostSpool?
  let fingerprintMaker: FingerprintMaker?

  init(
    funnel: Funnel, path: String, writer: CorpusWriter, tolerated: Int,
    inspection: InspectionRequest, rules: RuleSet
  ) throws {
    result = CleaningRun.Result(funnel: funnel)
    self.path = path
    self.writer = writer
    self.tolerated = tolerated
    self.inspection = inspection
    duplicatesStep = rules.active.firstIndex { declaration in
      if case .duplicates = declaration.scope { true } else { false }
    }
    duplicates = duplicatesStep.map { _ in Duplicates() }
    nearDuplicatesStep = rules.active.firstIndex { declaration in
      if case .nearDuplicates = declaration.scope { true } else { false }
    }
    nearDuplicates = nearDuplicatesStep.map { rules.active[$0].settings }
    fingerprintMaker = nearDuplicates.map { settings in
      FingerprintMaker(
        similarity: settings.share("similarity"), shingleLength: settings.count("shingle"))
    }
    spool = try fingerprintMaker.map { maker in
      try PostSpool(numbersPerPost: maker.count, isOnePostALine: funnel.isOnePostALine)
    }
  }

  func take(_ block: CleaningBlock) throws {
    try checkLines(of: block)
    result.funnel.add(block.funnel)
    result.rejects += block.rejects
    if let explanation = block.explanation { result.explanation = explanation }
    if let spool {
      for (index, post) in block.posts.enumerated() where isNew(post, block) {
        spool.add(index, of: block)
      }
      try spool.flush()
    } else {
      try writePosts(of: block)
    }
    linesBefore += block.lines
  }

  private func writePosts(of block: CleaningBlock) throws {
    // What stands between two posts that go is written at once.
    var start = 0
    for post in block.posts {
      if isNew(post, block) {
        result.funnel.postsOut += 1
        result.funnel.bytesOut += post.range.count
        if let pair = post.pair { draw(id: post.id) { block.pairs[pair] } }
        continue
      }
      try write(block.output[start..<post.range.lowerBound])
      start = post.range.upperBound + (result.funnel.isOnePostALine ? 1 : 0)
    }
    try write(block.output[start...])
  }

  /// Drops the nearly equal posts of those in the spool, and writes the others.
  private func writePosts(of spool: PostSpool, check: () throws -> Void) throws {
    guard let nearDuplicates, let step = nearDuplicatesStep else { return }
    var steps = 0
    let instead = try spool.findNearDuplicates(by: nearDuplicates) {
      steps += 1
      if steps % 1024 == 1 { try check() }
    }
    for (index, post) in spool.entries.enumerated() {
      let kept = instead[index].map { spool.entries[$0].id }
      if post.id == inspection.explained {
        result.explanation?.steps.append(
          .init(
            rule: NearDuplicates.declaration.name, outcome: kept == nil ? .unchanged : .dropped,
            text: String(decoding: try spool.text(index), as: UTF8.self), keptInstead: kept))
      }
      if let kept {
        result.funnel.steps[step].dropped += 1
        guard inspection.tellsRejects else { continue }
        result.rejects.append(
          Reject(
            id: post.id, rule: NearDuplicates.declaration.name,
            text: try spool.textBefore(index), keptInstead: kept))
      } else {
        result.funnel.postsOut += 1
        result.funnel.bytesOut += post.text.count - (result.funnel.isOnePostALine ? 1 : 0)
        try draw(id: post.id) {
          CleanedPair(
            id: post.id, before: try spool.textBefore(index),
            after: String(decoding: try spool.text(index), as: UTF8.self))
        }
      }
    }
    try spool.forEachPiece(where: { instead[$0] == nil }) { piece in
      try check()
      try write(piece)
    }
  }

  private func checkLines(of block: CleaningBlock) throws {
    if let first = block.first, let last, first.id <= last.id {
      throw PostCursor.orderError(path, (first.id, linesBefore + first.line), behind: last)
    }
    for badLine in block.badLines {
      let error = badLine.error(path, linesBefore: linesBefore)
      guard result.badLines.count < tolerated else { throw error }
      result.badLines.append(error)
    }
    last = block.last.map { ($0.id, linesBefore + $0.line) } ?? last
  }

  /// Whether no post before has the text of `post`; if one has, the post is counted as dropped.
  private func isNew(_ post: CleaningBlock.Cleaned, _ block: CleaningBlock) -> Bool {
    let isNew = duplicates?.isNew(post.digest) ?? true
    if post.id == inspection.explained, let step = duplicatesStep {
      let text = String(decoding: block.output[post.range], as: UTF8.self)
      let rule = result.funnel.steps[step].rule
      result.explanation?.steps.append(
        .init(rule: rule, outcome: isNew ? .unchanged : .dropped, text: text))
    }
    guard isNew else {
      if let step = duplicatesStep {
        result.funnel.steps[step].dropped += 1
        if inspection.tellsRejects, let pair = post.pair {
          result.rejects.append(
            Reject(
              id: post.id, rule: result.funnel.steps[step].rule, text: block.pairs[pair].before))
        }
      }
      return false
    }
    return true
  }

  private func draw(id: Int, _ pair: () throws -> CleanedPair) rethrows {
    guard inspection.sampleCount > 0 else { return }
    let lot = inspection.lot(of: id)
    guard drawn.count < inspection.sampleCount || lot < drawn[0].lot else { return }
    let index = drawn.firstIndex { $0.lot < lot } ?? drawn.count
    try drawn.insert((lot, pair()), at: index)
    if drawn.count > inspection.sampleCount { drawn.removeFirst() }
  }

  private func write(_ text: ArraySlice<UInt8>) throws {
    try text.withUnsafeBytes { try writer.write(posts: $0) }
    result.funnel.charactersOut += text.withUnsafeBytes { text in
      unicodeScalarCount(of: text)
        - (result.funnel.isOnePostALine ? text.count { $0 == 0x0A } : 0)
    }
  }

  /// Finishes when all blocks were taken; `check` is called now and then.
  func finish(check: () throws -> Void) throws -> CleaningRun.Result {
    try check()
    if let spool { try writePosts(of: spool, check: check) }
    result.samples = drawn.map(\.pair).sorted { $0.id < $1.id }
    result.rejects.sort { $0.id < $1.id }
    try result.funnel.check(input: path, badLines: result.badLines)
    return result
  }
}

extension Funnel {
  /// Takes in the counts of further posts by the same rules.
  fileprivate mutating func add(_ other: Funnel) {
    postsIn += other.postsIn
    bytesIn += other.bytesIn
    charactersIn += other.charactersIn
    for index in steps.indices {
      steps[index].dropped += other.steps[index].dropped
      steps[index].changed += other.steps[index].changed
    }
  }

  /// Checks that something is left.
  ///
  /// - Throws: `InputError` if there was no post, or if nothing is left of any.
  fileprivate func check(input path: String, badLines: [InputError]) throws {
    guard postsIn > 0 else {
      throw InputError(path, "there are no posts; expected one JSON object a line")
    }
    guard bytesOut > 0 else {
      let droppers = steps.filter { $0.dropped > 0 }.map { "\($0.rule) dropped \($0.dropped)" }
      throw InputError(
        path,
        "nothing is left of \(postsIn) posts after cleaning: "
          + (droppers.isEmpty ? "no text" : droppers.joined(separator: ", ")))
    }
  }
}
