import BytePairEncoding
import CheckpointFormat
import CommandLineSupport
import FileSupport
import GPT2
import JSONSupport
import ModelHub
import Sampling
import TensorKernels
import TextGeneration
import TextSupport

@main
struct GPTSample: Program {
  static let name = "gpt-sample"
  static let abstract = "Write bugurts with a trained model."
  static let discussion = """
    A text appears as it is written. It ends where the model ends it, or at --max-length tokens.
    The same --seed gives the same texts, whatever --threads, --batch and --count: the first of ten
    texts is the one that --count 1 gives. Each prompt of --prompts gives the texts that it would
    give on its own.

    Ctrl-C keeps the finished texts, also in the --output file; the exit status is 130.

    --interactive asks for a prompt, writes a bugurt, and asks again; an empty line means the
    default prompt. Ctrl-C stops the text; Ctrl-D ends the program. The arrow keys and Ctrl-R
    recall earlier prompts, which are kept in ~/.local/state/gpt-sample/history, readable only by
    you.

    --score measures text instead of writing it. A line is treated as a post is in training: an
    end-of-text token comes before it and another after it. So a line of n tokens has n + 1
    probabilities p, each of a token given those before it:
      log-probability = mean of ln p over the n + 1 tokens   (the negative loss of transformers)
      perplexity      = exp(-log-probability)
      bits per byte   = -(sum of ln p) / ln 2 / bytes of the line in UTF-8
    Only the last can be compared between models with different vocabularies.
    The last row is for all tokens of the file.

    examples:
      gpt-sample checkpoints/fixture/final
          one bugurt that begins with the first word of a post
      gpt-sample checkpoints/fixture/final --prompt "пришёл домой" --count 10
          ten bugurts that begin with these words, in upper case
      gpt-sample checkpoints/fixture/final --interactive --temperature 0.8
          try out prompts
      gpt-sample checkpoints/fixture/final --count 64 --filter --output bugurts.txt --show 3
          a file of 64 well-formed bugurts, three of which are also printed
      gpt-sample checkpoints/fixture/final --prompts prompts.txt --best-of 8 --json | jq -r .text
          the most likely of eight bugurts for each prompt, for scripts
      gpt-sample checkpoints/fixture/final --temperature 0
          the most likely token each time
      gpt-sample checkpoints/fixture/final --top-k 0 --min-p 0.05 --no-repeat-ngram 4
          any token at least a twentieth as likely as the best one, and no sequence of four twice
      gpt-sample checkpoints/fixture/final --score data/clean/fixture.txt | sort -t $'\\t' -nk4
          the posts, the least surprising first
      gpt-sample ai-forever/rugpt3small_based_on_gpt2 --prompt "Кот пришёл" --keep-case
          a model of the Hugging Face Hub, fetched the first time
      gpt-sample ai-forever/rugpt3small_based_on_gpt2 --adapter checkpoints/mine/final/adapter
          the same model with an adapter, as gpt-finetune or peft writes it
      gpt-sample checkpoints/fixture/final --prompt КОТ --logits | jq '.logits[0]'
          what the model expects next, for scripts
      gpt-sample checkpoints/fixture/final --export fixture.gguf --modelfile Modelfile
          the model as a file for llama.cpp, and for 'ollama create fixture -f Modelfile'
    """

  static let files = [
    ModelHub.cacheEntry,
    (
      path: "~/.local/state/gpt-sample/history",
      text:
        "The prompts of --interactive, readable only by you; XDG_STATE_HOME changes their location."
    ),
  ]
  static var versionFacts: [String] { ["matrix products: \(ThreadPool.matrixKernels)"] }
  static let memoryAdvice = "A smaller --batch, --max-length or --threads needs less"

