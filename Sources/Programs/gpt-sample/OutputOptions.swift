import CommandLineSupport
import Sampling

extension TextFormat: ArgumentValue {}

/// Which texts are given out, and how.
struct OutputOptions: ArgumentGroup {
  @Option(
    help: "original: each part on a line and @ between them, as in the channel's posts; plain: a "
      + "bugurt a line, as in the cleaned text; raw: the tokens as they are, including special ones"
  )
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
    help:
      "write n candidates for each bugurt and keep the one that is most likely to the model, by "
      + "the mean log-probability of its tokens", valueName: "n", accepting: .atLeast(1))
  var bestOf = 1
  @Flag(
    help:
      "drop what is not a bugurt, or is a copy: texts that the model did not end, without @, with "
      + "an empty part, or equal to a post of --corpus; others are written until there are --count")
  var filter = false
  @Flag(help: "do not report progress") var quiet = false

  func validate() throws {
    if show > 0, output == nil { throw UsageError("--show needs --output") }
  }
}
