import CommandLineSupport
import TextGeneration

extension TextFormat: ArgumentValue {}

/// Which texts are output, and how.
struct OutputOptions: ArgumentGroup {
  @Option(
    help: "original: each part on a line, with @ between them, as in the channel's posts; plain: "
      + "one bugurt per line, as in the cleaned text; raw: all tokens as they are, even special ones"
  )
  var format = TextFormat.original
  @Flag(
    help: "print one JSON object per line for each bugurt: prompt, text, tokens, seed, number, "
      + "finish_reason, log_probability, mean_log_probability")
  var json = false
  @Option(
    help: "write to this file, which appears complete or not at all", short: "o", valueName: "file",
    defaultText: "standard output", completion: .file)
  var output: String?
  @Option(
    help: "with --output: also print the first n", valueName: "n", accepting: .atLeast(0))
  var show = 0
  @Option(
    help:
      "write n candidates for each bugurt and keep the one that the model finds most likely, by "
      + "the mean log-probability of its tokens", valueName: "n",
    accepting: .within(1...1_000_000))
  var bestOf = 1
  @Flag(
    help:
      "drop texts that the model did not end, that have no @ or an empty part, or that copy a post "
      + "of --corpus, and write others until there are --count")
  var filter = false
  @Flag(help: "do not report progress") var quiet = false

  func validate() throws {
    if show > 0, output == nil { throw UsageError("--show needs --output") }
  }
}
