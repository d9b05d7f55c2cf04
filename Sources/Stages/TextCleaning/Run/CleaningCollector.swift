import CorpusFormat
import FileSupport
import PostFormat
import TextSupport

/// Takes in cleaned blocks in the order of the file: what looks at several posts happens here.
final class CleaningCollector {
  private var result: CleaningRun.Result
  private let run: CleaningRun
  private let cleaner: Cleaner
  private let writer: CorpusWriter
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
  private let fingerprintMaker: FingerprintMaker?
  private lazy var spareWorker = makeWorker()

  init(_ run: CleaningRun, _ cleaner: Cleaner, _ writer: CorpusWriter) throws {
    self.run = run
    self.cleaner = cleaner
    self.writer = writer
    var inspection = run.inspection
    inspection.tellsRejects = run.onReject != nil
    self.inspection = inspection
    result = CleaningRun.Result(funnel: cleaner.funnel)
    let active = run.rules.active
    duplicatesStep = active.firstIndex { declaration in
      if case .duplicates = declaration.scope { true } else { false }
    }
    duplicates = duplicatesStep.map { _ in Duplicates() }
    nearDuplicatesStep = active.firstIndex { declaration in
      if case .nearDuplicates = declaration.scope { true } else { false }
    }
    nearDuplicates = nearDuplicatesStep.map { active[$0].settings }
    fingerprintMaker = nearDuplicates.map { settings in
      FingerprintMaker(
        similarity: settings.share("similarity"), shingleLength: settings.count("shingle"))
    }
    spool = try fingerprintMaker.map { maker in
      try PostSpool(
        numbersPerPost: maker.count, isOnePostALine: cleaner.funnel.isOnePostALine,
        rules: active.map(\.name))
    }
  }

  /// Makes what a thread cleans with.
  func makeWorker() -> CleaningWorker {
    CleaningWorker(CleaningTools(cleaner, path: run.path, inspection, fingerprintMaker))
  }

  func take(_ block: CleaningBlock) throws {
    if let first = block.cleaned.first, let last, first.id <= last.id {
      // Its thread could not know what the blocks before end with.
      block.clean(with: spareWorker, behind: (last.id, last.line - linesBefore))
    }
    let cleaned = block.cleaned
    try checkLines(of: cleaned)
    result.funnel.add(cleaned.funnel)
    result.repairedPosts += cleaned.repairedCount
    if var explanation = cleaned.explanation {
      explanation.line += linesBefore
      result.explanation = explanation
    }
    try takePosts(of: cleaned)
    linesBefore += cleaned.lines
  }

  private func checkLines(of cleaned: CleanedPosts) throws {
    for badLine in cleaned.badLines {
      let isFirst = last == nil && badLine.line < cleaned.first?.line ?? .max
      let error = badLine.error(run.path, linesBefore: linesBefore, isFirst: isFirst)
      guard result.funnel.badLines < run.toleratedBadLines else { throw oneTooMany(error) }
      result.funnel.badLines += 1
      try run.onBadLine(error)
    }
    last = cleaned.last.map { ($0.id, linesBefore + $0.line) } ?? last
  }

  /// `error` with how to have such lines passed over.
  private func oneTooMany(_ error: InputError) -> InputError {
    let tolerated = run.toleratedBadLines
    return InputError(
      error.path, error.place,
      error.problem
        + (tolerated == 0
          ? "; --skip-bad 1 passes over one such line"
          : "; --skip-bad \(tolerated) passes over \(tolerated) such lines, and this is one more"))
  }

  private func takePosts(of cleaned: CleanedPosts) throws {
    var rejects = cleaned.rejects[...]
    // What stands between two posts that go is written at once.
    var start = 0
    for (index, post) in cleaned.posts.enumerated() {
      while let reject = rejects.first, reject.id < post.id { try tell(rejects.removeFirst()) }
      let isNew = try isNew(post, cleaned)
      if let spool {
        if isNew { spool.add(index, of: cleaned) }
      } else if isNew {
        result.funnel.postsOut += 1
        result.funnel.bytesOut += post.range.count
        draw(
          id: post.id, before: post.textBefore,
          after: String(decoding: cleaned.output[post.range], as: UTF8.self))
      } else {
        try write(cleaned.output[start..<post.range.lowerBound])
        start = post.range.upperBound + (result.funnel.isOnePostALine ? 1 : 0)
      }
    }
    for reject in rejects { try tell(reject) }
    if let spool { try spool.flush() } else { try write(cleaned.output[start...]) }
  }

