/// Decides when the calling thread of a ``ThreadPool`` works alone.
///
/// Beside a busy process, threads may cost more than they bring: the process takes a processor from
/// one of them within a piece of a loop, and the others wait for milliseconds, or the system puts two
/// threads on the same processor, where they take turns. So what they bring is measured. While all
/// threads together do hardly more than the calling one would alone, it works alone: for a moment,
/// and for four times as long whenever another attempt fails.
package struct ContentionDetector: Sendable {
  /// When the calling thread has worked alone for long enough.
  private var end: ContinuousClock.Instant?
  /// The loops that were measured since it last began or ceased to work alone.
  private var use = ProcessorUse()
  /// The processors that the calling thread gets alone: less than one beside many busy processes.
  private var processorsAlone = 1.0
  private var factor = 1

  /// What decides: two turns of the system's scheduler.
  private static let window = Duration.milliseconds(8)
  /// Less is not worth another thread: two that wait for memory do less in the same time.
  private static let smallestGain = 1.2
  /// How many windows the calling thread works alone at most: half a second.
  private static let largestFactor = 64

  package init() {}

  /// Whether the calling thread should work alone.
  package var isAlone: Bool { end != nil }

  /// Takes a loop into account that has just ended.
  package mutating func measured(_ loop: ProcessorUse, at now: ContinuousClock.Instant) {
    use.add(loop)
    if let end {
      guard now >= end else { return }
      (processorsAlone, self.end) = (use.processors, nil)
    } else {
      guard use.elapsed >= Self.window else { return }
      if use.processors < Self.smallestGain * processorsAlone {
        end = now + Self.window * factor
        factor = min(4 * factor, Self.largestFactor)
      } else {
        factor = 1
        // Beside fewer processes it would get more by now.
        processorsAlone += (1 - processorsAlone) / 64
      }
    }
    use = ProcessorUse()
  }
}

/// How long something took, and how much time of processors was spent on it.
package struct ProcessorUse: Sendable {
  private(set) var elapsed: Duration
  private var processorTime: Duration

  package init(elapsed: Duration = .zero, processorTime: Duration = .zero) {
    (self.elapsed, self.processorTime) = (elapsed, processorTime)
  }

  /// The processors that were used, on average.
  var processors: Double { processorTime / elapsed }

  mutating func add(_ other: ProcessorUse) {
    elapsed += other.elapsed
    processorTime += other.processorTime
  }
}
