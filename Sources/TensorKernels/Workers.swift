import CKernels
import Foundation
import Synchronization

/// Threads that share the pieces of a loop.
///
/// A thread without work spins for a moment, because the next loop of a training step comes soon,
/// and then sleeps. The caller's thread works too.
public final class Workers: Sendable {
  /// How many threads share the work, the caller's among them.
  public let count: Int
  private let shared: Shared
  /// Memory of ``panelMemory``, which costs nothing before it is used.
  let panelFloats: FloatArena
  /// What the products of bfloat16 of each thread keep; each is of that thread alone.
  nonisolated(unsafe) let bfloat16Products: [BFloat16ProductCache]

  /// Starts `count - 1` threads beside the caller's.
  public init(count: Int) {
    precondition(count > 0)
    prepareBLAS()
    self.count = count
    shared = Shared()
    panelFloats = FloatArena(count: count * PanelMemory.count)
    bfloat16Products = (0..<count).map { _ in BFloat16ProductCache() }
    for index in 1..<count {
      shared.start(worker: index)
    }
  }

  deinit {
    shared.finish()
  }

  /// As many threads as the process may use processors.
  public static var processorCount: Int {
    ProcessInfo.processInfo.activeProcessorCount
  }

  /// Calls `body` once for each of `pieces` pieces and returns when all are done.
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
      shared.run(pieces, body, helpers: count - 1)
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

/// What the threads share: the loop that is being run, and how far it is.
private final class Shared: @unchecked Sendable {
  /// Counts the loops; a thread that sees it change takes part in the loop.
  private let generation = Atomic<Int>(0)
  private let nextPiece = Atomic<Int>(0)
  /// Threads that have not yet left the loop.
  private let busy = Atomic<Int>(0)
  private let isFinished = Atomic<Bool>(false)
  private var mutex = pthread_mutex_t()
  private var condition = pthread_cond_t()
  private var pieces = 0
  private var body: ((Int, Int) -> Void)?

  /// About 50 µs: longer than the gap between two kernels, shorter than what a user would notice.
  private static let spins = 4000

  init() {
    pthread_mutex_init(&mutex, nil)
    pthread_cond_init(&condition, nil)
  }

  deinit {
    pthread_mutex_destroy(&mutex)
    pthread_cond_destroy(&condition)
  }

  func start(worker: Int) {
    let argument = Unmanaged.passRetained(ThreadArgument(shared: self, worker: worker))
    var thread = pthread_t()
    let status = pthread_create(
      &thread, nil,
      { pointer in
        guard let pointer else { return nil }
        let argument = Unmanaged<ThreadArgument>.fromOpaque(pointer).takeRetainedValue()
        argument.shared.work(as: argument.worker)
        return nil
      }, argument.toOpaque())
    precondition(status == 0, "the system gave no thread")
    pthread_detach(thread)
  }

  func run(_ pieces: Int, _ body: @escaping (Int, Int) -> Void, helpers: Int) {
    precondition(self.body == nil, "a loop within a loop")
    self.pieces = pieces
    self.body = body
    nextPiece.store(0, ordering: .relaxed)
    busy.store(helpers, ordering: .relaxed)
    advance()
    takePieces(as: 0)
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
    pthread_mutex_lock(&mutex)
    generation.wrappingAdd(1, ordering: .releasing)
    pthread_cond_broadcast(&condition)
    pthread_mutex_unlock(&mutex)
  }

  private func work(as worker: Int) {
    var seen = 0
    while true {
      waitForGeneration(after: seen)
      if isFinished.load(ordering: .relaxed) { return }
      seen += 1
      takePieces(as: worker)
      busy.wrappingSubtract(1, ordering: .acquiringAndReleasing)
    }
  }

  private func waitForGeneration(after seen: Int) {
    for _ in 0..<Self.spins {
      if generation.load(ordering: .acquiring) != seen { return }
      ckernels_spin_pause()
    }
    pthread_mutex_lock(&mutex)
    while generation.load(ordering: .acquiring) == seen { pthread_cond_wait(&condition, &mutex) }
    pthread_mutex_unlock(&mutex)
  }

  private func takePieces(as worker: Int) {
    guard let body else { return }
    while true {
      let piece = nextPiece.wrappingAdd(1, ordering: .relaxed).oldValue
      guard piece < pieces else { return }
      body(piece, worker)
    }
  }
}

private final class ThreadArgument {
  let shared: Shared
  let worker: Int

  init(shared: Shared, worker: Int) {
    self.shared = shared
    self.worker = worker
  }
}
