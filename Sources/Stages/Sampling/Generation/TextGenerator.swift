import GPT2
import TensorKernels

/// A text to be written.
public struct TextRequest: Equatable, Sendable {
  /// The tokens it begins with: one or more, fewer than the maximum length.
  public var prompt: [Int32]
  /// Which of the texts of the seed: the same prompt, seed and number give the same text.
  public var number: Int

  public init(prompt: [Int32], number: Int) {
    self.prompt = prompt
    self.number = number
  }
}

/// A text that a model wrote.
public struct GeneratedText: Equatable, Sendable {
  /// Why a text ended.
  public enum FinishReason: String, Sendable {
    /// The model ended it.
    case endOfText = "end_of_text"
    /// It reached the maximum length or the model's longest context.
    case length
  }

  public var request: TextRequest
  /// The tokens after the prompt, the one that ends the text left out.
  public var tokens: [Int32] = []
  /// The natural logarithm of the probability that the model alone gives ``tokens``, and the end of
  /// the text if it ended it.
  public var logProbability = 0.0
  public var finishReason = FinishReason.length
  /// The token that ended the text.
  public var endToken: Int32?

  /// A text of which nothing is written as yet.
  public init(request: TextRequest) {
    self.request = request
  }

  /// The mean of the logarithms over all choices; 0 if there was none.
  public var meanLogProbability: Double {
    let choices = tokens.count + (finishReason == .endOfText ? 1 : 0)
    return choices == 0 ? 0 : logProbability / Double(choices)
  }
}

/// Writes texts with a model, many at a time: a text that ends makes room for the next.
///
/// What a text becomes does not depend on the others.
public final class TextGenerator {
  public let model: InferenceModel
  public let settings: SamplingSettings
  /// The longest text that the settings and the context allow.
  public let maximumLength: Int
  /// How many texts are written at a time.
  public let batchSize: Int
  /// What was written so far, for a report.
  public private(set) var statistics = GenerationStatistics()
  private let endOfText: Set<Int32>
  private let pass: InferencePass
  private var beginning: Beginning?

  /// A generator of texts that each of the tokens `endOfText` ends, `batchSize` of them at a time.
  public init(
    _ model: InferenceModel, endOfText: Set<Int32>, settings: SamplingSettings, batchSize: Int = 1
  ) {
    precondition(batchSize > 0)
    self.model = model
    self.settings = settings
    self.endOfText = endOfText
    self.batchSize = batchSize
    maximumLength = min(settings.maximumLength, model.configuration.contextLength)
    pass = InferencePass(model, capacity: maximumLength, sequences: batchSize)
  }

  /// A chooser of tokens as the settings say.
  public func chooser() -> TokenChooser {
    TokenChooser(
      settings, endOfText: endOfText, vocabulary: model.configuration.vocabularySize)
  }

  /// The logits, `[vocabulary]`, of what follows `prompt`, which may fill ``maximumLength``.
  ///
  /// - Throws: ``ChoiceError/notNumbers``.
  public func logits(after prompt: [Int32]) throws(ChoiceError) -> [Float] {
    let logits = Array(beginning(of: prompt).logits.floats)
    guard logits.withUnsafeBufferPointer({ $0.firstNonFinite }) == nil else { throw .notNumbers }
    return logits
  }

  /// What happens while texts are written.
  public enum Event {
    /// Another token of text `index` of the requests.
    case token(Int32, index: Int)
    /// Text `index` of the requests is finished.
    case text(GeneratedText, index: Int)
  }

  /// Writes a text for each of `requests`.
  ///
  /// - Parameters:
  ///   - requests: each with a prompt shorter than ``maximumLength``.
  ///   - receive: called with each event; those of one text come in order.
  /// - Throws: ``ChoiceError``; what `receive` throws, which ends the writing.
  public func generate(
    _ requests: [TextRequest], _ receive: (Event) throws -> Void
  ) throws {
    let clock = ContinuousClock()
    var next = 0
    var texts: [TextInProgress] = []
    while next < requests.count || !texts.isEmpty {
      let begin = clock.now
      while next < requests.count, texts.count < batchSize {
        let text = start(requests[next], index: next)
        next += 1
        try choose([text])
        if try !report(text, receive) { texts.append(text) }
      }
      statistics.promptTime += clock.now - begin
      guard !texts.isEmpty else { continue }
      let stepBegin = clock.now
      let logits = pass.logits(
        texts.map { InferencePass.Continuation($0.cache, [$0.result.tokens.last ?? 0]) })
      for (row, text) in texts.enumerated() { text.logits = UnsafeBufferPointer(logits.row(row)) }
      try choose(texts)
      statistics.steps += 1
      statistics.stepTime += clock.now - stepBegin
      statistics.stepTokens += texts.count
      texts = try texts.filter { try !report($0, receive) }
    }
  }