  @Argument(
    help: "Hugging Face folder of the model (config.json, weights and a tokenizer); a GGUF file; "
      + "its name on the Hugging Face Hub, NAME or NAMESPACE/NAME[@REVISION], which is "
      + "downloaded once; or the folder of an adapter, which names its model",
    completion: .file)
  var model: String
  @Option(help: "how many bugurts to write for each prompt", short: "n", accepting: .atLeast(1))
  var count = 1
  @Option(
    help: "length in tokens, prompt included, at which a text is cut off; at most the model's "
      + "context", valueName: "n", defaultText: "\(SamplingSettings().maximumLength)",
    accepting: .atLeast(2))
  var maxLength: Int?
  @Option(help: "seed for the random numbers and the first words", valueName: "n")
  var seed: UInt64 = 42
  @Flag(help: "ask for prompts, and write a bugurt for each", short: "i") var interactive = false
  @Option(
    help: "print the perplexity of each line of this file (- is standard input), and of all lines "
      + "together; in upper case unless --keep-case", valueName: "file", completion: .file)
  var score: String?
  @Flag(
    help:
      "instead of a text, print as JSON the prompt's ids and the logits of the next token, both from "
      + "the model and after each sampling step")
  var logits = false
  @OptionGroup("prompts") var prompts: PromptOptions
  @OptionGroup("adapters") var adapters: AdapterOptions
  @OptionGroup("output") var output: OutputOptions
  @OptionGroup("sampling of each token, in this order") var sampling: SamplingOptions
  @OptionGroup("speed and memory") var machine: MachineOptions
  @OptionGroup("other programs") var export: ExportOptions

  func validate() throws {
    try export.validate()
    try machine.validate(isExport: export.file != nil)
    try sampling.validate(maximumLength: maximumLength)
    try prompts.validate()
    try output.validate()
    if adapters.adapter.count > 1, prompts.prompts == "-" {
      throw UsageError("with several adapters, --prompts needs a file, which is read for each")
    }
    let modes = [
      ("--interactive", interactive), ("--score", score != nil), ("--logits", logits),
      ("--export", export.file != nil),
    ].filter(\.1).map(\.0)
    guard let mode = modes.first else { return }
    if adapters.adapter.count > 1 {
      throw UsageError("with \(mode), give one --adapter")
    }
    if modes.count > 1 { throw UsageError("give \(modes[0]) or \(modes[1]), not both") }
    let other: [(String, Bool)] = [
      ("--prompts", prompts.prompts != nil),
      ("--prompt", prompts.prompt != nil && !logits),
      ("--count", count > 1), ("--filter", output.filter && !interactive),
      ("--best-of", output.bestOf > 1 && !interactive), ("--show", output.show > 0),
      ("--json", output.json && (logits || export.file != nil)),
      ("--output", output.output != nil && score == nil),
    ]
    if let unused = other.first(where: \.1) {
      throw UsageError("\(unused.0) cannot be used with \(mode)")
    }
  }

  func run() throws {
    // Open it before anything is read: another process may be writing this output.
    let file = try output.output.map { try OutputFile(path: $0) }
    let (base, found) = try adapters.resolve(model)
    let folder = try ModelHub.folder(for: base, .whole, isQuiet: output.quiet) {
      _ = try GPT2Configuration(path: "\($0)/\(CheckpointFile.configuration)")
    }
    let corpus = try prompts.corpusFolder(ofModels: [model] + found.map(\.modelPath))
    try refuseOverwriting(
      [score, prompts.prompts, sampling.badWords].compactMap { $0 }
        + ([folder] + found.map(\.path)).flatMap(CheckpointFile.parts)
        + (corpus.map { Folder.files(in: $0, depth: 1) } ?? []),
      with: [output.output, export.file, export.modelfile])
    for adapter in found {
      if let note = adapter.note(usedWith: base, in: folder) { Log.info(note) }
    }
    if export.file != nil {
      var settings = SamplingSettings()
      sampling.apply(to: &settings)
      settings.maximumLength = maximumLength
      return try export.write(
        folder, adapter: found.first, machine, settings, isQuiet: output.quiet)
    }
    // One after another, because several merged models may not fit into memory.
    var texts: TextOutput?
    for adapter in found.isEmpty ? [nil] : found.map(Optional.some) {
      let loaded = try LoadedModel(
        folder: folder, adapter: adapter, machine, isQuiet: output.quiet)
      do {
        if let score { return try writeScores(loaded, of: score, to: file) }
        try writeTexts(loaded, to: file, &texts, adapters: found, adapter, corpus: corpus)
      } catch SamplingError.notFinite {
        throw InputError(adapter?.path ?? model, SamplingError.notFinite.description)
      } catch let error as SamplingError {
        throw UsageError(error.description)
      } catch let error as PromptError {
        throw UsageError("--prompt: \(error)")
      } catch let error as FilterError {
        throw InputError(adapter?.path ?? model, error.description)
      }
    }
    try texts?.finish()
  }

