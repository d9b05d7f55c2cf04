import CommandLineSupport
import FileSupport
import JSONSupport
import TextSupport

/// Tells how probable the lines of a file are to the model.
public struct Scoring {
  let path: String
  let isJSON: Bool
  let isQuiet: Bool
  /// Where the scores go; standard output if it is `nil`.
  let output: OutputFile?

  /// Lines that go through the model together.
  private static let block = 256

  public init(path: String, isJSON: Bool, isQuiet: Bool, output: OutputFile?) {
    self.path = path
    self.isJSON = isJSON
    self.isQuiet = isQuiet
    self.output = output
  }

  public func run(_ scorer: LineScorer) throws {
    var scorer = scorer
    let file = try output ?? OutputFile(path: "-")
    var lines = try LineReader(path: path, as: .cleanedText)
    let progress = isQuiet ? nil : Progress("scoring", total: nil, unit: .items("lines"))
    var (count, sum) = (0, LineScorer.Score())
    var table = TextTable(
      ["line", "tokens", "log-probability", "perplexity", "text"], rightAligned: [0, 1, 2, 3])
    while true {
      let block = try nextBlock(&lines)
      if block.isEmpty { break }
      for (line, score) in zip(block, try scorer.scores(of: block.map(\.text))) {
        count += 1
        sum += score
        warn(of: score, line: line.number)
        if isJSON {
          try file.write(
            JSONValue.object([.init("line", .integer(line.number))] + members(score)).text() + "\n")
        } else {
          table.rows.append(row("\(line.number)", score, String(line.text.prefix(60))))
        }
      }
      try progress?.update(count)
    }
    guard count > 0 else { throw InputError(path, "no text; expected a bugurt a line") }
    if isJSON {
      try file.write(
        JSONValue.object([.init("lines", .integer(count))] + members(sum)).text() + "\n")
    } else {
      table.rows.append(row("all", sum, ""))
      let isForEyes = output == nil && Terminal.showsOutput
      try file.write(
        table.text(isAligned: isForEyes, hasColor: isForEyes && Terminal.hasOutputColor))
    }
    if try !file.commit() { Log.info("\(file.path) is unchanged") }
  }

  /// The next lines that are not empty, with their numbers.
  private func nextBlock(_ lines: inout LineReader) throws -> [(number: Int, text: String)] {
    var block: [(Int, String)] = []
    while block.count < Self.block, let text = try lines.nextText() {
      if !text.isEmpty { block.append((lines.lineNumber, text)) }
    }
    return block
  }

  private func warn(of score: LineScorer.Score, line: Int) {
    guard score.tokensCutOff > 0 else { return }
    Log.warning(
      "\(path): line \(line): \(score.tokens + score.tokensCutOff) tokens with its end are more than "
        + "the model's context of \(score.tokens); the rest is not scored")
  }

  private func row(_ name: String, _ score: LineScorer.Score, _ text: String) -> [String] {
    [
      name, "\(score.tokens)", NumberText.decimal(score.meanLogProbability, digits: 4),
      NumberText.decimal(score.perplexity, digits: 2), printable(text.replacing("\t", with: " ")),
    ]
  }

  private func members(_ score: LineScorer.Score) -> [JSONValue.Member] {
    [
      .init("tokens", .integer(score.tokens)),
      .init("tokens_cut_off", .integer(score.tokensCutOff)),
      .init("log_probability", .number(score.logProbability)),
      .init("mean_log_probability", .number(score.meanLogProbability)),
      .init("perplexity", .number(score.perplexity)),
    ]
  }
}