  /// A text for `request`, whose first token is to be chosen.
  private func start(_ request: TextRequest, index: Int) -> TextInProgress {
    precondition(!request.prompt.isEmpty && request.prompt.count < maximumLength)
    let beginning = beginning(of: request.prompt)
    let text = TextInProgress(
      request, index: index, chooser: chooser(),
      generator: PhiloxGenerator(seed: settings.seed, .sampling, stream: request.number),
      cache: KeyValueCache(
        model.configuration, capacity: maximumLength, after: beginning.cache))
    text.logits = UnsafeBufferPointer(beginning.logits.floats)
    text.beginning = beginning
    return text
  }

  /// The prompt in the model; that of the text before is most often the same.
  private func beginning(of prompt: [Int32]) -> Beginning {
    if let beginning, beginning.prompt == prompt { return beginning }
    let cache = KeyValueCache(model.configuration, capacity: prompt.count)
    let made = Beginning(prompt: prompt, cache: cache, logits: pass.logits(after: prompt, cache))
    statistics.promptTokens += prompt.count
    beginning = made
    return made
  }

  /// Chooses the next token of each of `texts`.
  private func choose(_ texts: [TextInProgress]) throws {
    let endOfText = endOfText
    model.threadPool.run(texts.count) { index, _ in texts[index].choose(endOfText) }
    for text in texts { if let error = text.error { throw error } }
  }

  /// Tells of the token that was chosen last, and returns whether the text is finished.
  private func report(
    _ text: TextInProgress, _ receive: (Event) throws -> Void
  ) throws -> Bool {
    let hasEnded = text.result.finishReason == .endOfText
    if !hasEnded, let token = text.result.tokens.last {
      statistics.tokens += 1
      try receive(.token(token, index: text.index))
    }
    guard hasEnded || text.count == maximumLength else { return false }
    statistics.texts += 1
    try receive(.text(text.result, index: text.index))
    return true
  }
}

/// How much was written, and how long it took.
public struct GenerationStatistics: Sendable {
  public var texts = 0
  /// Tokens of the texts, the prompts not counted.
  public var tokens = 0
  /// Tokens of prompts that went through the model.
  public var promptTokens = 0
  /// The time that the prompts and the first tokens of the texts took.
  public var promptTime = Duration.zero
  /// How often all texts in work got a token.
  public var steps = 0
  /// Choices of these steps: tokens and ends of texts.
  public var stepTokens = 0
  public var stepTime = Duration.zero

  public init() {}
}

/// A prompt that has gone through the model.
private final class Beginning {
  let prompt: [Int32]
  let cache: KeyValueCache
  /// What follows the prompt, `[vocabulary]`.
  let logits: FloatArena

  init(prompt: [Int32], cache: KeyValueCache, logits: UnsafeBufferPointer<Float>) {
    self.prompt = prompt
    self.cache = cache
    self.logits = FloatArena(count: logits.count)
    _ = self.logits.floats.update(fromContentsOf: logits)
  }
}

/// A text that is being written; threads work on different ones.
///
/// Unchecked, because a text is touched by one thread at a time: that which has its piece of a loop.
private final class TextInProgress: @unchecked Sendable {
  let index: Int
  let cache: KeyValueCache
  var result: GeneratedText
  /// The logits of the next token.
  var logits = UnsafeBufferPointer<Float>(start: nil, count: 0)
  var error: ChoiceError?
  var beginning: Beginning?
  /// The prompt and what was written.
  private var text: [Int32]
  private var chooser: TokenChooser
  private var generator: PhiloxGenerator

  init(
    _ request: TextRequest, index: Int, chooser: TokenChooser, generator: PhiloxGenerator,
    cache: KeyValueCache
  ) {
    self.index = index
    self.cache = cache
    self.chooser = chooser
    self.generator = generator
    result = GeneratedText(request: request)
    text = request.prompt
  }

  /// Tokens of the text, the prompt counted.
  var count: Int { text.count }

  func choose(_ endOfText: Set<Int32>) {
    do throws(ChoiceError) {
      guard logits.firstNonFinite == nil else { throw ChoiceError.notNumbers }
      let choice = try chooser.choose(
        logits, text: text, promptCount: result.request.prompt.count, &generator)
      result.logProbability += Double(choice.logProbability)
      if endOfText.contains(choice.token) {
        result.finishReason = .endOfText
        result.endToken = choice.token
      } else {
        result.tokens.append(choice.token)
        text.append(choice.token)
      }
    } catch {
      self.error = error
    }
  }
}
