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

  @Flag(help: "show the rules of the recipe in their order, and stop") var listRules = false

  func validate() throws {
    if recipe == .original, news != nil {
      throw UsageError("--news belongs to --recipe house; the original recipe has no choice")
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
    let recipe = recipe.recipe
    let news = news?.treatment ?? .post
    if listRules { return printRules(recipe.rules(news: news)) }
    let posts = posts ?? "-"

    let writer = try CorpusWriter(path: output, layout: recipe.layout)
    var cleaner = Cleaner(recipe, news: news)
    try read(posts) { post in try cleaner.clean(post) { try writer.write($0) } }
    let result = try cleaner.finish(input: posts)

    // The funnel first: where the text stands, its funnel stands beside it. But not before there is
    // room for the text.
    try writer.synchronize()
    if let funnelPath { try result.write(to: funnelPath) }
    try writer.commit()
    Log.raw(result.table())
  }

  /// Calls `body` with each post of the file at `path`, and shows how far it is.
  private func read(_ path: String, _ body: (Post) throws -> Void) throws {
    // A pipe must not be opened twice: what is read of it is gone.
    let size = Folder.hasFile(path) ? try InputFile(path: path).size : nil
    let progress = Progress("cleaning", total: size, unit: .bytes)
    try PostReader.forEach(path: path, progress: { try progress.update($0) }) { _, post in
      try body(post)
    }
  }

  private var funnelPath: String? {
    funnel ?? (output == "-" ? nil : Funnel.path(besideText: output))
  }

  private func printRules(_ rules: [any CleaningRule]) {
    let width = rules.map(\.name.count).max() ?? 0
    for rule in rules {
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

  var treatment: ChannelNews.Treatment {
    switch self {
    case .post: .post
    case .line: .line
    case .keep: .keep
    }
  }
}
