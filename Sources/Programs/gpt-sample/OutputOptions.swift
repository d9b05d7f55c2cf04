import CommandLineSupport
import Sampling

extension TextFormat: ArgumentValue {}

/// How texts are given out, and which.
struct OutputOptions: ArgumentGroup {
  @Option(
    help: "original: a line for each part and @ between, as posts of the channel have it; plain: a "
      + "bugurt a line, as in the cleaned text; raw: the tokens as they are, special ones too")
  var format = TextFormat.original
  @Flag(
    help: "print an object for each bugurt, one a line: prompt, text, tokens, seed, number, "
      + "finish_reason, log_probability, mean_log_probability")
  var json = false
  @Option(
    help: "write to this file, whole or not at all", short: "o", valueName: "file",
    defaultText: "standard output", completion: .file)
  var output: String?
  @Option(
    help: "with --output: print the first n as well", valueName: "n", accepting: .atLeast(0))
  var show = 0
  @Option(
    help: "write n candidates for each bugurt and take the one the model finds likeliest, by the "
      + "mean of its tokens' log-probabilities", valueName: "n", accepting: .atLeast(1))
  var bestOf = 1
  @Flag(
    help:
      "drop what is no bugurt or a copy: not ended by the model, without @, with an empty part, "
      + "or a post of --corpus; goes on until there are --count")
  var filter = false
  @Flag(help: "tell nothing of the progress") var quiet = false

  func validate() throws {
    if show > 0, output == nil { throw UsageError("--show belongs to --output") }
  }
}
