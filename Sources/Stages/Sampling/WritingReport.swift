import CommandLineSupport
import TextGeneration
import TextSupport

/// Reports the progress of writing texts, and the outcome.
public final class WritingReport {
  private let writer: BugurtWriter
  private let isQuiet: Bool
  private let total: Int
  private var progress: Progress?
  private let start = ContinuousClock.now

  /// A report on `total` texts.
  public init(_ writer: BugurtWriter, total: Int, isQuiet: Bool) {
    self.writer = writer
    self.isQuiet = isQuiet
    self.total = total
    if !isQuiet, total > 1 { progress = Progress("writing", total: total, unit: .items("texts")) }
  }

  /// Reports that `count` texts have been output.
  public func update(_ count: Int) throws {
    // If every text is output, those waiting for their turn are also done.
    try progress?.update(
      writer.returnsEveryText ? writer.generator.finishedTexts : count,
      detail: "\(NumberText.count(writer.generator.writtenTokens)) tokens")
  }

  /// Reports how many texts were kept after an interruption, in the file `output` or on standard
  /// output.
  public func breakOff(_ count: Int, output: String?) {
    progress = nil
    let texts = "\(NumberText.count(count)) of \(NumberText.count(total)) texts"
    guard let output else { return Log.info("wrote \(texts)") }
    Log.info(
      count > 0
        ? "wrote \(texts) to \(output)" : "no text was finished; \(output) is not written")
  }

  /// Reports the result, unless it is a single text that took hardly any time.
  public func finish(_ count: Int) {
    progress = nil
    let seconds = (ContinuousClock.now - start) / .seconds(1)
    if !isQuiet { for line in summary(count, seconds: seconds) { Log.info(line) } }
  }

  package func summary(_ count: Int, seconds: Double) -> [String] {
    var lines: [String] = []
    let dropped = writer.dropped.values.reduce(0, +)
    if dropped > 0 {
      lines.append(
        "--filter dropped \(NumberText.count(dropped)) of \(NumberText.count(dropped + count)) "
          + "bugurts: \(BugurtFilter.report(writer.dropped))")
    }
    guard total > 1 || seconds > 5 else { return lines }
    let (texts, tokens) = (writer.generator.finishedTexts, writer.generator.writtenTokens)
    let candidates = texts > count ? " out of \(NumberText.count(texts)) candidates" : ""
    lines.append(
      "wrote \(NumberText.count(count)) text\(total == 1 ? "" : "s")\(candidates), "
        + "\(NumberText.count(tokens)) tokens in \(NumberText.decimal(seconds, digits: 1)) s "
        + "(\(NumberText.count(Double(tokens) / max(seconds, 1e-9))) tokens/s)")
    return lines
  }
}
