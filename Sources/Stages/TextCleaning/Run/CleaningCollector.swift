import CorpusFormat
import FileSupport
import PostFormat
import TextSupport

/// Takes cleaned blocks in the order of the file, and runs the rules that compare posts.
final class CleaningCollector {
  private let run: CleaningRun
  private var result: CleaningRun.Result
  private var order = PostOrder()
  /// `nil` if posts with the same text stay.
  private var duplicates: DuplicateFilter?
  /// Where posts wait until nearly equal ones are found; `nil` if they are written at once.
  private let nearDuplicates: NearDuplicateFilter?
  private var sampler: PostSampler
  private let writer: CorpusWriter
  private let newlineCount: Int
  private lazy var spareThread = makeThread()

  init(_ run: CleaningRun, _ writer: CorpusWriter) throws {
    self.run = run
    result = CleaningRun.Result(funnel: Cleaner(run.rules).funnel)
    sampler = run.sampler
    self.writer = writer
    newlineCount = writer.isOnePostALine ? 1 : 0
    duplicates = run.rules.settings(of: DuplicateFilter.declaration).map { _ in DuplicateFilter() }
    nearDuplicates = try run.rules.settings(of: NearDuplicateFilter.declaration).map {
      try NearDuplicateFilter($0, isOnePostALine: writer.isOnePostALine)
    }
  }

  /// Makes the tools that a thread cleans with.
  func makeThread() -> CleaningThread { CleaningThread(run, nearDuplicates?.fingerprintMaker) }

  // MARK: - Blocks

  /// Takes the next block.
  ///
  /// - Throws: `InputError` if there are more bad lines than are tolerated; `FileError`; what the
  ///   run's closures throw.
  func take(_ block: CleaningBlock) throws {
    // Its thread could not know how the earlier blocks end.
    if let last = order.conflict(with: block.cleaned) { spareThread.clean(block, after: last) }
    let cleaned = block.cleaned
    for badLine in cleaned.badLines {
      try passOver(order.error(badLine, of: cleaned, path: run.path))
    }
    if let funnel = cleaned.funnel { result.funnel.add(funnel) }
    result.repairedPosts += cleaned.repairedCount
    if var explanation = cleaned.explanation {
      explanation.line += order.linesBefore
      result.explanation = explanation
    }
    try takePosts(of: cleaned)
    order.advance(past: cleaned)
  }

  /// Counts and reports a bad line, or throws its error if too many have been skipped.
  private func passOver(_ error: InputError) throws {
    let tolerated = run.toleratedBadLines
    guard result.funnel.badLines < tolerated else {
      let remedy =
        tolerated == 0
        ? "--skip-bad 1 skips one such line"
        : "--skip-bad \(tolerated) skips \(tolerated) such lines, and this is one more"
      throw InputError(error.path, error.place, "\(error.problem); \(remedy)")
    }
    result.funnel.badLines += 1
    try run.onBadLine(error)
  }

  private func takePosts(of cleaned: CleanedPosts) throws {
    var rejects = cleaned.rejects
    var kept: [Range<Int>] = []
    for (index, post) in cleaned.posts.enumerated() {
      if try !isNew(post, of: cleaned, &rejects) { continue }
      if let nearDuplicates {
        nearDuplicates.add(index, of: cleaned)
      } else {
        kept.append(post.text.lowerBound..<(post.text.upperBound + newlineCount))
        sampler.consider(
          id: post.id, before: post.textBefore ?? "", after: cleaned.text(of: post))
      }
    }
    rejects.sort { $0.id < $1.id }
    if let nearDuplicates {
      rejects.forEach(nearDuplicates.add)
      try nearDuplicates.flush()
    } else {
      if let onReject = run.onReject { try rejects.forEach(onReject) }
      for range in kept.joined(upTo: .max) {
        try writer.write(posts: cleaned.output.span.extracting(range))
      }
      result.funnel.postsOut += kept.count
    }
  }

