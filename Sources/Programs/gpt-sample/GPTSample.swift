import BytePairEncoding
import CommandLineSupport
import FileSupport
import GPT2
import Sampling
import TextSupport

@main
struct GPTSample: Program {
  static let name = "gpt-sample"
  static let abstract = "Write bugurts with a trained model."
  static let discussion = """
    A text appears as it is written. It ends where the model ends it, or at --max-length tokens. The
    same --seed gives the same texts, whatever --threads, --batch and --count; the first of ten is the
    same as the first of one. Each prompt of --prompts gives what it would give alone.

    Ctrl-C keeps the texts that are finished, also in the file of --output; the exit status is 130.

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

  static let memoryAdvice =
    "A smaller --batch, --max-length or --threads takes less"

  @Argument(
    help: "Hugging Face folder of the model: config.json, weights and a tokenizer",
    completion: .folder)
  var model: String
  @Option(help: "how many bugurts are written for each prompt", short: "n", accepting: .atLeast(1))
  var count = 1
  @Option(
    help: "length in tokens at which a text is cut off, the prompt counted; at most the model's "
      + "context", valueName: "n", defaultText: "\(SamplingSettings().maximumLength)",
    accepting: .atLeast(2))
  var maxLength: Int?
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
    try choice.validate(maximumLength: maximumLength)
    try prompts.validate()
    try output.validate()
    for case let input? in [score, prompts.prompts] {
      guard let file = output.output, file != "-", Folder.isSameFile(input, file) else { continue }
      throw UsageError("the input '\(input)' would be overwritten")
    }
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
    // Before anything is read: what another process that writes this output reads is not touched.
    let file = try output.output.map { try OutputFile(path: $0) }
    let loaded = try LoadedModel(folder: model, machine, isQuiet: output.quiet)
    do {
      if let score { return try runScoring(loaded, score, to: file) }
      try runSampling(loaded, to: file)
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

  private func runScoring(_ loaded: LoadedModel, _ path: String, to file: OutputFile?) throws {
    guard let endOfText = loaded.model.separator else {
      throw InputError(
        model,
        "config.json names no end-of-text token (eos_token_id), behind which a line is scored")
    }
    let scoring = Scoring(
      path: path, isJSON: output.json, isQuiet: output.quiet, output: file)
    try scoring.run(
      LineScorer(
        loaded.model, loaded.tokenizer, endOfText: endOfText, keepsCase: prompts.keepCase))
  }

  private func runSampling(_ loaded: LoadedModel, to file: OutputFile?) throws {
    let settings = try settings(loaded)
    let corpus = try prompts.trainingCorpus(ofModel: model)
    var maker = PromptMaker(
      loaded.tokenizer, keepsCase: prompts.keepCase, endOfText: loaded.model.separator,
      contextLength: loaded.model.configuration.contextLength,
      maximumLength: settings.maximumLength, seed: seed, leavingRoom: !logits)
    let sources = try interactive ? [] : prompts.sources(&maker, corpus: corpus)
    let wanted = max(1, sources.count) * count * output.bestOf
    let batch = loaded.batchSize(
      wanted: output.filter ? machine.batch : min(wanted, machine.batch),
      maximumLength: settings.maximumLength)
    let generator = TextGenerator(
      loaded.model, endOfText: Set(loaded.model.endOfTextTokens), settings: settings,
      batchSize: batch)
    if logits {
      let prompt = try maker.prompt(sources[0], number: 0)
      return print(try LogitsReport.text(generator, prompt.tokens))
    }
    let writer = BugurtWriter(
      generator, maker, candidates: output.bestOf, filter: try filter(loaded, corpus))
    let texts = try TextOutput(
      output.format, isJSON: output.json, to: file, showing: output.show, loaded.tokenizer,
      seed: seed, isConversation: interactive)
    if interactive {
      return try Conversation(writer, to: texts, programName: Self.name) {
        try prompts.source($0, &maker, corpus: corpus)
      }.run()
    }
    let report = WritingReport(
      writer, total: sources.count * count, isQuiet: output.quiet)
    do {
      try writer.write(sources.map { BugurtWriter.Order($0, count: count) }) { event in
        // Before the event: what is received is never among what is left over.
        try Interruption.check()
        if !texts.isMidText { try report.update(texts.count) }
        try texts.take(event)
      }
    } catch {
      guard Interruption.isPending else { throw error }
      try texts.keep(writer.leftOver)
      report.breakOff(texts.count, output: output.output)
      try Interruption.check()
    }
    try texts.finish()
    report.finish(texts.count)
  }

  /// The length that was asked for, or the default.
  private var maximumLength: Int { maxLength ?? SamplingSettings().maximumLength }

  private func settings(_ loaded: LoadedModel) throws -> SamplingSettings {
    var settings = SamplingSettings()
    try choice.apply(to: &settings, loaded.tokenizer, keepCase: prompts.keepCase)
    let context = loaded.model.configuration.contextLength
    // Nothing is written after the prompt of --logits.
    settings.maximumLength = logits ? context : min(maximumLength, context)
    if let maxLength, maxLength > context, !logits {
      Log.warning(
        "--max-length \(maxLength) is more than the model's context of \(context) tokens, where "
          + "texts are cut off")
    }
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
        "--filter: compared with \(NumberText.count(Double(posts.count))) posts of "
          + corpus.folder)
    }
    return BugurtFilter(loaded.tokenizer, posts: posts)
  }
}
