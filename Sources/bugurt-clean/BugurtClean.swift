import CommandLineSupport
import CorpusFormat
import FileSupport
import PostFormat
import TextCleaning

@main
struct BugurtClean: Program {
  static let name = "bugurt-clean"
  static let abstract = "Turn posts into cleaned text, one post a line, by rules that are counted."
  static let discussion = """
    The rules run over each post in a fixed order (--list-rules shows them); each changes the text
    or drops the post. What each rule did is shown at the end and kept in the funnel, a JSON file
    beside the text. Outputs appear whole or not at all.

    examples:
      bugurt-clean data/raw/fixture.jsonl -o data/clean/fixture.txt
          writes data/clean/fixture.txt and data/clean/fixture.funnel.json
      bugurt-clean --news line posts.jsonl.gz | head
          keeps news without its hashtag line; the text goes to the standard output
      bugurt-clean --recipe original posts.jsonl -o original.txt
          what the first version of this project wrote, byte for byte; it is not one post a line
    """

  @Argument(
    help: "posts, one JSON object a line, packed with gzip or not; - for standard input",
    valueName: "posts.jsonl", completion: .file)
  var posts: String?

  @Option(
    help: "the text to write; - for standard output", short: "o", valueName: "text.txt",
    completion: .file)
  var output = "-"

  @Option(
    help: "the funnel to write: what each rule did, as JSON", valueName: "funnel.json",
    defaultText: "the output with .funnel.json for .txt; none for standard output",
    completion: .file)
  var funnel: String?

  @Option(help: "the rules: ours, or those of the project's beginnings") var recipe =
    RecipeName.house

  @Option(
    help: "what of posts under #БТnews goes: the post, the line of the hashtag, or nothing",
    defaultText: "post")
  var news: NewsTreatment?

  @Option(
    help: "drop posts whose text another nearly has: share of common shingles, such as 0.8",
    valueName: "similarity", defaultText: "off",
    accepting: Condition("a number from 0.3 to 1") { 0.3 <= $0 && $0 <= 1 })
  var nearDuplicates: Double?

  @Option(
    help: "threads; they change the speed, not the result", valueName: "n",
    defaultText: "a physical core each", accepting: .within(1...1024))
  var threads: Int?

  @Flag(help: "show the rules of the recipe in their order, and stop") var listRules = false

  func validate() throws {
    if recipe == .original, news != nil {
      throw UsageError("--news belongs to --recipe house; the original recipe has no choice")
    }
    if recipe == .original, nearDuplicates != nil {
      throw UsageError(
        "--near-duplicates belongs to --recipe house; the original recipe has no such rule")
    }
    guard !listRules else { return }
    guard posts != nil else {
      throw UsageError("missing argument <posts.jsonl>: the posts to clean; - for standard input")
    }
    if output.isEmpty || funnel == "" { throw UsageError("a path must not be empty") }
    if let funnelPath, funnelPath == output {
      throw UsageError("--funnel and --output are the same, '\(output)'")
    }
    for path in [output, funnelPath] where path != "-" && path == posts {
      throw UsageError("the input '\(path ?? "")' would be overwritten")
    }
  }

  func run() throws {
    var rules = RuleSet(recipe.recipe)
    if let news { try rules.set("channel-news", "news", to: news.rawValue) }
    if let nearDuplicates { try rules.set("near-duplicates.similarity=\(nearDuplicates)") }
    if listRules { return printRules(rules) }
    let posts = posts ?? "-"

    let writer = try CorpusWriter(path: output, layout: rules.recipe.layout)
    var cleaning = CleaningRun(rules: rules, path: posts)
    cleaning.threads = threads ?? Processors.current.threadCount
    // A pipe must not be opened twice: what is read of it is gone.
    let size = Folder.hasFile(posts) ? try InputFile(path: posts).size : nil
    let progress = Progress("cleaning", total: size, unit: .bytes)
    let result = try cleaning.run(writer) { try progress.update($0) }

    // The funnel first: where the text stands, its funnel stands beside it. But not before there is
    // room for the text.
    try writer.synchronize()
    if let funnelPath { try result.funnel.write(to: funnelPath) }
    try writer.commit()
    Log.raw(result.funnel.table())
  }

  private var funnelPath: String? {
    funnel ?? (output == "-" ? nil : Funnel.path(besideText: output))
  }

  private func printRules(_ rules: RuleSet) {
    let width = rules.declarations.map(\.name.count).max() ?? 0
    for rule in rules.declarations {
      print(rule.name + String(repeating: " ", count: width + 2 - rule.name.count) + rule.reason)
    }
  }
}

/// The names of the recipes on the command line.
enum RecipeName: String, CaseIterable, ArgumentValue {
  case house, original

  var recipe: Recipe {
    switch self {
    case .house: .house
    case .original: .original
    }
  }
}

/// The names of what becomes of news on the command line.
enum NewsTreatment: String, CaseIterable, ArgumentValue {
  case post, line, keep
}
