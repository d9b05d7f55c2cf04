import CheckpointFormat
import CommandLineSupport
import FileSupport
import Training

/// The options for comparing runs instead of training one.
struct ComparisonOptions: ArgumentGroup {
  @Flag(
    help:
      "instead of training, write a page that compares runs, finished or not: curves, settings that "
      + "differ, results")
  var compare = false

  @Options(
    help:
      "with --compare: texts of a run, as gpt-sample --json writes them; once for each run, in the same "
      + "order, with the same prompts",
    valueName: "file", completion: .file)
  var texts: [String] = []

  /// Checks the arguments: the folders of `runs`, and the page `output`.
  ///
  /// - Throws: `UsageError`.
  func validate(_ runs: [String], output: String) throws {
    guard compare else {
      if runs.count > 1 { throw UsageError("unexpected argument '\(runs[1])'") }
      if !texts.isEmpty { throw UsageError("--texts needs --compare") }
      return
    }
    if runs.count < 2 { throw UsageError("--compare: name the folders of two or more runs") }
    if !texts.isEmpty, texts.count != runs.count {
      throw UsageError("--texts: \(texts.count) for \(runs.count) runs; give one for each run")
    }
    try refuseOverwriting(texts + runs.flatMap(CheckpointFile.parts), with: [output])
    if Folder.exists(output) {
      throw UsageError(
        "--output: \(output) is a folder; name a page to write, such as compare.html")
    }
  }

  /// Writes the page `output` about the `runs`.
  ///
  /// - Throws: `InputError`; `FileError`.
  func write(_ runs: [String], to output: String) throws {
    try RunComparison(runs: runs, texts: texts).write(to: output)
    print(output)
  }
}
