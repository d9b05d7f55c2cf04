import BytePairEncoding
import GPT2
import TextGeneration
import TokenShardFormat

/// Texts that show what a model has learned.
///
/// The random numbers are the same each time, so the texts follow from the weights.
package struct TextSamples {
  /// The temperature that `make sample` uses too.
  static let temperature: Float = 0.8
  /// How many texts are written, at most, for each that is wanted.
  private static let attempts = 4

  private let vocabulary: ShardVocabulary
  private let training: TrainingTexts
  private let seed: UInt64

  /// Samples of models that are trained on `data`, whose vocabulary is `vocabulary`.
  package init(_ vocabulary: ShardVocabulary, _ data: TrainingData, seed: UInt64) {
    self.vocabulary = vocabulary
    training = TrainingTexts(
      shards: data.training, tokenizer: vocabulary.tokenizer, endOfText: vocabulary.endOfText)
    self.seed = seed
  }

  /// Up to `count` texts that `model` writes by itself, as they are shown.
  ///
  /// A text whose words occur in the training data is left out: it would show someone's post, and not
  /// what the model can do. So is one with the name of an account, which may be somebody's.
  ///
  /// `progress` is called before every token.
  ///
  /// - Throws: ``SamplingError`` if the weights are damaged; what `progress` throws.
  package func texts(
    _ count: Int, by model: InferenceModel, _ progress: () throws -> Void = {}
  ) throws -> [String] {
    var settings = SamplingSettings()
    settings.temperature = Self.temperature
    settings.seed = seed
    let end = Int32(vocabulary.endOfText)
    let generator = TextGenerator(
      model, endOfText: [end], settings: settings, batchSize: count)
    var texts: [String] = []
    for attempt in 0..<Self.attempts where texts.count < count {
      let written = try (0..<count).map { index in
        try generator.start(
          TextRequest(
            prompt: Prompt(text: "", tokens: [end]), index: attempt * count + index))
      }
      while written.contains(where: { $0.soFar.finishReason == nil }) {
        try progress()
        try generator.step()
      }
      let candidates = written.map {
        TextDisplay.text(of: $0.soFar.tokens, vocabulary.tokenizer, .original)
      }.filter { !Self.namesAccount($0) }
      texts += zip(candidates, training.occurrences(of: candidates)).filter { !$1 }.map(\.0)
    }
    return Array(texts.prefix(count))
  }

  /// Whether `text` has a `@name` or a link.
  package static func namesAccount(_ text: String) -> Bool {
    text.contains(/@[A-Za-z]|t\.me\/|:\/\//.ignoresCase())
  }
}
