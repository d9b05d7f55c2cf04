import BytePairEncoding
import CommandLineSupport
import FileSupport
import GPT2
import Sampling

@main
struct GPTSample: Program {
  static let name = "gpt-sample"
  static let abstract = "Write bugurts with a trained model."
  static let discussion = """
    A text appears as it is written. It ends where the model ends it, or at --max-length tokens. The
    same --seed gives the same texts, whatever --threads, --batch and --count; the first of ten is the
    same as the first of one. Each prompt of --prompts gives what it would give alone.

    --interactive asks for a prompt, writes a bugurt, and asks again; an empty line takes the default
    prompt. Ctrl-C stops the text, Ctrl-D ends the program. Earlier prompts come back with the arrow
    keys and Ctrl-R; they are kept in ~/.local/state/gpt-sample/history, for you alone to read.

    --score measures text instead of writing some. A line of n tokens is taken as training takes a
    post: behind an end of text, and with one at its end. So there are n + 1 choices, each with its
    probability after those before it:
      log-probability = mean of ln p over the n + 1 choices   (transformers' loss is its negative)
      perplexity      = exp(-log-probability)
    The last row is of all choices of the file together.

    examples:
      gpt-sample checkpoints/fixture/final
          one bugurt, from the first word of a post
      gpt-sample checkpoints/fixture/final --prompt "пришёл домой" --count 10
          ten that begin with these words, in upper case
      gpt-sample checkpoints/fixture/final --interactive --temperature 0.8
          try prompts out
      gpt-sample checkpoints/fixture/final --count 64 --filter --output bugurts.txt --show 3
          a file of 64 well-formed ones, three of them printed as well
      gpt-sample checkpoints/fixture/final --prompts prompts.txt --best-of 8 --json | jq -r .text
          the likeliest of eight for each prompt, for scripts
      gpt-sample checkpoints/fixture/final --temperature 0
          the most likely token each time
      gpt-sample checkpoints/fixture/final --top-k 0 --min-p 0.05 --no-repeat-ngram 4
          any token a twentieth as likely as the best one, and no four tokens twice
      gpt-sample checkpoints/fixture/final --score data/clean/fixture.txt | sort -t $'\\t' -nk4
          the posts, the least surprising first
      gpt-sample checkpoints/fixture/final --prompt КОТ --logits | jq '.logits[0]'
          what the model thinks comes next, for scripts
    """

  @Argument(
    help: "Hugging Face folder of the model: config.json, weights and a tokenizer",
    completion: .folder)
  var model: String
  @Option(help: "how many bugurts are written for each prompt", short: "n", accepting: .atLeast(1))
  var count = 1
  @Option(
    help: "length in tokens at which a text is cut off, the prompt counted", valueName: "n",
    accepting: .atLeast(2))
  var maxLength = 200
  @Option(help: "decides the draws and the first words", valueName: "n") var seed: UInt64 = 42
  @Flag(help: "ask for prompts, and write a bugurt for each", short: "i") var interactive = false
  @Option(
    help: "print the perplexity of each line of this file, - for standard input, and of all; in "
      + "upper case, unless --keep-case", valueName: "file", completion: .file)
  var score: String?
  @Flag(
    help:
      "print the prompt's ids and the logits of the next token as JSON instead of a text, as the "
      + "model gives them and after each step of the choice")
  var logits = false
  @OptionGroup("prompts") var prompts: PromptOptions
  @OptionGroup("output") var output: OutputOptions
  @OptionGroup("the choice of each token, in this order") var choice: ChoiceOptions
  @OptionGroup("speed and memory") var machine: MachineOptions

  func validate() throws {
    try choice.validate(maximumLength: maxLength)
    try prompts.validate()
    try output.validate()
    let modes = [("--interactive", interactive), ("--score", score != nil), ("--logits", logits)]
      .filter(\.1).map(\.0)
    guard let mode = modes.first else { return }
    if modes.count > 1 { throw UsageError("give \(modes[0]) or \(modes[1]), not both") }
    let other: [(String, Bool)] = [
      ("--prompts", prompts.prompts != nil),
      ("--prompt", prompts.prompt != nil && !logits),
      ("--count", count > 1), ("--filter", output.filter && !interactive),
      ("--best-of", output.bestOf > 1 && !interactive), ("--show", output.show > 0),
      ("--json", output.json && logits), ("--output", output.output != nil && score == nil),
    ]
    if let unused = other.first(where: \.1) {
      throw UsageError("\(unused.0) does not go with \(mode)")
    }
  }

