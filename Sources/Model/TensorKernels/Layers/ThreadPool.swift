import CKernels
import FileSupport
import Glibc
import Synchronization
import Threading

/// Threads that share the pieces of a loop.
///
/// A thread without work spins for a moment, because the next loop of a training step comes soon,
/// and then sleeps. The caller's thread works too.
///
/// Signals are left to the caller's thread. That matters for more than the wait for input: kernels of
/// oneDNN keep data where the stack pointer is, so that a handler on that "stack" would overwrite the
/// heap.
public final class ThreadPool: Sendable {
  /// How many threads share the work, the caller's among them.
  public let count: Int
  private let shared: Shared
  /// Memory of ``panelMemory``, which costs nothing before it is used.
  let panelFloats: FloatArena
  /// What the products of bfloat16 of each thread keep; each is of that thread alone.
  nonisolated(unsafe) let bfloat16Products: [BFloat16ProductCache]

  /// Starts `requested - 1` threads beside the caller's, or as many as the system allows.
  public init(count requested: Int) {
    precondition(requested > 0)
    prepareBLAS()
    shared = Shared(workers: reserveBLASMemory(threads: requested))
    shared.start()
    let count = shared.count
    self.count = count
    panelFloats = FloatArena(count: count * PanelMemory.count)
    bfloat16Products = (0..<count).map { _ in BFloat16ProductCache() }
  }

  deinit {
    shared.finish()
  }

  /// Calls `body` once for each of `pieces` pieces and returns when all are done.
  ///
  /// Each thread begins with a share of its own, pieces that follow one another, and then takes
  /// what is left of the others'.
  ///
  /// Which thread does which piece is open; what a piece computes must not depend on it. `worker`
  /// is below ``count`` and no two calls at the same time have the same, so that each may have
  /// scratch memory of its own. One loop runs at a time: must not be called from within `body`.
  public func run(_ pieces: Int, _ body: (_ piece: Int, _ worker: Int) -> Void) {
    guard pieces > 1, count > 1 else {
      for piece in 0..<pieces { body(piece, 0) }
      return
    }
    withoutActuallyEscaping(body) { body in
      shared.run(pieces, body)
    }
  }

  /// Splits `0..<total` into ranges of at least `minimum`, at most `maximumPieces` of them, and
  /// calls `body` for each, in parallel.
  ///
  /// The ranges depend on the arguments alone, not on the number of threads.
  public func split(
    _ total: Int, minimum: Int, maximumPieces: Int = 16,
    _ body: (_ range: Range<Int>, _ piece: Int) -> Void
  ) {
    let pieces = max(1, min(maximumPieces, total / max(1, minimum)))
    run(pieces) { piece, _ in
      body(total * piece / pieces..<total * (piece + 1) / pieces, piece)
    }
  }
}

extension ThreadPool {
  /// Names the memory that will be read after the next loop.
  ///
  /// From that loop on a thread without work reads its share of it, so that it comes nearer: where
  /// the speed of memory decides, it is never idle. The memory must stay until
  /// ``stopReadingAhead()``.
  func readAhead(_ memory: UnsafeRawBufferPointer) {
    shared.ahead = ReadAhead(memory: memory, number: shared.ahead.number + 1)
  }

  /// Returns when no thread reads ahead any more; like a loop, not to be called within or beside one.
  public func stopReadingAhead() {
    shared.ahead = ReadAhead(memory: ReadAhead.none.memory, number: shared.ahead.number + 1)
    // A loop calls them all away from what they read.
    run(count) { _, _ in }
  }
}

