import BytePairEncoding
import CheckpointFormat
import FileSupport
import Foundation
import GPT2
import JSONSupport
import TensorKernels
import TestSupport
import Testing
import TextGeneration
import TokenShardFormat
import Training

@Suite("ModelCard")
struct ModelCardTests {
  private let fixture: TrainingFixture

  init() throws {
    fixture = try TrainingFixture()
  }

  private func card(_ run: String = "run") throws -> String {
    try fixture.folder.text(of: "\(run)/final/README.md")
  }

  /// The lines between the first two `---`.
  private func frontMatter() throws -> [Substring] {
    let lines = try card().split(separator: "\n", omittingEmptySubsequences: false)
    #expect(lines.first == "---")
    return Array(lines.dropFirst().prefix { $0 != "---" })
  }

  @Test("the card of a fine-tuned model names its base, and what the Hub wants to know")
  func fineTuned() throws {
    let trainer = try fixture.trainer(origin: .model(checksum: 1, name: "owner/name-1"))
    try trainer.run { _ in }
    let values = try #require(trainer.state.log.last { $0.values["eval_loss"] != nil }?.values)
    let (loss, perplexity) = (
      try #require(values["eval_loss"]), try #require(values["eval_perplexity"])
    )
    #expect(
      try frontMatter().joined(separator: "\n") == """
        base_model: "owner/name-1"
        base_model_relation: finetune
        library_name: transformers
        pipeline_tag: text-generation
        tags:
        - gpt2
        - bugurt-gpt
        metrics:
        - perplexity
        model-index:
        - name: "name-1, fine-tuned"
          results:
          - task:
              type: text-generation
            dataset:
              type: posts
              name: Posts held back for validation
            metrics:
            - type: loss
              name: Validation loss
              value: \(loss)
            - type: perplexity
              name: Validation perplexity
              value: \(perplexity)
        """)
    let card = try card()
    #expect(
      card.contains(
        "\n# name-1, fine-tuned\n\n[owner/name-1](https://huggingface.co/owner/name-1), fine-tuned "
          + "on 83 tokens with gpt-finetune of bugurt-gpt. A text begins after the token `</s>`, "
          + "and ends with it.\n"))
    #expect(card.contains("\n| steps | 12 of 2 × 2 blocks of 8 tokens |\n"))
  }

  @Test("without the name of the base, or without one, the card names none")
  func noBase() throws {
    try fixture.trainer(origin: .model(checksum: 1, name: nil)).run { _ in }
    #expect(try !card().contains("base_model"))
    #expect(
      try card().contains("\n# GPT-2, fine-tuned\n\nA model of the GPT-2 family, fine-tuned on"))
    try fixture.trainer("new").run { _ in }
    #expect(try !card("new").contains("base_model") && !card("new").contains("fine-tuned"))
    #expect(try card("new").contains("\n# GPT-2, trained from random weights\n"))
  }

  @Test("the card has the losses of the report, and no path")
  func report() throws {
    try fixture.trainer().run { _ in }
    func table(_ name: String) throws -> [Substring] {
      try fixture.folder.text(of: "run/\(name)").split(separator: "\n").filter {
        $0.hasPrefix("|")
      }
    }
    #expect(try table("final/README.md") == table("report.md"))
    #expect(try table("report.md").count == 15)
    for name in ["README.md", "config.json", "trainer_state.json", "resume_state.json"] {
      #expect(try !fixture.folder.text(of: "run/final/\(name)").contains(fixture.folder.path))
    }
  }

  @Test("without validation the card has no metrics")
  func noValidation() throws {
    let fixture = try TrainingFixture(validationBlocks: 0)
    try fixture.trainer().run { _ in }
    let card = try fixture.folder.text(of: "run/final/README.md")
    #expect(!card.contains("metrics") && !card.contains("model-index"))
    #expect(card.contains("\n| validation loss | – |\n"))
  }

  @Test("if final/ is the best model, its losses are the lowest")
  func best() throws {
    let trainer = try fixture.trainer {
      $0.maximumSteps = 60
      $0.learningRate = 0.05
      $0.schedule = .constant
      $0.evaluationSteps = 3
      $0.loadsBestModelAtEnd = true
    }
    try trainer.run { _ in }
    let best = try #require(trainer.state.best)
    #expect(best.step < 60)
    #expect(try frontMatter().contains("      value: \(best.loss)"))
  }

  @Test("a fence is longer than any in the text")
  func fences() {
    #expect(ModelCard.block("A\n@\nB") == "```text\nA\n@\nB\n```")
    #expect(ModelCard.block("A ```` B") == "`````text\nA ```` B\n`````")
  }

  // MARK: - Samples

  /// Shards of `posts` with their tokenizer, and trainings on them.
  struct Posts {
    static let russian = ["КОТ СЕЛ ДОМА", "ДОМ @ КОТ", "ЁЖ УШЁЛ @ ДОМ", "КОТ КОТ @ ДОМ"]
    let folder: TemporaryFolder
    let tokenizer: Tokenizer
    let end: UInt32

    /// The posts, of which `validation` are held back.
    init(_ posts: [String], and others: [[UInt32]] = [], validation: [String] = []) throws {
      folder = try TemporaryFolder()
      var words = WordCounts()
      for post in posts { try words.add(Array(post.utf8)) }
      tokenizer = try BPETrainer(vocabularySize: 266).train(on: words)
      end = try #require(tokenizer.endOfText)
      var encoder = Encoder(tokenizer)
      let writer = TokenShardWriter(
        folder: folder.path, split: .train, vocabularySize: tokenizer.count, endOfText: end,
        tokenizerDigest: tokenizer.digest)
      for post in try posts.map({ try encoder.encode($0) }) + others {
        try writer.append(post + [end])
      }
      let held = TokenShardWriter(
        folder: folder.path, split: .validation, vocabularySize: tokenizer.count, endOfText: end,
        tokenizerDigest: tokenizer.digest)
      for post in try validation.map({ try encoder.encode($0) }) { try held.append(post + [end]) }
      let heldSplit = TokenManifest.Split(
        posts: validation.count, textBytes: nil, shards: try held.finish())
      try TokenManifest(
        vocabularySize: tokenizer.count, tokenizerDigest: tokenizer.digest, endOfTextToken: "</s>",
        endOfText: end,
        splits: [
          .train: .init(
            posts: posts.count + others.count, textBytes: 0, shards: try writer.finish()),
          .validation: validation.isEmpty ? nil : heldSplit,
        ].compactMapValues { $0 }, settings: .null
      ).write(to: folder.path)
      try Folder.create(folder.path(TokenManifest.tokenizerFolder))
      try tokenizer.write(to: folder.path(TokenManifest.tokenizerFolder))
    }

    var configuration: GPT2Configuration {
      var configuration = GPT2Configuration(
        vocabularySize: tokenizer.count, contextLength: 16, embeddingSize: 8, layers: 1, heads: 2)
      configuration.initializerRange = 0.4
      return configuration
    }

    func trainer(
      _ run: String = "run", of model: (any CheckpointableModel)? = nil,
      _ change: (inout TrainingSettings) -> Void = { _ in }
    ) throws -> Trainer {
      var settings = TrainingFixture.settings
      settings.maximumSteps = 6
      settings.saveSteps = 4
      change(&settings)
      let data = try TrainingData(folder: folder.path, blockSize: settings.blockSize)
      return try Trainer(
        model ?? GPT2Model(configuration, seed: 3, threadPool: ThreadPool(count: 1)), data: data,
        settings: settings, folder: RunFolder(path: folder.path(run)), origin: .random,
        vocabulary: ShardVocabulary(data, model: nil))
    }

    func card(_ run: String = "run") throws -> String {
      try folder.text(of: "\(run)/final/README.md")
    }

    /// The tokens of the text at `index` that the model of `trainer` writes.
    func tokens(_ index: Int, _ trainer: Trainer) throws -> [UInt32] {
      var settings = SamplingSettings()
      settings.temperature = 0.8
      let generator = TextGenerator(
        InferenceModel(try trainer.gpt2), endOfText: [Int32(end)], settings: settings)
      let prompt = Prompt(text: "", tokens: [Int32(end)])
      let text = try generator.start(TextRequest(prompt: prompt, index: index))
      while text.soFar.finishReason == nil { try generator.step() }
      return text.soFar.tokens.map { UInt32($0) }
    }
  }

  @Test("bits per byte are those of the predicted tokens over the bytes of their text")
  func bitsPerByte() throws {
    let posts = try Posts(Posts.russian, validation: ["КОТ УШЁЛ", "ЁЖ СЕЛ @ ДОМА", "ДОМ"])
    let trainer = try posts.trainer()
    try trainer.run { _ in }
    let values = try #require(trainer.state.log.last { $0.values["eval_loss"] != nil }?.values)
    let loss = try #require(values["eval_loss"])
    let shards = try trainer.data.manifest.shards(of: .validation, in: posts.folder.path)
    let blocks = (0..<shards.count / 8).map { shards.ids(in: 8 * $0..<8 * $0 + 8).dropFirst() }
    // The end of a text has no bytes, but it must be predicted.
    let bytes = blocks.joined().filter { $0 != posts.end }.reduce(0) {
      $0 + posts.tokenizer.bytes(of: $1).count
    }
    let expected = loss * Double(7 * blocks.count) / log(2) / Double(bytes)
    let bits = try #require(values["eval_bits_per_byte"])
    #expect(abs(bits - expected) < 1e-9 && blocks.joined().contains(posts.end))
    #expect(try posts.card().contains("    - type: bits_per_byte\n"))
    #expect(try posts.card().contains("      value: \(bits)\n"))
  }

  @Test("the card has three texts that the model writes, and says on how many posts it was trained")
  func samples() throws {
    let posts = try Posts(Posts.russian)
    let trainer = try posts.trainer()
    try trainer.run { _ in }
    let card = try posts.card()
    #expect(card.contains("trained from random weights on 4 posts ("))
    let samples = try #require(card.firstRange(of: "\n## Samples\n"))
    var expected = ""
    for index in 0..<3 {
      let tokens = try posts.tokens(index, trainer).map { Int32($0) }
      let text = TextDisplay.text(of: tokens, posts.tokenizer, .original)
      #expect(!text.isEmpty)
      expected += "\n```text\n\(text)\n```\n"
    }
    #expect(card[samples.upperBound...].hasSuffix(expected))
  }

  @Test("a text that is in the training data is no sample: the next one takes its place")
  func quotations() throws {
    let posts = try Posts(Posts.russian)
    // With this seed each text has some words of its own, and none names an account.
    let trainer = try posts.trainer(
      of: GPT2Model(posts.configuration, seed: 8, threadPool: ThreadPool(count: 1)))
    let written = try (0..<4).map { try posts.tokens($0, trainer) }
    let model = try trainer.gpt2
    func texts(_ posts: Posts) throws -> [String] {
      let data = try TrainingData(folder: posts.folder.path, blockSize: 8)
      return try TextSamples(ShardVocabulary(data, model: nil), data, seed: 42).texts(
        3, by: InferenceModel(model))
    }
    func shown(_ indices: [Int]) -> [String] {
      indices.map {
        TextDisplay.text(of: written[$0].map { Int32($0) }, posts.tokenizer, .original)
      }
    }
    #expect(try texts(posts) == shown([0, 1, 2]))
    #expect(try texts(Posts(Posts.russian, and: [written[1]])) == shown([0, 2, 3]))
    // Nor is one in another case, with other marks between its words, in the middle of a post.
    let text = shown([1])[0].uppercased().split(separator: " ").joined(separator: ", ")
    var encoder = Encoder(posts.tokenizer)
    let post = try encoder.encode("КОТ: «\(text)»!")
    #expect(try texts(Posts(Posts.russian, and: [post])) == shown([0, 2, 3]))
  }

  @Test("a text that may name an account is no sample")
  func accounts() {
    for text in ["КОТ @kot_live", "ПИШИ НА t.me/kot", "HTTPS://EXAMPLE.COM", "T.ME/KOT"] {
      #expect(TextSamples.namesAccount(text), "\(text)")
    }
    for text in ["КОТ\n@\nДОМ", "КОТ @ДОМ", "КОТ @ A CAT", "A: B"] {
      #expect(!TextSamples.namesAccount(text), "\(text)")
    }
  }

  @Test(
    "an interruption while samples are written leaves the final model; its card is completed later")
  func interruptedSampling() throws {
    struct Stop: Error {}
    let posts = try Posts(Posts.russian)
    let trainer = try posts.trainer()
    try trainer.run { if case .sampling = $0 { throw Stop() } }
    #expect(try !posts.card().contains("Samples"))
    #expect(try posts.card().contains("trained from random weights on 4 posts"))
    #expect(
      try GPT2Model(folder: posts.folder.path("run/final"), threadPool: ThreadPool(count: 1))
        .checksum == trainer.gpt2.checksum)
    let again = try posts.trainer()
    #expect(try again.start(.init(resumes: true, restarts: false)) == .finished)
    try again.completeCard { throw Stop() }
    #expect(try !posts.card().contains("Samples"))
    try again.completeCard {}
    try posts.trainer("whole").run { _ in }
    #expect(try posts.card() == posts.card("whole"))
    #expect(try posts.card().contains("Samples"))
    // A complete card stays as it is.
    try posts.folder.write("mine", to: "run/final/README.md")
    try again.completeCard {}
    #expect(try posts.card() == "mine")
  }

  @Test("an interrupted training that is resumed has the card of one that was not")
  func resumed() throws {
    struct Stop: Error {}
    let posts = try Posts(Posts.russian)
    try posts.trainer("whole").run { _ in }
    let interrupted = try posts.trainer("resumed")
    #expect(throws: Stop.self) {
      try interrupted.run { event in
        if case .progress(let progress) = event, progress.step == 3 { throw Stop() }
      }
    }
    let trainer = try posts.trainer("resumed")
    #expect(try trainer.start(.init(resumes: true, restarts: false)) == .resumed(step: 3))
    try trainer.run { _ in }
    #expect(try posts.card("resumed") == posts.card("whole"))
  }

  @Test(
    "the language is that of the posts, if it is Russian",
    arguments: [
      (Posts.russian, true), (["THE CAT SAT", "A HOUSE @ A CAT", "CATS"], false),
      (["КІТ СІВ ВДОМА", "ЇЖАК @ КІТ", "КІТ КІТ"], false),
    ])
  func language(_ texts: [String], _ isRussian: Bool) throws {
    let posts = try Posts(texts)
    try posts.trainer().run { _ in }
    #expect(try posts.card().contains("\nlanguage: ru\n") == isRussian)
  }
}
