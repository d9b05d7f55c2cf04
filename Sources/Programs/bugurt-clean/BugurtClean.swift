import CommandLineSupport
import CorpusFormat
import FileSupport
import PostFormat
import TextCleaning
import Threading

@main
struct BugurtClean: Program {
  static let name = "bugurt-clean"
  static let abstract =
    "Turn posts into cleaned text, one post per line, and count what each rule did."
  static let discussion = """
    The rules run over each post in a fixed order (--list-rules shows them). Each changes the text
    or drops the post. What each rule did is shown at the end and written to the funnel, a JSON
    file beside the text. Outputs appear complete or not at all.

    examples:
      bugurt-clean data/raw/fixture.jsonl -o data/clean/fixture.txt
          writes data/clean/fixture.txt and data/clean/fixture.funnel.json
      bugurt-clean --news line posts.jsonl.gz | head
          keeps news posts but not their hashtag line; the text goes to standard output
      bugurt-clean --list-rules > rules.ini; bugurt-clean --rules rules.ini posts.jsonl
          uses your own rules; --rule links=off changes one of them
      bugurt-clean --suggest posts.jsonl > lines.ini; bugurt-clean --rules lines.ini posts.jsonl
          finds the lines that a channel puts above or below its posts, and removes them
      bugurt-clean --recipe original posts.jsonl -o original.txt
          writes what the first version of this project wrote, byte for byte; not one post per line
      bugurt-clean --recipe join one.txt two.txt -o both.txt
          joins cleaned texts; posts of two.txt that repeat or nearly repeat one of one.txt are dropped
    """

  static let memoryAdvice = "Fewer --threads need less"

  @Arguments(
    help:
      "posts, one JSON object per line, gzipped or not; - is standard input; with --recipe join, "
      + "cleaned texts",
    valueName: "posts.jsonl", completion: .file)
  var inputs: [String] = []

  @Option(
    help: "the text to write; - is standard output", short: "o", valueName: "text.txt",
    completion: .file)
  var output = "-"

  @Option(
    help: "the funnel to write: what each rule did, as JSON", valueName: "funnel.json",
    defaultText: "the output's name with .funnel.json instead of .txt; none for standard output, "
      + "pipes and devices",
    completion: .file)
  var funnel: String?

  @Option(
    help:
      "the rules: the house rules, those of the project's first version, or those that join cleaned "
      + "texts")
  var recipe = Recipe.house

  @Option(
    help: "number of threads; does not affect the result", valueName: "n",
    defaultText: "one for each physical core", accepting: .within(1...1024))
  var threads: Int?

  @Option(
    help: "how many lines that are not posts to skip, each with a warning", valueName: "count",
    defaultText: "0", accepting: .within(0...1_000_000_000))
  var skipBad: Int?

  @OptionGroup("Rules") var choice: RuleOptions
  @OptionGroup("Seeing what the rules do") var inspection: InspectionOptions

  func validate() throws {
    if recipe == .original, let option = choice.houseOption {
      throw UsageError("\(option) needs --recipe house; the original recipe has no options")
    }
    if recipe == .join {
      let others = [(choice.suggest, "--suggest"), (skipBad != nil, "--skip-bad")]
      if let option = others.first(where: \.0)?.1 ?? inspection.optionOfPosts {
        throw UsageError("\(option) is about posts; --recipe join takes cleaned texts")
      }
    }
    if choice.listRules || choice.suggest, output != "-" {
      throw UsageError(
        "\(choice.listRules ? "--list-rules" : "--suggest") writes rules to standard output, and no "
          + "text; leave --output out")
    }
    guard !choice.listRules else { return }
    guard let first = inputs.first else {
      throw UsageError(
        recipe == .join
          ? "missing argument: the cleaned texts to join"
          : "missing argument <posts.jsonl>: the posts to clean; - is standard input")
    }
    if inputs.count > 1, recipe != .join {
      throw UsageError(
        "unexpected argument '\(inputs[1])': \(Self.name) cleans one file at a time, here \(first)")
    }
    if inputs.count(where: { $0 == "-" }) > 1 {
      throw UsageError("standard input can be read only once")
    }
    if output.isEmpty || funnel == "" { throw UsageError("a path must not be empty") }
    if let funnelPath, funnelPath == output {
      throw UsageError("--funnel and --output are the same, '\(output)'")
    }
    if let rejects = inspection.rejects, rejects.isEmpty || rejects == output {
      throw UsageError("--rejects: expected a file of its own")
    }
    try refuseOverwriting(inputs + choice.rules, with: [output, funnelPath, inspection.rejects])
  }

