import GPT2
import Synchronization
import TensorKernels

/// Writes texts with a model, several at a time: a text that ends makes room for another.
///
///     while generator.hasRoom { texts.append(try generator.start(request)) }
///     try generator.step()
///
/// What a text becomes does not depend on the others.
public final class TextGenerator {
  public let model: InferenceModel
  public let settings: SamplingSettings
  /// The longest text that the settings and the context allow.
  public let maximumLength: Int
  /// How many texts are written at a time.
  public let batchSize: Int
  /// How many texts have been finished.
  public private(set) var finishedTexts = 0
  /// How many tokens have been written, not counting those of prompts.
  public private(set) var writtenTokens = 0

  private let endOfText: Set<Int32>
  private let pass: InferencePass
  /// One for each thread.
  private let samplers: [SharedSampler]
  private var inProgress: [(text: TextInProgress, cache: KeyValueCache)] = []
  private var lastPrompt: PrefilledPrompt?

  /// A generator that writes `batchSize` texts at a time, each ended by any of the tokens
  /// `endOfText`.
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
    let sampler = TokenSampler(
      settings, endOfText: endOfText, vocabulary: model.configuration.vocabularySize)
    samplers = (0..<model.threadPool.count).map { _ in SharedSampler(sampler) }
  }

  /// Whether another text can be started.
  public var hasRoom: Bool { inProgress.count < batchSize }

  /// Starts a text, which has its first token on return.
  ///
  /// - Throws: ``SamplingError``.
  public func start(_ request: TextRequest) throws -> TextInProgress {
    precondition(hasRoom && !request.prompt.tokens.isEmpty)
    precondition(request.prompt.tokens.count < maximumLength)
    let prompt = prefilled(request.prompt.tokens)
    let text = TextInProgress(
      request, PhiloxGenerator(seed: settings.seed, .sampling, stream: request.index))
    try text.sample(
      UnsafeBufferPointer(prompt.logits.floats), samplers[0], endOfText, maximumLength)
    inProgress.append(
      (text, KeyValueCache(model, capacity: maximumLength, after: prompt.cache)))
    removeFinished(from: inProgress.count - 1)
    return text
  }

  /// Adds a token to each text in progress.
  ///
  /// - Throws: ``SamplingError``.
  public func step() throws {
    guard !inProgress.isEmpty else { return }
    let logits = pass.logits(
      inProgress.map { InferencePass.Continuation($0.cache, [$0.text.soFar.tokens.last ?? 0]) })
    let texts = inProgress.map(\.text)
    let (samplers, endOfText, maximumLength) = (samplers, endOfText, maximumLength)
    let failure = Mutex<(index: Int, error: SamplingError)?>(nil)
    model.threadPool.run(texts.count) { index, thread in
      do throws(SamplingError) {
        try texts[index].sample(
          UnsafeBufferPointer(logits.row(index)), samplers[thread], endOfText, maximumLength)
      } catch {
        // The error of the first text, whichever thread fails first.
        failure.withLock { if index < $0?.index ?? .max { $0 = (index, error) } }
      }
    }
    if let error = failure.withLock({ $0?.error }) { throw error }
    removeFinished(from: 0)
  }

  /// Stops writing `texts`, which makes room for others.
  public func abandon(_ texts: [TextInProgress]) {
    inProgress.removeAll { entry in texts.contains { $0 === entry.text } }
  }

  /// Counts what was written for the texts from index `first` on, and drops those that are finished.
  private func removeFinished(from first: Int) {
    let texts = inProgress[first...].map(\.text.soFar)
    let ended = texts.count { $0.finishReason != nil }
    finishedTexts += ended
    writtenTokens += texts.count { $0.finishReason != .endOfText }
    if ended > 0 { inProgress.removeAll { $0.text.soFar.finishReason != nil } }
  }

  /// `prompt` after it has gone through the model; it is usually the same as for the previous text.
  private func prefilled(_ prompt: [Int32]) -> PrefilledPrompt {
    if let lastPrompt, lastPrompt.tokens == prompt { return lastPrompt }
    let cache = KeyValueCache(model, capacity: prompt.count)
    let logits = pass.logits(after: prompt, cache)
    let made = PrefilledPrompt(
      tokens: prompt, cache: cache, logits: FloatArena(count: logits.count))
    _ = made.logits.floats.update(fromContentsOf: logits)
    lastPrompt = made
    return made
  }

  /// The logits for what follows `prompt`, which may fill ``maximumLength``; with `beginsWord`, it is
  /// whole (``Prompt/isWhole``).
  ///
  /// - Throws: ``SamplingError`` if some are not finite, or too large after a processor.
  public func logits(
    after prompt: [Int32], beginsWord: Bool = false
  ) throws(SamplingError) -> NextTokenLogits {
    let logits = UnsafeBufferPointer(prefilled(prompt).logits.floats)
    guard logits.firstNonFinite == nil else { throw .notFinite }
    let processed = samplers[0].sampler.withLock {
      $0.logitsAfterProcessors(
        logits.span, text: prompt, promptCount: prompt.count, beginsWord: beginsWord)
    }
    guard processed.allSatisfy({ $0.logits.allSatisfy { $0 < .infinity } }) else {
      throw .tooLarge
    }
    return NextTokenLogits(prompt: prompt, model: Array(logits), processed: processed)
  }
}

