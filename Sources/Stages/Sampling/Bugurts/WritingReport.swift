import CommandLineSupport
import TextSupport

/// Tells how the writing goes, and at the end what came of it.
public final class WritingReport {
  private let writer: BugurtWriter
  private let isQuiet: Bool
  private let total: Int
  private var progress: Progress?
  private let start = ContinuousClock.now

  /// A report of `total` texts.
  public init(_ writer: BugurtWriter, total: Int, isQuiet: Bool) {
    self.writer = writer
    self.isQuiet = isQuiet
    self.total = total
    if !isQuiet, total > 1 {
      progress = Progress("writing", total: total, unit: .items("texts"))
    }
  }

  /// Tells that `count` texts were given out.
  public func update(_ count: Int) throws {
    // Where all are taken, those that wait for their turn are done too.
    let finished = writer.generator.statistics.texts
    let tokens = writer.generator.statistics.tokens
    try progress?.update(
      writer.takesAll ? finished : count, detail: "\(NumberText.count(Double(tokens))) tokens")
  }

  /// Tells how many of the texts an interruption left, in the file `output` or on standard output.
  public func breakOff(_ count: Int, output: String?) {
    progress = nil
    let texts =
      "\(NumberText.count(Double(count))) of \(NumberText.count(Double(total))) texts"
    guard let output else { return Log.info("wrote \(texts)") }
    Log.info(
      count > 0
        ? "wrote \(texts) to \(output)" : "no text was finished; \(output) is not written")
  }

  /// Tells what came of it, unless it is a single text that was there at once.
  public func finish(_ count: Int) {
    progress = nil
    guard !isQuiet else { return }
    let dropped = writer.dropped.values.reduce(0, +)
    if dropped > 0 {
      Log.info(
        "--filter dropped \(NumberText.count(Double(dropped))) of "
          + "\(NumberText.count(Double(dropped + count))) bugurts: "
          + BugurtFilter.report(writer.dropped))
    }
    let seconds = (ContinuousClock.now - start) / .seconds(1)
    guard total > 1 || seconds > 5 else { return }
    let statistics = writer.generator.statistics
    let tokens = Double(statistics.tokens)
    let candidates = NumberText.count(Double(statistics.texts))
    let chosen = statistics.texts > count ? " out of \(candidates) candidates" : ""
    Log.info(
      "wrote \(NumberText.count(Double(count))) text\(total == 1 ? "" : "s")\(chosen), "
        + "\(NumberText.count(tokens)) tokens in \(NumberText.decimal(seconds, digits: 1)) s "
        + "(\(NumberText.count(tokens / max(seconds, 1e-9))) tokens/s)")
  }
}
