import BytePairEncoding
import CommandLineSupport
import FileSupport
import GPT2
import Sampling
import TensorKernels

@main
struct GPTSample: Program {
  static let name = "gpt-sample"
  static let abstract = "Write bugurts with a trained model."
  static let discussion = """
    A text ends where the model ends it, or at --max-length tokens. The same --seed gives the same
    texts, and the first of ten is the same as the first of one.

    examples:
      gpt-sample checkpoints/fixture/final
          one bugurt, from the model's own beginning
      gpt-sample checkpoints/fixture/final --prompt "пришёл домой" --count 10
          ten that begin with these words, in upper case
      gpt-sample checkpoints/fixture/final --temperature 0
          the most likely token each time
      gpt-sample checkpoints/fixture/final --top-k 0 --min-p 0.05 --no-repeat-ngram 4
          any token a twentieth as likely as the best one, and no four tokens twice
      gpt-sample checkpoints/fixture/final --prompt КОТ --logits | jq .logits[0]
          what the model thinks comes next, for scripts
    """

  @Argument(
    help: "Hugging Face folder of the model: config.json, weights and a tokenizer",
    completion: .folder)
  var model: String
  @Option(
    help: "words the text begins with", short: "p", valueName: "text",
    defaultText: "the model's own beginning")
  var prompt: String?
  @Flag(help: "leave the prompt's letters as they are instead of making them upper case")
  var keepCase = false
  @Option(help: "how many bugurts are written", short: "n", accepting: .atLeast(1)) var count = 1
  @Option(
    help: "length in tokens at which a text is cut off, the prompt counted", valueName: "n",
    accepting: .atLeast(2))
  var maxLength = 200
  @Option(help: "decides the draws", valueName: "n") var seed: UInt64 = 42
  @Flag(
    help:
      "print the prompt's ids and the logits of the next token as JSON instead of a text, as the "
      + "model gives them and after each step of the choice")
  var logits = false
  @Option(help: "how weights are kept: fp32, bf16 or int8", valueName: "type")
  var weights = WeightType.fp32
  @Option(help: "how many texts are written at a time", valueName: "n", accepting: .atLeast(1))
  var batch = 64
  @Option(
    help: "threads", valueName: "n", defaultText: "a physical core each",
    accepting: .within(1...1024))
  var threads: Int?
  @OptionGroup("the choice of each token, in this order") var choice: ChoiceOptions

  func validate() throws {
    try choice.validate(maximumLength: maxLength)
  }

  func run() throws {
    let tokenizer = try Tokenizer(folder: model)
    let gpt = try InferenceModel(
      folder: model, weights: weights,
      workers: Workers(count: threads ?? Processors.current.threadCount))
    for note in gpt.notes { Log.info(note) }
    guard tokenizer.count <= gpt.configuration.vocabularySize else {
      throw InputError(
        model,
        "the tokenizer has \(tokenizer.count) tokens, the model "
          + "\(gpt.configuration.vocabularySize): they do not belong together")
    }
    let endOfText = gpt.configuration.endOfTextTokens
    let settings = try settings(tokenizer)
    let generator = TextGenerator(
      gpt, endOfText: Set(endOfText), settings: settings, batchSize: min(count, batch))
    let prompt = try promptTokens(tokenizer, endOfText: endOfText.first, generator)
    do {
      if logits { return try printLogits(generator, prompt, Set(endOfText)) }
      var texts = [GeneratedText?](repeating: nil, count: count)
      try generator.generate((0..<count).map { TextRequest(prompt: prompt, number: $0) }) {
        try Interruption.check()
        if case .text(let text, let index) = $0 { texts[index] = text }
      }
      for (index, text) in texts.compactMap(\.self).enumerated() {
        if index > 0 { print() }
        print(BugurtFormat.lines(self.text(text, tokenizer)))
      }
      Log.info("\(generator.statistics)")
    } catch ChoiceError.notNumbers {
      throw InputError(model, ChoiceError.notNumbers.description)
    } catch let error as ChoiceError {
      throw UsageError(error.description)
    }
  }

  private func settings(_ tokenizer: Tokenizer) throws -> SamplingSettings {
    var settings = SamplingSettings()
    try choice.apply(to: &settings, tokenizer, keepCase: keepCase)
    settings.maximumLength = maxLength
    settings.seed = seed
    return settings
  }

  /// The ids the text begins with; without a prompt, what ends the text before.
  private func promptTokens(
    _ tokenizer: Tokenizer, endOfText: Int32?, _ generator: TextGenerator
  ) throws -> [Int32] {
    guard let prompt, !prompt.isEmpty else {
      guard let endOfText else {
        throw UsageError("the model names no end-of-text token to begin after; give a --prompt")
      }
      return [endOfText]
    }
    var encoder = Encoder(tokenizer)
    let ids = try encoder.encode(keepCase ? prompt : prompt.uppercased())
    let context = generator.model.configuration.contextLength
    guard ids.count < context else {
      throw UsageError(
        "--prompt: \(ids.count) tokens leave no room in the model's context of \(context); "
          + "shorten it to its last words")
    }
    guard ids.count < generator.maximumLength else {
      throw UsageError(
        "--prompt: \(ids.count) tokens leave no room in --max-length \(maxLength); raise that")
    }
    return ids.map { Int32(truncatingIfNeeded: $0) }
  }

  private func text(_ text: GeneratedText, _ tokenizer: Tokenizer) -> String {
    var stream = TextStream(tokenizer)
    return (text.request.prompt + text.tokens).reduce(into: "") {
      $0 += stream.append(UInt32(bitPattern: $1))
    } + stream.finish()
  }

  private func printLogits(
    _ generator: TextGenerator, _ prompt: [Int32], _ endOfText: Set<Int32>
  ) throws {
    let logits = generator.logits(after: prompt)
    var chooser = TokenChooser(
      generator.settings, endOfText: endOfText, vocabulary: logits.count)
    let processed = logits.withUnsafeBufferPointer {
      chooser.logitsAfterProcessors($0, text: prompt, promptCount: prompt.count)
    }
    let result: JSONValue = [
      "prompt_ids": .array(prompt.map { .integer(Int($0)) }),
      "logits": json(logits),
      "processed": .array(
        processed.map { ["processor": .string($0.processor.rawValue), "logits": json($0.logits)] }),
    ]
    print(result.text())
  }

  /// The logits, null for tokens that are ruled out: JSON has no infinity.
  private func json(_ logits: [Float]) -> JSONValue {
    .array(logits.map { $0 == -.infinity ? .null : .number(Double($0)) })
  }
}

extension WeightType: ArgumentValue {
  public init?(argument: String) { self.init(rawValue: argument) }
  public static var accepted: String { "fp32, bf16 or int8" }
  public static var choices: [String] { allCases.map(\.rawValue) }
  public var argumentText: String { rawValue }
}