extension TextGenerator {
  /// The bytes of memory for one text of up to `length` tokens: keys and values of each layer, and
  /// logits.
  public static func byteCount(
    _ configuration: GPT2Configuration, cache: CachePrecision, length: Int
  ) -> Int {
    KeyValueCache.byteCount(configuration, capacity: length, cache)
      + configuration.vocabularySize * MemoryLayout<Float>.size
  }

  /// How many texts, up to `wanted`, fit into half of `available` bytes; at least one.
  public static func batchSize(
    wanted: Int, _ configuration: GPT2Configuration, cache: CachePrecision, length: Int,
    available: Int?
  ) -> Int {
    guard let available else { return wanted }
    return max(
      1, min(wanted, available / 2 / byteCount(configuration, cache: cache, length: length)))
  }
}

/// A prompt that has gone through the model.
private struct PrefilledPrompt {
  let tokens: [Int32]
  let cache: KeyValueCache
  /// What follows the prompt, `[vocabulary]`.
  let logits: FloatArena
}

/// A sampler that one thread at a time uses.
private final class SharedSampler: Sendable {
  let sampler: Mutex<TokenSampler>

  init(_ sampler: TokenSampler) {
    self.sampler = Mutex(sampler)
  }
}

/// A text that a ``TextGenerator`` is writing, or has written.
public final class TextInProgress: Sendable {
  private struct State {
    var text: GeneratedText
    /// The prompt and the tokens after it.
    var tokens: [Int32]
    var generator: PhiloxGenerator
  }

  private let state: Mutex<State>

  fileprivate init(_ request: TextRequest, _ generator: PhiloxGenerator) {
    state = Mutex(
      State(
        text: GeneratedText(request: request), tokens: request.prompt.tokens, generator: generator))
  }

  /// What has been written of it.
  public var soFar: GeneratedText { state.withLock { $0.text } }

  /// Samples the next token from `logits` and notes whether it ends the text.
  fileprivate func sample(
    _ logits: UnsafeBufferPointer<Float>, _ shared: SharedSampler, _ endOfText: Set<Int32>,
    _ maximumLength: Int
  ) throws(SamplingError) {
    guard logits.firstNonFinite == nil else { throw .notFinite }
    try state.withLock { state throws(SamplingError) in
      let prompt = state.text.request.prompt
      let sampled = try shared.sampler.withLock { sampler throws(SamplingError) in
        try sampler.sample(
          logits.span, text: state.tokens, promptCount: prompt.tokens.count,
          beginsWord: prompt.isWhole && state.text.tokens.isEmpty, &state.generator)
      }
      state.text.logProbability += Double(sampled.logProbability)
      if endOfText.contains(sampled.token) {
        (state.text.finishReason, state.text.endToken) = (.endOfText, sampled.token)
        return
      }
      state.text.tokens.append(sampled.token)
      state.tokens.append(sampled.token)
      if state.tokens.count == maximumLength { state.text.finishReason = .length }
    }
  }
}
