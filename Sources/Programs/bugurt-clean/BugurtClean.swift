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
    """

  static let memoryAdvice = "Fewer --threads need less"

  @Argument(
    help: "posts, one JSON object per line, gzipped or not; - is standard input",
    valueName: "posts.jsonl", completion: .file)
  var posts: String?

  @Option(
    help: "the text to write; - is standard output", short: "o", valueName: "text.txt",
    completion: .file)
  var output = "-"

  @Option(
    help: "the funnel to write: what each rule did, as JSON", valueName: "funnel.json",
    defaultText: "the output's name with .funnel.json instead of .txt; none for standard output",
    completion: .file)
  var funnel: String?

  @Option(help: "the rules: the house rules, or those of the project's first version")
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
    guard !choice.listRules else { return }
    guard posts != nil else {
      throw UsageError("missing argument <posts.jsonl>: the posts to clean; - is standard input")
    }
    if output.isEmpty || funnel == "" { throw UsageError("a path must not be empty") }
    if let funnelPath, funnelPath == output {
      throw UsageError("--funnel and --output are the same, '\(output)'")
    }
    if let rejects = inspection.rejects, rejects.isEmpty || rejects == output {
      throw UsageError("--rejects: expected a file of its own")
    }
    for case let path? in [output, funnelPath, inspection.rejects] where path != "-" {
      if let posts, Folder.isSameFile(path, posts) {
        throw UsageError("the input '\(path)' would be overwritten")
      }
    }
  }

  func run() throws {
    let rules = try choice.ruleSet(recipe)
    if choice.listRules { return print(rules.text, terminator: "") }
    let posts = posts ?? "-"
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

    // The funnel is committed before the text, so that a text never lacks its funnel, but only once
    // the text is on the disk.
    try writer.synchronize()
    try rejects?.commit()
    if let funnel { try result.funnel.write(to: funnel) }
    if try !writer.commit() { Log.info("\(output) is unchanged") }
    try inspection.show(result, input: posts)
    Log.raw(result.funnel.table)
    if inspection.statistics {
      statistics.finish()
      Log.raw(statistics.table)
    }
  }

  private var funnelPath: String? {
    funnel ?? (output == "-" ? nil : Funnel.path(besideText: output))
  }
}