  func run() throws {
    let rules = try choice.ruleSet(recipe)
    if choice.listRules { return print(rules.text, terminator: "") }
    if recipe == .join { return try join(rules) }
    let posts = inputs.first ?? "-"
    // A pipe must not be opened twice: what was read from it is gone.
    let size = Folder.hasFile(posts) ? try InputFile(path: posts).size : nil
    if choice.suggest {
      let progress = Progress("looking for boilerplate", total: size, unit: .bytes)
      let suggestion = try BoilerplateSuggestion(
        path: posts, rules: rules, fraction: choice.suggestShare
      ) { try progress.update($0) }
      for line in suggestion.report { Log.raw(line) }
      return print(suggestion.text ?? "", terminator: "")
    }

    // Posts that are shown have standard output to themselves.
    let discardsText = output == "-" && inspection.showsPosts
    let writer = try CorpusWriter(
      path: discardsText ? nil : output, isOnePostALine: recipe.isOnePostALine)
    let funnel = try funnelPath.map { try OutputFile(path: $0) }
    let rejects = try inspection.rejects.map { try RejectWriter(path: $0) }
    var statistics = TextStatistics()
    if inspection.statistics { writer.onWrite = { statistics.add($0) } }
    var cleaning = CleaningRun(rules: rules, path: posts)
    cleaning.threads = threads ?? Processors.current.threadCount
    cleaning.toleratedBadLines = skipBad ?? 0
    cleaning.explainedID = inspection.explain
    cleaning.sampler = PostSampler(count: inspection.sample ?? 0, seed: inspection.seed ?? 0)
    cleaning.onBadLine = { Log.warning("skipped: \($0)") }
    if let rejects { cleaning.onReject = { try rejects.write($0) } }
    let progress = Progress("cleaning", total: size, unit: .bytes)
    let result = try cleaning.run(writer) { try progress.update($0) }
    if result.repairedPosts > 0 {
      let count = result.repairedPosts
      Log.warning(
        "\(count) \(count == 1 ? "post had" : "posts had") half of an emoji in a text (a lone "
          + "surrogate such as \\ud83d), replaced by U+FFFD")
    }

    try writer.synchronize()
    try rejects?.commit()
    if discardsText || result.funnel.bytesOut > 0 {
      try commit(writer, result.funnel, to: funnel)
    }
    try inspection.show(result, input: posts)
    Log.raw(result.funnel.table)
    if inspection.statistics {
      statistics.finish()
      Log.raw(statistics.table)
    }
    if !discardsText { try result.funnel.checkText(of: posts) }
  }

  /// Joins cleaned texts.
  private func join(_ rules: RuleSet) throws {
    let writer = try CorpusWriter(path: output)
    let file = try funnelPath.map { try OutputFile(path: $0) }
    var statistics = TextStatistics()
    if inspection.statistics { writer.onWrite = { statistics.add($0) } }
    let progress = Progress(
      "joining", total: try InputFile.totalSize(of: inputs), unit: .bytes)
    let funnel = try CorpusJoin(rules: rules, paths: inputs).run(writer) { try progress.update($0) }
    try writer.synchronize()
    try commit(writer, funnel, to: file)
    Log.raw(funnel.table)
    if let table = funnel.sourceTable { Log.raw("\n" + table) }
    if inspection.statistics {
      statistics.finish()
      Log.raw(statistics.table)
    }
  }

  /// Commits the funnel before the text, which is on the disk already, so that a text never lacks its
  /// funnel.
  private func commit(_ writer: CorpusWriter, _ funnel: Funnel, to file: OutputFile?) throws {
    if let file { try funnel.write(to: file) }
    if try !writer.commit() { Log.info("\(output) is unchanged") }
  }

  private var funnelPath: String? {
    funnel ?? (OutputFile.isDirect(output) ? nil : Funnel.path(besideText: output))
  }
}
