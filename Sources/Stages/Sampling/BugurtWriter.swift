import TextGeneration

/// Writes bugurts in the order of their requests: if wanted, each is the best of several candidates,
/// and only well-formed ones are kept.
///
///     writer.begin(requests)
///     while let event = try writer.next() { … }
///
/// Bugurt n of a prompt has the candidates n · N … n · N + N − 1 among the texts of the seed, so it
/// is the same however many are requested.
public final class BugurtWriter {
  /// What happens, in the order of the bugurts.
  public enum Event {
    /// A bugurt begins; its tokens follow.
    case began(Prompt)
    /// The next token after the prompt.
    case token(Int32)
    /// The bugurt is finished.
    case finished(GeneratedText)
    /// Progress was made on texts whose turn has not come yet.
    case progress
  }

  /// Bugurts with prompts of one source.
  public struct Request: Sendable {
    public var source: PromptSource
    public var count: Int
    /// The index of the first bugurt.
    public var firstIndex: Int

    public init(_ source: PromptSource, count: Int, firstIndex: Int = 0) {
      self.source = source
      self.count = count
      self.firstIndex = firstIndex
    }
  }

  public let generator: TextGenerator
  /// How many bugurts the filter has dropped, by flaw.
  public private(set) var dropped: [BugurtFilter.Flaw: Int] = [:]

  private var maker: PromptMaker
  private let candidates: Int
  private let filter: BugurtFilter?
  private let attempts: Int
  private var states: [RequestState] = []
  /// The first request that has not been returned completely.
  private var current = 0
  /// How many requests have been started.
  private var startedCount = 0
  /// How many tokens of the next bugurt to be returned have been returned; `nil` before it begins.
  private var tokensReturned: Int?

  /// A bugurt that is being written: the candidates for it that have been started.
  private struct Attempt {
    let prompt: Prompt
    let index: Int
    var texts: [TextInProgress] = []
  }

  /// The progress of a request.
  private struct RequestState {
    let request: Request
    /// Attempts that have not been judged yet, in order.
    var open: ArraySlice<Attempt> = []
    var judgedCount = 0
    var keptCount = 0
    /// Bugurts that have been kept but not returned yet.
    var waiting: ArraySlice<GeneratedText> = []

    /// Whether as many bugurts have been kept as were requested.
    var isComplete: Bool { keptCount == request.count }
    var attemptCount: Int { judgedCount + open.count }
    var needsAttempt: Bool { keptCount + open.count < request.count }
  }

  /// A writer of bugurts, each the best, by mean log-probability, of those of `candidates` texts
  /// that `filter` accepts.
  ///
  /// At most `attempts` are written for each bugurt that the filter should accept.
  public init(
    _ generator: TextGenerator, _ maker: PromptMaker, candidates: Int = 1,
    filter: BugurtFilter? = nil, attempts: Int = 50
  ) {
    precondition(candidates > 0 && attempts > 0)
    self.generator = generator
    self.maker = maker
    self.candidates = candidates
    self.filter = filter
    self.attempts = attempts
  }

  /// Whether every text that is written is also returned.
  public var returnsEveryText: Bool { candidates == 1 && filter == nil }

  /// Begins to write what `requests` ask for, one after another; unfinished texts of earlier
  /// ones are abandoned.
  public func begin(_ requests: [Request]) {
    for index in active { abandonAttempts(of: index) }
    states = requests.map { RequestState(request: $0) }
    (current, startedCount, tokensReturned) = (0, 0, nil)
  }

  /// The next event; `nil` when all requests are complete.
  ///
  /// Unless an event is already waiting, a text is started or the model makes a step.
  ///
  /// - Throws: ``SamplingError``; ``PromptError``; ``FilterError`` if the filter accepts too few;
  ///   `InputError` if the corpus of the first words is damaged.
  public func next() throws -> Event? {
    if let event = nextReady() { return event }
    guard current < states.count else { return nil }
    if try !startText() { try generator.step() }
    for index in active { try judge(index) }
    return nextReady() ?? .progress
  }

  /// After an error: the finished bugurts that have not been returned because an earlier one is not
  /// finished, in order.
  public var unreturned: [GeneratedText] {
    active.map { states[$0] }.flatMap { state in
      let finished = state.open.compactMap { ranking(of: $0)?.first(where: isAccepted) }
      return state.waiting + finished.prefix(state.request.count - state.keptCount)
    }
  }

