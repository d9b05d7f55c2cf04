import CommandLineSupport
import FileSupport
import TextCleaning

/// The options that show what the rules do.
struct InspectionOptions: ArgumentGroup {
  @Option(help: "show what each rule did to the post with this id", valueName: "id")
  var explain: Int?

  @Option(
    help: "write each dropped post to this file, one JSON object per line, with the rule",
    valueName: "file", completion: .file)
  var rejects: String?

  @Option(
    help: "show this many posts, chosen at random, before and after cleaning",
    valueName: "count", accepting: .atLeast(1))
  var sample: Int?

  @Option(help: "seed for the choice of --sample", valueName: "number", defaultText: "0")
  var seed: UInt64?

  @Flag(help: "show posts as one text with removed and added words, in colour on a terminal")
  var diff = false

  @Flag(help: "show what the text is like: lengths, alphabets, how posts begin")
  var statistics = false

  /// Whether posts are shown on standard output, so that the text cannot go there.
  var showsPosts: Bool { explain != nil || sample != nil }

  /// The first option given that needs posts, not cleaned texts.
  var optionOfPosts: String? {
    let options: [(isGiven: Bool, name: String)] = [
      (explain != nil, "--explain"), (rejects != nil, "--rejects"), (sample != nil, "--sample"),
      (diff, "--diff"),
    ]
    return options.first(where: \.isGiven)?.name
  }

  /// Shows the posts that were asked for.
  ///
  /// - Throws: `InputError` if the post to be explained is not there.
  func show(_ result: CleaningRun.Result, input path: String) throws {
    let presentation = PostPresentation(
      showsDifferences: diff, hasColor: Terminal.hasOutputColor)
    if let explain {
      guard let explanation = result.explanation else {
        throw InputError(path, "there is no post with the id \(explain)")
      }
      print(presentation.text(of: explanation))
    }
    for sample in result.samples { print(presentation.text(of: sample)) }
  }
}