  func run() throws {
    let loaded = try LoadedModel(folder: model, machine, isQuiet: output.quiet)
    do {
      if let score { return try runScoring(loaded, score) }
      try runSampling(loaded)
    } catch ChoiceError.notNumbers {
      throw InputError(model, ChoiceError.notNumbers.description)
    } catch let error as ChoiceError {
      throw UsageError(error.description)
    } catch let error as PromptError {
      throw UsageError("--prompt: \(error)")
    } catch let error as FilterError {
      throw InputError(model, error.description)
    }
  }

  private func runScoring(_ loaded: LoadedModel, _ path: String) throws {
    guard let endOfText = loaded.endOfText.first else {
      throw InputError(
        model,
        "config.json names no end-of-text token (eos_token_id), behind which a line is scored")
    }
    let scoring = Scoring(
      path: path, isJSON: output.json, isQuiet: output.quiet, output: output.output)
    try scoring.run(
      LineScorer(
        loaded.model, loaded.tokenizer, endOfText: endOfText, keepsCase: prompts.keepCase))
  }

  private func runSampling(_ loaded: LoadedModel) throws {
    let settings = try settings(loaded.tokenizer)
    let corpus = try prompts.trainingCorpus(ofModel: model)
    var maker = PromptMaker(
      loaded.tokenizer, keepsCase: prompts.keepCase, endOfText: loaded.endOfText.first,
      contextLength: loaded.model.configuration.contextLength, maximumLength: maxLength, seed: seed)
    let sources = try interactive ? [] : prompts.sources(&maker, corpus: corpus)
    let wanted = max(1, sources.count) * count * output.bestOf
    let batch = loaded.batchSize(
      wanted: output.filter ? machine.batch : min(wanted, machine.batch), maximumLength: maxLength)
    let generator = TextGenerator(
      loaded.model, endOfText: Set(loaded.endOfText), settings: settings, batchSize: batch)
    if logits {
      let prompt = try maker.prompt(sources[0], number: 0)
      return print(LogitsReport.text(generator, prompt.tokens, Set(loaded.endOfText)))
    }
    let writer = BugurtWriter(
      generator, maker, candidates: output.bestOf, filter: try filter(loaded, corpus))
    let texts = try TextOutput(output, loaded.tokenizer, seed: seed)
    if interactive {
      var conversation = Conversation(
        writer: writer, prompts: prompts, output: texts, corpus: corpus, maker: maker)
      return try conversation.run()
    }
    let report = WritingReport(
      writer, total: sources.count * count, isQuiet: output.quiet, isWatched: texts.isWatched)
    do {
      try writer.write(sources.map { BugurtWriter.Order($0, count: count) }) { event in
        try Interruption.check()
        try texts.take(event)
        try report.update(texts.count)
      }
    } catch let interruption as Interruption {
      if texts.isWatched { try texts.breakOff() }
      throw interruption
    }
    try texts.finish()
    report.finish(texts.count)
  }

  private func settings(_ tokenizer: Tokenizer) throws -> SamplingSettings {
    var settings = SamplingSettings()
    try choice.apply(to: &settings, tokenizer, keepCase: prompts.keepCase)
    settings.maximumLength = maxLength
    settings.seed = seed
    return settings
  }

  /// The filter of --filter, which says what it compares with.
  private func filter(_ loaded: LoadedModel, _ corpus: TrainingCorpus?) throws -> BugurtFilter? {
    guard output.filter else { return nil }
    guard let corpus else {
      Log.warning(
        "--filter: no token shards beside the model, so copies of posts are not found; name the "
          + "shards with --corpus")
      return BugurtFilter(loaded.tokenizer, posts: nil)
    }
    let progress =
      output.quiet
      ? nil : Progress("reading \(corpus.folder)", total: corpus.tokenCount, unit: .items("tokens"))
    let posts = try corpus.fingerprints { try progress?.update($0) }
    if !output.quiet {
      Log.info(
        "--filter: compared with \(Progress.countText(Double(posts.count))) posts of "
          + corpus.folder)
    }
    return BugurtFilter(loaded.tokenizer, posts: posts)
  }
}