  /// The requests that have been started but not returned completely, and the next one to start.
  private var active: Range<Int> { current..<max(current, min(startedCount + 1, states.count)) }

  /// The next event of the bugurt whose turn it is; `nil` if the model has to continue first.
  private func nextReady() -> Event? {
    while current < states.count, states[current].isComplete, states[current].waiting.isEmpty {
      current += 1
    }
    guard current < states.count else { return nil }
    let unfinished = returnsEveryText ? states[current].open.first?.texts.first : nil
    guard let text = states[current].waiting.first ?? unfinished?.soFar else { return nil }
    guard let given = tokensReturned else {
      tokensReturned = 0
      return .began(text.request.prompt)
    }
    if given < text.tokens.count {
      tokensReturned = given + 1
      return .token(text.tokens[given])
    }
    guard text.finishReason != nil else { return nil }
    tokensReturned = nil
    states[current].waiting.removeFirst()
    return .finished(text)
  }

  // MARK: - Attempts

  /// Starts another text, and returns whether there was room for one and one to start.
  private func startText() throws -> Bool {
    guard generator.hasRoom, let index = try requestWithMissingCandidates() ?? startAttempt(),
      let attempt = states[index].open.last
    else { return false }
    let text = try generator.start(
      TextRequest(
        prompt: attempt.prompt, index: attempt.index * candidates + attempt.texts.count))
    states[index].open[states[index].open.endIndex - 1].texts.append(text)
    return true
  }

  private func requestWithMissingCandidates() -> Int? {
    active.first { states[$0].open.last.map { $0.texts.count < candidates } ?? false }
  }

  /// Starts an attempt without candidates and returns the index of its request; `nil` if none is needed.
  private func startAttempt() throws -> Int? {
    var index = active.first { states[$0].needsAttempt }
    // The filter will drop some, and filling the batch costs little.
    if filter != nil { index = index ?? active.first { !states[$0].isComplete } }
    guard let index else { return nil }
    let (request, count) = (states[index].request, states[index].attemptCount)
    guard filter == nil || count < attempts * request.count else { return nil }
    let bugurt = request.firstIndex + count
    let prompt = try maker.prompt(request.source, index: bugurt)
    states[index].open.append(Attempt(prompt: prompt, index: bugurt))
    startedCount = max(startedCount, index + 1)
    return index
  }

  /// From each finished attempt, keeps the best candidate that the filter accepts.
  ///
  /// Attempts are judged in order, so that what is kept does not depend on how long others take.
  private func judge(_ index: Int) throws {
    while !states[index].isComplete, let texts = states[index].open.first.flatMap(ranking) {
      states[index].open.removeFirst()
      states[index].judgedCount += 1
      if let best = texts.first(where: isAccepted) {
        states[index].keptCount += 1
        states[index].waiting.append(best)
      } else if let flaw = texts.first.flatMap({ filter?.flaw(of: $0) }) {
        dropped[flaw, default: 0] += 1
      }
    }
    let state = states[index]
    if state.isComplete { return abandonAttempts(of: index) }
    guard filter != nil, state.judgedCount == attempts * state.request.count else { return }
    throw FilterError(
      wanted: state.request.count, kept: state.keptCount, tried: state.judgedCount, dropped: dropped
    )
  }

  /// The candidates of `attempt`, the most likely first; `nil` if some are not finished.
  private func ranking(of attempt: Attempt) -> [GeneratedText]? {
    let texts = attempt.texts.map(\.soFar)
    guard texts.count == candidates, texts.allSatisfy({ $0.finishReason != nil }) else {
      return nil
    }
    return texts.sorted {
      ($1.meanLogProbability, $0.request.index) < ($0.meanLogProbability, $1.request.index)
    }
  }

  private func isAccepted(_ text: GeneratedText) -> Bool { filter?.flaw(of: text) == nil }

  private func abandonAttempts(of index: Int) {
    if !states[index].open.isEmpty { generator.abandon(states[index].open.flatMap(\.texts)) }
    states[index].open = []
  }
}

/// A filter accepted fewer bugurts than were requested.
public struct FilterError: Error, CustomStringConvertible {
  public let wanted: Int
  public let kept: Int
  public let tried: Int
  public let dropped: [BugurtFilter.Flaw: Int]

  public var description: String {
    "--filter left \(kept) of \(tried) bugurts (\(BugurtFilter.report(dropped))), fewer than the "
      + "\(wanted) asked for; train longer, raise --max-length, or leave --filter out"
  }
}