  /// Whether no post before has the text of `post`; if one has, the post is counted as dropped.
  private func isNew(_ post: CleanedPosts.Cleaned, _ cleaned: CleanedPosts) throws -> Bool {
    guard let step = duplicatesStep else { return true }
    let isNew = duplicates?.isNew(post.digest) ?? true
    let rule = result.funnel.steps[step].rule
    if post.id == inspection.explained {
      let text = String(decoding: cleaned.output[post.range], as: UTF8.self)
      result.explanation?.steps.append(
        .init(rule: rule, outcome: isNew ? .unchanged : .dropped, text: text))
    }
    guard !isNew else { return true }
    result.funnel.steps[step].dropped += 1
    if inspection.tellsRejects, let text = post.textBefore {
      try tell(Reject(id: post.id, rule: rule, text: text))
    }
    return false
  }

  /// Tells of `reject`, or lets it wait where posts before it may still be dropped.
  private func tell(_ reject: Reject) throws {
    if let spool { try spool.add(reject) } else { try run.onReject?(reject) }
  }

  private func draw(
    id: Int, before: @autoclosure () throws -> String?, after: @autoclosure () throws -> String
  ) rethrows {
    guard inspection.sampleCount > 0 else { return }
    let lot = inspection.lot(of: id)
    guard drawn.count < inspection.sampleCount || lot < drawn[0].lot else { return }
    let pair = CleanedPair(id: id, before: try before() ?? "", after: try after())
    drawn.insert((lot, pair), at: drawn.firstIndex { $0.lot < lot } ?? drawn.count)
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
    if let spool, let nearDuplicates { try writePosts(of: spool, nearDuplicates, check: check) }
    result.samples = drawn.map(\.pair).sorted { $0.id < $1.id }
    try result.funnel.check(input: run.path)
    return result
  }

  /// Drops the nearly equal posts of those in the spool, and writes the others.
  private func writePosts(
    of spool: PostSpool, _ settings: RuleSettings, check: () throws -> Void
  ) throws {
    let rule = NearDuplicates.declaration.name
    var steps = 0
    let instead = try spool.findNearDuplicates(by: settings) {
      steps += 1
      if steps % 1024 == 1 { try check() }
    }
    var reject = try spool.nextReject()
    for (index, post) in spool.entries.enumerated() {
      while let earlier = reject, earlier.id < post.id {
        try run.onReject?(earlier)
        reject = try spool.nextReject()
      }
      let kept = instead[index].map { spool.entries[$0].id }
      if post.id == inspection.explained {
        result.explanation?.steps.append(
          .init(
            rule: rule, outcome: kept == nil ? .unchanged : .dropped,
            text: String(decoding: try spool.text(index), as: UTF8.self), keptInstead: kept))
      }
      if let kept {
        if let step = nearDuplicatesStep { result.funnel.steps[step].dropped += 1 }
        try run.onReject?(
          Reject(id: post.id, rule: rule, text: try spool.textBefore(index), keptInstead: kept))
      } else {
        result.funnel.postsOut += 1
        result.funnel.bytesOut += post.text.count - (result.funnel.isOnePostALine ? 1 : 0)
        try draw(
          id: post.id, before: spool.textBefore(index),
          after: String(decoding: spool.text(index), as: UTF8.self))
      }
    }
    while let last = reject {
      try run.onReject?(last)
      reject = try spool.nextReject()
    }
    try spool.forEachPiece(where: { instead[$0] == nil }) { piece in
      try check()
      try write(piece)
    }
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
  fileprivate func check(input path: String) throws {
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
