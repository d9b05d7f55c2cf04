import CommandLineSupport
import FileSupport
import TextCleaning

/// The options that show what the rules do.
struct InspectionOptions: ArgumentGroup {
  @Option(help: "show what each rule did to the post with this id", valueName: "id")
  var explain: Int?

  @Option(
    help:
      "write each dropped post to this file, a JSON object a line, with the rule that dropped it",
    valueName: "file", completion: .file)
  var rejects: String?

  @Option(
    help: "show so many posts as they were and as they came out, drawn by lot", valueName: "count",
    accepting: .atLeast(1))
  var sample: Int?

  @Option(help: "decides which posts are drawn", valueName: "number", defaultText: "0")
  var seed: UInt64?

  @Flag(
    help: "show posts as one text with what is gone and what was added, in colour on a terminal")
  var diff = false

  @Flag(help: "show what the text is like: lengths, alphabets, how posts begin")
  var statistics = false

  /// Whether posts are shown on standard output, where the text then cannot go.
  var showsPosts: Bool { explain != nil || sample != nil }

  /// What the run is asked for.
  var request: InspectionRequest {
    var request = InspectionRequest()
    request.explained = explain
    request.sampleCount = sample ?? 0
    request.seed = seed ?? 0
    return request
  }

  /// Shows what was asked for of single posts.
  ///
  /// - Throws: `InputError` if the post to be explained is not there.
  func show(_ result: CleaningRun.Result, input path: String) throws {
    if let explain {
      guard let explanation = result.explanation else {
        throw InputError(path, "there is no post with the id \(explain)")
      }
      show(explanation)
    }
    for pair in result.samples { show(pair) }
  }

  private func show(_ explanation: Explanation) {
    print("post \(explanation.id), line \(explanation.line):")
    printIndented(explanation.text)
    var text = explanation.text
    for step in explanation.steps {
      switch step.outcome {
      case .unchanged: print("\(step.rule): nothing to do")
      case .dropped:
        let other = step.keptInstead.map { "; post \($0) is kept instead" } ?? ""
        print(Self.bold("\(step.rule): dropped\(other)"))
      case .changed:
        print(Self.bold("\(step.rule): changed"))
        if diff { printIndented(difference(text, step.text)) } else { printIndented(step.text) }
      }
      text = step.text
    }
    if let last = explanation.steps.last, last.outcome == .dropped {
      print("not written")
    } else {
      print("written")
    }
  }

  private func show(_ pair: CleanedPair) {
    print(Self.bold("post \(pair.id)"))
    if diff {
      printIndented(difference(pair.before, pair.after))
    } else {
      printIndented(pair.before)
      print("→")
      printIndented(pair.after)
    }
  }

  private func difference(_ before: String, _ after: String) -> String {
    WordDiff(before, after).text(hasColor: Terminal.hasOutputColor)
  }

  private static func bold(_ text: String) -> String {
    Terminal.hasOutputColor ? "\u{1B}[1m\(text)\u{1B}[0m" : text
  }

  private func printIndented(_ text: String) {
    for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
      print("    " + line)
    }
  }
}
