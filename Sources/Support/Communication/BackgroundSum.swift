import Threading

/// A sum over all processes of floats that are still being computed, from the last to the first: a thread
/// of its own sums those that are final while the rest is computed.
///
/// It has the bits of `Communicator.sum`. Until ``finish()`` has returned, the communicator belongs to
/// that thread.
///
/// Unchecked `Sendable`, because the communicator and the floats are pointers and classes that are not:
/// the thread uses the communicator alone until it has ended, and touches only floats that are final.
public final class BackgroundSum: @unchecked Sendable {
  private let communicator: Communicator
  private let floats: UnsafeMutableBufferPointer<Float>
  private let division: Division
  private let gathers: Bool
  /// Where the final floats begin.
  private let start: Monitor<Int>
  private var thread: HelperThread?

  /// Begins the sum of `floats`, of which none is final; every process contributes to it.
  ///
  /// With a `division`, only the parts become sums that it gives this process.
  public init(
    _ communicator: Communicator, _ floats: UnsafeMutableBufferPointer<Float>,
    partsOf division: Division? = nil
  ) {
    (self.communicator, self.floats) = (communicator, floats)
    self.division = division ?? Division(count: floats.count, among: communicator.size)
    gathers = division == nil
    start = Monitor(floats.count)
    // Without a thread everything is summed at the end.
    thread = HelperThread.start { [self] in sumAll() }
  }

  /// The floats from `start` on are final.
  public func extend(to start: Int) {
    self.start.locked { $0 = min($0, start) }
    self.start.signalAll()
  }

  /// All floats are final; returns when they are summed.
  public func finish() {
    extend(to: 0)
    if let thread { thread.join() } else { sumAll() }
  }

  private func sumAll() {
    for bucket in division.buckets.reversed() {
      start.wait { $0 <= bucket.lowerBound ? () : nil }
      communicator.sumParts(of: floats, bucket, division, contributors: communicator.size)
      guard gathers else { continue }
      communicator.gatherParts(
        of: floats, bucket, division, inBFloat16: communicator.sumsInBFloat16)
    }
  }
}