  /// Whether no earlier post has the text of `post`; otherwise the post is counted as dropped.
  private func isNew(
    _ post: CleanedPosts.Post, of cleaned: CleanedPosts, _ rejects: inout [Reject]
  ) throws -> Bool {
    guard let isNew = duplicates?.isNew(post.digest) else { return true }
    let rule = DuplicateFilter.declaration.name
    if post.id == run.explainedID {
      result.explanation?.steps.append(
        .init(rule: rule, outcome: isNew ? .unchanged : .dropped, text: cleaned.text(of: post)))
    }
    if isNew { return true }
    result.funnel.countDropped(1, by: rule)
    if run.onReject != nil {
      rejects.append(Reject(id: post.id, rule: rule, text: post.textBefore ?? ""))
    }
    return false
  }

  // MARK: - The end

  /// Finishes after the last block; `check` is called from time to time.
  ///
  /// - Throws: `InputError` if there was no post; `FileError`; what `check` and the run's closures throw.
  func finish(check: () throws -> Void) throws -> CleaningRun.Result {
    try check()
    if let nearDuplicates { try writePosts(of: nearDuplicates, check: check) }
    let newlines = result.funnel.postsOut * newlineCount
    result.funnel.bytesOut = writer.byteCount - newlines
    result.funnel.charactersOut = writer.characterCount - newlines
    result.samples = sampler.samples
    guard result.funnel.postsIn > 0 else {
      throw InputError(run.path, "there are no posts; expected one JSON object per line")
    }
    return result
  }

  /// Drops the waiting posts that are nearly equal to others, and writes the rest.
  private func writePosts(of filter: NearDuplicateFilter, check: () throws -> Void) throws {
    let rule = NearDuplicateFilter.declaration.name
    let dropped = try filter.decide(check: check)
    result.funnel.countDropped(dropped, by: rule)
    if let onReject = run.onReject { try filter.forEachReject(onReject) }
    for post in filter.posts {
      let kept = filter.idKept(insteadOf: post)
      if post.id == run.explainedID {
        result.explanation?.steps.append(
          .init(
            rule: rule, outcome: kept == nil ? .unchanged : .dropped,
            text: String(decoding: try filter.text(of: post), as: UTF8.self), keptInstead: kept))
      }
      if kept != nil { continue }
      try sampler.consider(
        id: post.id, before: filter.textBefore(of: post),
        after: String(decoding: filter.text(of: post), as: UTF8.self))
    }
    try filter.forEachPiece { piece in
      try check()
      try writer.write(posts: piece.span)
    }
    result.funnel.postsOut += filter.posts.count - dropped
  }
}

extension CleanedPosts {
  fileprivate func text(of post: Post) -> String {
    output.span.extracting(post.text).string
  }
}

extension Funnel {
  /// Adds the counts of further posts by the same rules.
  fileprivate mutating func add(_ other: Funnel) {
    postsIn += other.postsIn
    bytesIn += other.bytesIn
    charactersIn += other.charactersIn
    for index in steps.indices {
      steps[index].dropped += other.steps[index].dropped
      steps[index].changed += other.steps[index].changed
    }
  }

  /// Counts posts that `rule` has dropped.
  mutating func countDropped(_ count: Int, by rule: String) {
    for index in steps.indices where steps[index].rule == rule { steps[index].dropped += count }
  }

  /// Checks that something is left of the posts at `path`.
  ///
  /// - Throws: `InputError`.
  public func checkText(of path: String) throws {
    guard bytesOut == 0 else { return }
    let droppers = steps.filter { $0.dropped > 0 }.map { "\($0.rule) dropped \($0.dropped)" }
    throw InputError(
      path,
      "nothing is left of \(postsIn) post\(postsIn == 1 ? "" : "s") after cleaning: "
        + (droppers.isEmpty ? "no text" : droppers.joined(separator: ", ")))
  }
}
