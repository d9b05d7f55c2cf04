import GPT2
import TensorKernels

/// Writes texts token by token with a model.
public final class TextGenerator {
  /// Why a text ended.
  public enum FinishReason: String, Sendable {
    /// The model ended it.
    case endOfText = "end_of_text"
    /// It reached the maximum length or the model's longest context.
    case length
  }

  public let model: GPT2Model
  public let settings: SamplingSettings
  private let endOfText: Set<Int32>
  private let pass: InferencePass
  private let cache: KeyValueCache
  private var cachedBeginning: [Int32] = []
  /// The longest text that the settings and the context allow.
  public let maximumLength: Int

  /// A generator of texts that each of the tokens `endOfText` ends.
  public init(_ model: GPT2Model, endOfText: Set<Int32>, settings: SamplingSettings) {
    self.model = model
    self.settings = settings
    self.endOfText = endOfText
    maximumLength = min(settings.maximumLength, model.configuration.contextLength)
    pass = InferencePass(model, capacity: maximumLength)
    cache = KeyValueCache(model.configuration, capacity: maximumLength)
  }

  /// The logits, `[vocabulary]`, of what follows `prompt`.
  public func logits(after prompt: [Int32]) -> [Float] {
    cache.truncate(to: 0)
    cachedBeginning = []
    return Array(pass.logits(after: prompt, cache))
  }

  /// Writes text number `index` that begins with `prompt`.
  ///
  /// The same seed and index give the same text, however many texts are written.
  ///
  /// - Parameters:
  ///   - prompt: one token or more, fewer than the maximum length.
  ///   - index: which of the texts of this seed.
  ///   - emit: called with each new token, the one that ends the text left out.
  /// - Returns: why the text ended.
  /// - Throws: what `emit` throws; ``ChoiceError``.
  public func generate(
    prompt: [Int32], index: Int, _ emit: (Int32) throws -> Void
  ) throws -> FinishReason {
    precondition(!prompt.isEmpty && prompt.count < maximumLength)
    keepBeginning(of: prompt)
    var generator = PhiloxGenerator(seed: settings.seed, .sampling, stream: index)
    var chooser = TokenChooser(
      settings, endOfText: endOfText, vocabulary: model.configuration.vocabularySize)
    var text = prompt
    while text.count < maximumLength {
      let logits = pass.logits(after: Array(text[cache.count...]), cache)
      let token = try chooser.choose(
        logits, text: text, promptCount: prompt.count, &generator
      ).token
      if endOfText.contains(token) { return .endOfText }
      text.append(token)
      try emit(token)
    }
    return .length
  }

  /// Brings all of `prompt` but its last token into the cache.
  ///
  /// The prompt of the text before is most often the same; its keys and values still stand. The
  /// last token goes alone in both cases, so that the numbers are the same to the last bit.
  private func keepBeginning(of prompt: [Int32]) {
    let beginning = Array(prompt.dropLast())
    if cachedBeginning == beginning, cache.count >= beginning.count {
      return cache.truncate(to: beginning.count)
    }
    cache.truncate(to: 0)
    if !beginning.isEmpty { _ = pass.logits(after: beginning, cache) }
    cachedBeginning = beginning
  }
}
