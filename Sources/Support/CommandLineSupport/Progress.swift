import Glibc
import TextSupport

/// The progress of long work: a bar on a terminal, or an occasional line in a pipe.
public final class Progress {
  /// What is counted, and how a count is displayed.
  public enum Unit: Sendable {
    case bytes
    case items(String)

    /// `done` and `total`: `1.2 MB of 4.0 MB`, `95 of 100 steps`.
    func text(_ done: Double, of total: Double) -> String {
      switch self {
      case .bytes: "\(text(done)) of \(text(total))"
      case .items: "\(NumberText.count(done)) of \(text(total))"
      }
    }

    func text(_ count: Double) -> String {
      switch self {
      case .bytes: NumberText.bytes(count)
      case .items(let name): "\(NumberText.count(count)) \(name)"
      }
    }
  }

  private let label: String
  /// How much there is to do, if it is known.
  public var total: Int?
  private let unit: Unit
  private let start = ContinuousClock.now
  /// How much was done before this run; it does not count toward the rate.
  private let initial: Int
  /// Whether the total is only an estimate.
  private let isApproximate: Bool
  private var lastShown = ContinuousClock.now
  private let interval: Duration

  /// Starts the progress of `label`, out of `total` if it is known.
  ///
  /// If it `isApproximate`, the total is only an estimate: `1,200 / ≈ 32,000 posts`.
  public init(
    _ label: String, total: Int?, unit: Unit, initial: Int = 0, isApproximate: Bool = false
  ) {
    self.label = label
    self.total = total
    self.isApproximate = isApproximate
    self.unit = unit
    self.initial = initial
    interval = Terminal.isInteractive ? .milliseconds(100) : .seconds(10)
  }

  deinit {
    Self.hide()
  }

  /// Reports that `done` out of the total is done; `detail` is shown after it.
  ///
  /// It is cheap enough to call often: nothing is shown until some time has passed.
  ///
  /// - Throws: ``Interruption`` if a signal has arrived.
  public func update(_ done: Int, detail: @autoclosure () -> String = "") throws {
    try Interruption.check()
    let now = ContinuousClock.now
    let elapsed = (now - start) / .seconds(1)
    // A line in a file stays, so those of long work become fewer: every 10 seconds at
    // first, every 10 minutes after some hours.
    let isLine = !Terminal.isInteractive
    let wait = isLine ? max(interval, .seconds(min(elapsed / 10, 600))) : interval
    guard now - lastShown >= wait else { return }
    lastShown = now
    var text = text(done, elapsed: elapsed, detail: detail())
    if isLine, elapsed >= 3600 { text += ", at \(ClockTime.now)" }
    if Terminal.isInteractive {
      Log.setProgressLine(String(text.prefix(Terminal.width(of: STDERR_FILENO) - 1)))
    } else {
      Log.info(text)
    }
  }

  /// Removes the bar from the terminal until the next ``update(_:detail:)`` to make room for
  /// output.
  public static func hide() {
    if Terminal.isInteractive { Log.setProgressLine("") }
  }

  package func text(
    _ done: Int, elapsed: Double, detail: String, isInteractive: Bool = Terminal.isInteractive
  ) -> String {
    let rate = elapsed > 0 ? Double(done - initial) / elapsed : 0
    var parts: [String] = []
    if let total, total > 0 {
      let fraction = min(1, Double(done) / Double(total))
      // What matters must fit into 80 columns: the fraction, the time left and the detail.
      let filled = Int(fraction * 10)
      let marks = String(repeating: "█", count: filled) + String(repeating: "·", count: 10 - filled)
      let bar = isInteractive ? "[\(marks)] " : ""
      if isApproximate {
        parts.append(bar + "\(NumberText.count(Double(done))) / ≈ \(unit.text(Double(total)))")
      } else {
        // 29 of 100 is 29 %, although 0.29 · 100 is slightly less than 29.
        parts.append(bar + "\(Int(fraction * 100 + 1e-9))%")
        parts.append(unit.text(Double(done), of: Double(total)))
      }
    } else {
      parts.append(unit.text(Double(done)))
    }
    if rate > 0, let total, done < total {
      parts.append("\(NumberText.duration(Double(total - done) / rate)) left")
    }
    if !detail.isEmpty { parts.append(detail) }
    if rate > 0 { parts.append("\(unit.text(rate))/s") }
    return "\(label) " + parts.joined(separator: ", ")
  }
}
