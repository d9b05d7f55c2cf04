import CommandLineSupport
import FileSupport
import JSONSupport
import TextSupport

/// Reports how probable the lines of a file are to a model: as a table, or as one JSON object per
/// line.
public enum ScoreReport {
  /// How many lines are put through the model together.
  private static let block = 256

  /// Scores the lines of the file at `path`, or of standard input for `-`, and writes the report to
  /// `output`, or to standard output.
  ///
  /// - Throws: `InputError` if there is no text; ``SamplingError``; `FileError`; `Interruption`.
  public static func write(
    of path: String, _ scorer: LineScorer, isJSON: Bool, isQuiet: Bool, to output: OutputFile?
  ) throws {
    var scorer = scorer
    let file = try output ?? OutputFile(path: "-")
    var lines = try LineReader(path: path, as: .cleanedText)
    let progress = isQuiet ? nil : Progress("scoring", total: nil, unit: .items("lines"))
    var (count, sum) = (0, LineScorer.Score())
    var table = TextTable(
      ["line", "tokens", "log-probability", "perplexity", "bits per byte", "text"],
      rightAligned: [0, 1, 2, 3, 4])
    func add(
      _ key: String, _ number: Int, _ score: LineScorer.Score, _ name: String, _ text: String
    )
      throws
    {
      if isJSON {
        try file.write(score.json(key, number).text() + "\n")
      } else {
        table.rows.append([name] + score.columns + [printable(text.replacing("\t", with: " "))])
      }
    }
    while let block = try nextBlock(&lines) {
      for (line, score) in zip(block, try scorer.scores(of: block.map(\.text))) {
        count += 1
        sum += score
        if score.tokensCutOff > 0 {
          Log.warning(
            "\(path): line \(line.number): \(score.tokens + score.tokensCutOff) tokens, including its "
              + "end, are more than the model's context of \(score.tokens); the rest is not scored")
        }
        try add("line", line.number, score, "\(line.number)", String(line.text.prefix(60)))
      }
      try progress?.update(count)
    }
    guard count > 0 else { throw InputError(path, "no text; expected one bugurt per line") }
    try add("lines", count, sum, "all", "")
    if !isJSON {
      let isForPeople = output == nil && Terminal.showsOutput
      try file.write(
        table.text(isAligned: isForPeople, hasColor: isForPeople && Terminal.hasOutputColor))
    }
    if try !file.commit() { Log.info("\(file.path) is unchanged") }
  }

  /// The next lines that are not empty, with their numbers; `nil` at the end.
  private static func nextBlock(_ lines: inout LineReader) throws -> [(number: Int, text: String)]?
  {
    var block: [(Int, String)] = []
    while block.count < Self.block, let text = try lines.nextText() {
      if !text.isEmpty { block.append((lines.lineNumber, text)) }
    }
    return block.isEmpty ? nil : block
  }
}

extension LineScorer.Score {
  fileprivate var columns: [String] {
    [
      "\(tokens)", NumberText.decimal(meanLogProbability, digits: 4),
      NumberText.decimal(perplexity, digits: 2),
      bitsPerByte.map { NumberText.decimal($0, digits: 3) } ?? "",
    ]
  }

  fileprivate func json(_ key: String, _ number: Int) -> JSONValue {
    .object([
      .init(key, .integer(number)), .init("tokens", .integer(tokens)),
      .init("tokens_cut_off", .integer(tokensCutOff)),
      .init("log_probability", .number(logProbability)),
      .init("mean_log_probability", .number(meanLogProbability)),
      .init("perplexity", .number(perplexity)),
      .init("bits_per_byte", bitsPerByte.map { .number($0) } ?? .null),
    ])
  }
}