/// What the threads share: the loop that is being run, and how far it is.
///
/// Unchecked, because the threads see the variables that are not atomic without a lock: the caller's
/// thread sets them while the others wait for ``generation``, which it then advances.
private final class Shared: @unchecked Sendable {
  /// Counts the loops; a thread that sees it change takes part in the loop.
  private let generation = Atomic<Int>(0)
  /// Threads that have not yet left the loop.
  private let busy = Atomic<Int>(0)
  private let isFinished = Atomic<Bool>(false)
  private let monitor = Monitor()
  /// How many threads there are, the caller's among them.
  private(set) var count: Int
  /// The pieces of each thread: not objects, whose references all threads would count.
  private let shares: UnsafeMutableBufferPointer<Share>
  private var body: ((Int, Int) -> Void)?
  /// What is read when a loop is done; set between loops, seen by the threads within one.
  var ahead = ReadAhead.none
  /// What the thread of the caller reads of it.
  private var reading = ReadAheadShare()

  /// About 50 µs: longer than the gap between two kernels, shorter than what a user would notice.
  private static let spins = 4000

  /// Some pieces of a loop, taken one after another; in a line of memory of its own.
  private struct Share: ~Copyable {
    private let next = Atomic<Int>(0)
    private let end = Atomic<Int>(0)
    private let padding: (SIMD8<Int>, SIMD4<Int>, SIMD2<Int>) = (.zero, .zero, .zero)

    func begin(_ pieces: Range<Int>) {
      next.store(pieces.lowerBound, ordering: .relaxed)
      end.store(pieces.upperBound, ordering: .relaxed)
    }

    func take() -> Int? {
      let end = end.load(ordering: .relaxed)
      guard next.load(ordering: .relaxed) < end else { return nil }
      let piece = next.wrappingAdd(1, ordering: .relaxed).oldValue
      return piece < end ? piece : nil
    }
  }

  init(workers: Int) {
    count = workers
    shares = .allocate(capacity: workers)
    for worker in 0..<workers { shares.initializeElement(at: worker, to: Share()) }
  }

  deinit {
    shares.deinitialize().deallocate()
  }

  /// Starts the other threads; there are fewer if the system refuses one.
  func start() {
    for worker in 1..<max(1, count) {
      guard let thread = HelperThread.start({ [self] in work(as: worker) }) else {
        count = worker
        break
      }
      thread.detach()
    }
  }

  func run(_ pieces: Int, _ body: @escaping (Int, Int) -> Void) {
    precondition(self.body == nil, "a loop within a loop")
    for worker in 0..<count {
      shares[worker].begin(pieces * worker / count..<pieces * (worker + 1) / count)
    }
    self.body = body
    busy.store(count - 1, ordering: .relaxed)
    advance()
    takePieces(as: 0)
    reading.follow(ahead, worker: 0, of: count)
    while busy.load(ordering: .acquiring) > 0, reading.read() {}
    var waited = 0
    while busy.load(ordering: .acquiring) > 0 {
      waited += 1
      // With more threads than processors the last helper may need this one.
      if waited < Self.spins { ckernels_spin_pause() } else { sched_yield() }
    }
    self.body = nil
  }

  func finish() {
    isFinished.store(true, ordering: .relaxed)
    advance()
  }

  private func advance() {
    monitor.locked {
      generation.wrappingAdd(1, ordering: .releasing)
      monitor.signalAll()
    }
  }

  private func work(as worker: Int) {
    var seen = 0
    var reading = ReadAheadShare()
    while true {
      waitForGeneration(after: seen)
      if isFinished.load(ordering: .relaxed) { return }
      seen += 1
      takePieces(as: worker)
      reading.follow(ahead, worker: worker, of: count)
      busy.wrappingSubtract(1, ordering: .acquiringAndReleasing)
      while generation.load(ordering: .relaxed) == seen, reading.read() {}
    }
  }

  private func waitForGeneration(after seen: Int) {
    for _ in 0..<Self.spins {
      if generation.load(ordering: .acquiring) != seen { return }
      ckernels_spin_pause()
    }
    monitor.locked {
      while generation.load(ordering: .acquiring) == seen { monitor.wait() }
    }
  }

  private func takePieces(as worker: Int) {
    guard let body else { return }
    for offset in 0..<count {
      let owner = (worker + offset) % count
      while let piece = shares[owner].take() { body(piece, worker) }
    }
  }
}
