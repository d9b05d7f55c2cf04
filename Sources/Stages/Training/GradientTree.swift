import TensorKernels

/// Adds up the gradients of the batches of a step in an order that depends only on their number:
/// neighbours first, then neighbouring pairs, and so on.
///
/// `Communicator.sum` continues in the same order over processes. So if each process computes a power
/// of two of batches, the sum has the same bits for any number of processes. The price is an addition
/// for each batch, and memory for one set of gradients each time the number of batches doubles.
final class GradientTree {
  private let threadPool: ThreadPool
  /// Sums of 1, 2, 4, … batches that wait for their neighbours.
  private var waiting: [FloatArena] = []

  init(_ threadPool: ThreadPool) { self.threadPool = threadPool }

  /// Takes the gradients of batch `index` of a step; of the last one, they become the sum of all.
  func add(_ gradients: FloatArena, index: Int, isLast: Bool) {
    // As in binary addition: the bits of the index say which sums are waiting.
    let level = (~index).trailingZeroBitCount
    for waiting in waiting.prefix(level) { threadPool.add(waiting.floats, to: gradients.floats) }
    if isLast {
      for (bit, waiting) in waiting.enumerated().dropFirst(level) where index >> bit & 1 == 1 {
        threadPool.add(waiting.floats, to: gradients.floats)
      }
    } else {
      while waiting.count <= level { waiting.append(FloatArena(count: gradients.count)) }
      threadPool.copy(gradients.floats, to: waiting[level].floats)
    }
  }
}