  private func writeScores(
    _ loaded: LoadedModel, of path: String, to file: OutputFile?
  ) throws {
    guard let endOfText = loaded.model.separator else {
      throw InputError(
        model,
        "config.json has no end-of-text token (eos_token_id), which --score puts before each line")
    }
    let scorer = LineScorer(
      loaded.model, loaded.tokenizer, endOfText: endOfText, keepsCase: prompts.keepCase)
    try ScoreReport.write(
      of: path, scorer, isJSON: output.json, isQuiet: output.quiet, to: file)
  }

  /// Writes the texts of a model to `texts`, which is made for the first of them, and under the name
  /// of its `adapter` if there are several.
  private func writeTexts(
    _ loaded: LoadedModel, to file: OutputFile?, _ texts: inout TextOutput?,
    adapters: [AdapterFolder], _ adapter: AdapterFolder?, corpus folder: String?
  ) throws {
    let settings = try settings(loaded)
    let corpus = try folder.map(TrainingCorpus.init(folder:))
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
      let prompt = try maker.prompt(sources[0], index: 0)
      return print(
        try generator.logits(after: prompt.tokens, beginsWord: prompt.isWhole).json.text())
    }
    let writer = BugurtWriter(
      generator, maker, candidates: output.bestOf, filter: try filter(loaded, corpus))
    if interactive {
      let input = PromptInput(programName: Self.name)
      let texts = try textOutput(loaded, to: file, promptsAreTyped: input.isTerminal)
      return try Conversation(writer, to: texts) {
        try prompts.source($0, &maker, corpus: corpus)
      }.run(input.next)
    }
    let target = try texts ?? textOutput(loaded, to: file, promptsAreTyped: false)
    texts = target
    if adapters.count > 1 { target.begin(adapter: adapter?.name) }
    try write(sources, writer, to: target)
  }

  /// Writes the texts that begin with `sources`.
  private func write(
    _ sources: [PromptSource], _ writer: BugurtWriter, to texts: TextOutput
  ) throws {
    let first = texts.count
    let report = WritingReport(writer, total: sources.count * count, isQuiet: output.quiet)
    writer.begin(sources.map { BugurtWriter.Request($0, count: count) })
    do {
      while let event = try writer.next() {
        try texts.take(event)
        if !texts.isMidText { try report.update(texts.count - first) }
        try Interruption.check()
      }
    } catch {
      guard Interruption.isPending else { throw error }
      try texts.keep(writer.unreturned)
      let isEarlier = texts.count > 0 && texts.count == first
      report.breakOff(texts.count - first, output: isEarlier ? nil : output.output)
      try Interruption.check()
    }
    report.finish(texts.count - first)
  }

  private func textOutput(
    _ loaded: LoadedModel, to file: OutputFile?, promptsAreTyped: Bool
  ) throws -> TextOutput {
    var settings = TextOutput.Settings(seed: seed)
    settings.format = output.format
    settings.isJSON = output.json
    if file != nil { settings.showLimit = output.show }
    settings.streams = Terminal.showsOutput || interactive
    settings.separatesTexts = output.format != .plain && !promptsAreTyped
    return TextOutput(
      settings, loaded.tokenizer, to: file, standardOutput: try OutputFile(path: "-"))
  }

  /// The requested length, or the default.
  private var maximumLength: Int { maxLength ?? SamplingSettings().maximumLength }

  private func settings(_ loaded: LoadedModel) throws -> SamplingSettings {
    var settings = try sampling.settings(loaded.tokenizer, keepCase: prompts.keepCase)
    let context = loaded.model.configuration.contextLength
    // Nothing is written after the prompt of --logits.
    settings.maximumLength = logits ? context : min(maximumLength, context)
    if let maxLength, maxLength > context, !logits {
      Log.warning(
        "--max-length \(maxLength) is more than the model's context of \(context) tokens, where "
          + "texts are cut off")
    }
    settings.seed = seed
    settings.beginSuppressedTokens = loaded.tokenizer.wordContinuations(
      vocabulary: loaded.model.configuration.vocabularySize)
    return settings
  }

  /// The filter of --filter; a message names the posts that texts are compared with.
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
      Log.info("--filter: compared with \(NumberText.count(posts.count)) posts of \(corpus.folder)")
    }
    return BugurtFilter(loaded.tokenizer, posts: posts)
  }
}
