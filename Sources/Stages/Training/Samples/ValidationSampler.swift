import BytePairEncoding
import CheckpointFormat
import GPT2
import TensorKernels
import TextGeneration
import TokenShardFormat

/// Writes texts with the model in training, so that one can see what it learns.
///
/// Prompts and random numbers are the same each time: they follow from the seed alone, and the training
/// draws none of them.
final class ValidationSampler {
  /// How many of the texts are kept to be shown.
  private static let shownCount = 4
  /// What part of the posts must be bugurts for those of the model to be counted.
  private static let bugurtFraction = 0.5

  let schedule: SampleSchedule
  /// How long the texts of a validation take, counted in tokens that are trained on.
  let cost: Int
  private let tokenizer: Tokenizer
  private let endOfText: Int32
  private let corpus: TrainingCorpus
  private let settings: SamplingSettings
  private let batchSize: Int
  private var prompts: PromptMaker
  private let hasPosts: Bool
  private var posts: (fingerprints: PostFingerprints, areBugurts: Bool)?

  /// Prepares to sample models of `configuration` in a training on `data`, which has `validations`
  /// and goes over `trainedTokens`.
  ///
  /// `memory` bytes are free while texts are written; `merges` says whether the model is merged with an
  /// adapter for that.
  init(
    _ vocabulary: ShardVocabulary, _ data: TrainingData, _ training: TrainingSettings,
    _ configuration: GPT2Configuration, validations: Int, trainedTokens: Int, memory: Int,
    merges: Bool
  ) {
    (tokenizer, endOfText) = (vocabulary.tokenizer, Int32(vocabulary.endOfText))
    corpus = TrainingCorpus(folder: data.folder, data.manifest, data.training, tokenizer)
    hasPosts = data.hasPosts
    var settings = SamplingSettings()
    settings.temperature = TextSamples.temperature
    settings.seed = training.seed
    // The model has not learned longer ones.
    settings.maximumLength = min(training.blockSize, configuration.contextLength)
    settings.beginSuppressedTokens = tokenizer.wordContinuations(
      vocabulary: configuration.vocabularySize)
    self.settings = settings
    prompts = PromptMaker(
      tokenizer, keepsCase: true, endOfText: endOfText, contextLength: configuration.contextLength,
      maximumLength: settings.maximumLength, seed: training.seed)
    func batchSize(_ count: Int) -> Int {
      // With an adapter, keys and values take half of this.
      TextGenerator.batchSize(
        wanted: count, configuration, cache: .fp32, length: settings.maximumLength,
        available: memory)
    }
    let run = SampleSchedule.Run(
      validations: validations, trainedTokens: trainedTokens,
      postLength: data.manifest.splits[.train]?.posts.map { data.training.count / max(1, $0) }
        ?? settings.maximumLength,
      maximumLength: settings.maximumLength, batchSize: batchSize(.max), merges: merges)
    schedule =
      training.evaluationSamples.map(SampleSchedule.init(count:)) ?? SampleSchedule(fitting: run)
    cost = run.cost(of: schedule.count)
    self.batchSize = batchSize(schedule.count)
  }

  /// Some texts that `model` writes, and what all of them are like.
  ///
  /// `progress` is called before every token.
  ///
  /// - Throws: ``SamplingError`` if the weights are damaged; what `progress` throws.
  func samples(
    of model: InferenceModel, step: Int, _ progress: () throws -> Void
  ) throws -> (shown: TrainerState.Samples, statistics: SampleStatistics) {
    let (posts, areBugurts) = try readPosts(progress)
    let texts = try written(by: model, progress)
    let form = BugurtFilter(tokenizer, posts: nil)
    var statistics = SampleStatistics()
    for text in texts {
      let line = shown(text, .plain)
      statistics.count(line)
      if posts.contains(line) { statistics.copyCount += 1 }
    }
    if areBugurts { statistics.wellFormedCount = texts.count { form.flaw(of: $0) == nil } }
    let kept = texts.prefix(Self.shownCount).map {
      TrainerState.Samples.Text(prompt: $0.request.prompt.text, text: shown($0, .original))
    }
    return (.init(step: step, texts: kept), statistics)
  }

  private func written(
    by model: InferenceModel, _ progress: () throws -> Void
  ) throws -> [GeneratedText] {
    let generator = TextGenerator(
      model, endOfText: [endOfText], settings: settings, batchSize: batchSize)
    var texts: [TextInProgress] = []
    while generator.finishedTexts < schedule.count {
      try progress()
      if generator.hasRoom, texts.count < schedule.count {
        let prompt = try prompts.prompt(.firstWords(corpus), index: texts.count)
        texts.append(try generator.start(TextRequest(prompt: prompt, index: texts.count)))
      } else {
        try generator.step()
      }
    }
    return texts.map(\.soFar)
  }

  private func shown(_ text: GeneratedText, _ format: TextFormat) -> String {
    TextDisplay.text(of: text.request.prompt.tokens + text.tokens, tokenizer, format)
  }

  /// The posts of the training data, which are read the first time, and whether most are bugurts.
  private func readPosts(
    _ progress: () throws -> Void
  ) throws -> (fingerprints: PostFingerprints, areBugurts: Bool) {
    if let posts { return posts }
    var (fingerprints, postCount, bugurtCount) = (PostFingerprints(), 0, 0)
    try corpus.forEachPost { _ in
      try progress()
    } _: { post in
      guard !post.isEmpty else { return }
      fingerprints.insert(post)
      postCount += 1
      if post.contains(" @ ") { bugurtCount += 1 }
    }
    // Where posts are not separated by tokens, the model does not learn where a text ends.
    let areBugurts =
      hasPosts && Double(bugurtCount) >= Self.bugurtFraction * Double(max(1, postCount))
    posts = (fingerprints, areBugurts)
    return (fingerprints, areBugurts)
  }
}

extension Trainer {
  /// The texts of a validation after the last step, if some are due then.
  ///
  /// - Throws: ``FileError``; ``InputError``; what `report` throws.
  func writeSamples(
    _ report: (TrainingEvent) throws -> Void
  ) throws -> (shown: TrainerState.Samples, statistics: SampleStatistics, seconds: Double)? {
    guard let sampler, sampler.schedule.count > 0 else { return nil }
    let interval = sampler.schedule.interval
    guard interval == 1 || state.globalStep % (interval * state.evaluationSteps) == 0 else {
      return nil
    }
    // The end of a time budget is no time for them; the finished model writes some in any case.
    guard timeline == nil || state.globalStep < totalSteps else { return nil }
    let start = ContinuousClock.now
    func progress() throws { try report(.sampling(isFinal: false)) }
    do {
      return try withoutPass {
        let (shown, statistics) = try sampler.samples(
          of: try model.inferenceModel(progress: progress), step: state.globalStep, progress)
        return (shown, statistics, (ContinuousClock.now - start) / .seconds(1))
      }
    } catch is SamplingError {
      // The next step reports that the training has diverged.
      return nil
    }
  }
}
