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
  /// Where the final floats begin, in descending order, as far as nobody has begun to sum them.
  private let starts = Monitor<[Int]>([])
  /// Where the floats begin that are summed.
  private var end: Int
  private var thread: HelperThread?

  /// Begins the sum of `floats`, of which none is final; every process contributes to it.
  public init(_ communicator: Communicator, _ floats: UnsafeMutableBufferPointer<Float>) {
    (self.communicator, self.floats, end) = (communicator, floats, floats.count)
    // Without a thread everything is summed at the end, in the same pieces.
    thread = HelperThread.start { [self] in sumAll() }
  }

  /// The floats from `start` on are final.
  public func extend(to start: Int) {
    starts.locked { $0.append(start) }
    starts.signalAll()
  }

  /// All floats are final; returns when they are summed.
  public func finish() {
    extend(to: 0)
    if let thread { thread.join() } else { sumAll() }
  }

  private func sumAll() {
    while end > 0 {
      let start = starts.wait { $0.isEmpty ? nil : $0.removeFirst() }
      communicator.sum(
        UnsafeMutableBufferPointer(rebasing: floats[start..<end]), contributors: communicator.size)
      end = start
    }
  }
}
