import CKernels
import FileSupport
import Glibc
import Synchronization
import Threading

/// Threads that share the work of a loop.
///
/// A thread without work spins for a moment, because the next loop of a training step comes soon,
/// and then sleeps. The calling thread works too, and alone for a while if the others are kept from
/// their processors (``ContentionDetector``).
///
/// Only the calling thread handles signals.
public final class ThreadPool: Sendable {
  /// The number of threads that share the work, including the calling one.
  public let count: Int
  private let shared: Shared
  /// The memory of ``panelMemory``, which takes no space until it is used.
  let panelFloats: FloatArena
  /// The operands of ``multiplyPacked(_:_:bias:accumulating:finishing:)``.
  let packed: Arena<UInt32>

  /// Starts `requested - 1` threads besides the calling one, or as many as the system allows.
  public init(count requested: Int) {
    precondition(requested > 0)
    prepareBLAS()
    shared = Shared(threads: reserveBLASMemory(threads: requested))
    shared.start()
    let count = shared.count
    self.count = count
    panelFloats = FloatArena(count: count * PanelMemory.count)
    packed = Self.packingMemory(threads: count)
  }

  deinit {
    shared.finish()
  }

  /// Calls `body` once for each of `pieces` pieces and returns when all calls have.
  ///
  /// Each thread starts with its own portion of consecutive pieces, and then takes what remains of
  /// the others'.
  ///
  /// Any thread may run any piece; the result of a piece must not depend on the thread. `thread` is
  /// below ``count``, and no two concurrent calls have the same `thread`, so each may have its own
  /// scratch memory. Only one loop runs at a time: do not call this from within `body`.
  public func run(_ pieces: Int, _ body: @Sendable (_ piece: Int, _ thread: Int) -> Void) {
    guard pieces > 1, count > 1 else {
      for piece in 0..<pieces { body(piece, 0) }
      return
    }
    withoutActuallyEscaping(body) { shared.run(pieces, $0) }
  }

  /// Calls `body` for each of `pieces` pieces like ``run(_:_:)``, and throws the first error.
  ///
  /// After an error, no further pieces are started.
  public func runThrowing<Failure>(
    _ pieces: Int, _ body: @Sendable (_ piece: Int, _ thread: Int) throws(Failure) -> Void
  ) throws(Failure) {
    let failure = Mutex<Failure?>(nil)
    run(pieces) { piece, thread in
      guard failure.withLock({ $0 == nil }) else { return }
      do throws(Failure) {
        try body(piece, thread)
      } catch {
        failure.withLock { $0 = $0 ?? error }
      }
    }
    if let error = failure.withLock({ $0 }) { throw error }
  }

  /// Calls `body` for each block of `length` numbers of `0..<total` like ``runThrowing(_:_:)``; the
  /// last block may be shorter.
  public func forEachBlock<Failure>(
    of total: Int, length: Int,
    _ body: @Sendable (_ block: Range<Int>, _ thread: Int) throws(Failure) -> Void
  ) throws(Failure) {
    try runThrowing(total.dividedRoundingUp(by: length)) { piece, thread throws(Failure) in
      try body(piece * length..<min((piece + 1) * length, total), thread)
    }
  }

  /// Splits `0..<total` into ranges of at least `minimum`, at most `maximumPieces` of them, and
  /// calls `body` for each, in parallel.
  ///
  /// The ranges depend only on the arguments, not on the number of threads.
  public func split(
    _ total: Int, minimum: Int, maximumPieces: Int = 64,
    _ body: @Sendable (_ range: Range<Int>, _ piece: Int) -> Void
  ) {
    let pieces = max(1, min(maximumPieces, total / max(1, minimum)))
    run(pieces) { piece, _ in
      body(total * piece / pieces..<total * (piece + 1) / pieces, piece)
    }
  }
}

extension ThreadPool {
  /// Announces the memory that will be read after the next loop.
  ///
  /// From that loop on, idle threads read their portions of it, which brings it into the caches.
  /// Where memory bandwidth is the bottleneck, memory is then never idle. The memory must stay
  /// valid until ``stopReadingAhead()``.
  func readAhead(_ memory: UnsafeRawBufferPointer) {
    shared.ahead = ReadAhead(memory: memory, index: shared.ahead.index + 1)
  }

  /// Returns when no thread is still reading ahead; like a loop, must not be called during one.
  public func stopReadingAhead() {
    readAhead(ReadAhead.none.memory)
    shared.stopReaders()
  }
}

/// What the threads share: the current loop, and how far it is.
///
/// A loop ends when its pieces are done, whether or not all threads have taken part: one that another
/// process keeps from its processor delays the loop only if that happens within a piece.
///
/// Unchecked `Sendable`, because the threads read the non-atomic variables without a lock: the
/// calling thread sets them only while ``gate`` is closed and no thread is in a loop, and the others
/// read them only in a loop.
private final class Shared: @unchecked Sendable {
  /// Counts the loops; a thread that sees it change tries to join.
  private let generation = Atomic<Int>(0)
  /// Twice the number of threads in the loop besides the calling one, plus 1 while others may join.
  private let gate = Atomic<Int>(0)
  /// The number of threads that read ahead.
  private let readers = Atomic<Int>(0)
  private let isFinished = Atomic<Bool>(false)
  /// Where threads sleep that wait for a loop, and how many do.
  private let loops = Monitor()
  private let sleepers = Atomic<Int>(0)
  /// Where the calling thread sleeps, and whether it does.
  private let ends = Monitor()
  private let isCallerAsleep = Atomic<Bool>(false)
  /// The number of threads, including the calling one.
  private(set) var count: Int
  /// The pieces of each thread; not objects, because all threads would count their references.
  private let portions: UnsafeMutableBufferPointer<Portion>
  private var body: (@Sendable (Int, Int) -> Void)?
  /// What is read after a loop; set between loops, seen by the threads during one.
  var ahead = ReadAhead.none
  /// The calling thread's portion of it.
  private var reading = ReadAheadPortion()
  private var contention = ContentionDetector()
  private var lastMeasurement = ContinuousClock.now
  /// Whether it is measured how long the threads work on the pieces of this loop, and the sum, in
  /// nanoseconds of processor time.
  private var isMeasured = false
  private let workTime = Atomic<Int>(0)

  /// About 50 µs: longer than the gap between two kernels, shorter than a user would notice.
  private static let spins = 4000
  /// Longer than the pieces of most loops differ.
  private static let wakefulness = Duration.milliseconds(1)
  /// Measuring a loop takes half a microsecond.
  private static let measurementInterval = Duration.microseconds(100)

  /// Consecutive pieces of a loop, taken one after another; fills a cache line of its own.
  private struct Portion: ~Copyable {
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

  init(threads: Int) {
    count = threads
    portions = .allocate(capacity: threads)
    for thread in 0..<threads { portions.initializeElement(at: thread, to: Portion()) }
  }

  deinit {
    portions.deinitialize().deallocate()
  }

  /// Starts the other threads; there are fewer if the system refuses to start one.
  func start() {
    for thread in 1..<max(1, count) {
      guard let helper = HelperThread.start({ [self] in work(as: thread) }) else {
        count = thread
        break
      }
      helper.detach()
    }
  }

  func finish() {
    isFinished.store(true, ordering: .relaxed)
    advance()
  }

  // MARK: - The calling thread

  func run(_ pieces: Int, _ body: @escaping @Sendable (Int, Int) -> Void) {
    precondition(self.body == nil, "nested loops are not allowed")
    let start = ContinuousClock.now
    isMeasured = start - lastMeasurement >= Self.measurementInterval
    self.body = body
    if contention.isAlone {
      portions[0].begin(0..<pieces)
      takePieces(as: 0)
    } else {
      runTogether(pieces)
    }
    self.body = nil
    guard isMeasured else { return }
    lastMeasurement = .now
    let worked = Duration.nanoseconds(workTime.exchange(0, ordering: .relaxed))
    contention.measured(
      ProcessorUse(elapsed: lastMeasurement - start, processorTime: worked), at: lastMeasurement)
  }

  private func runTogether(_ pieces: Int) {
    for thread in 0..<count {
      portions[thread].begin(pieces * thread / count..<pieces * (thread + 1) / count)
    }
    gate.store(1, ordering: .releasing)
    advance()
    takePieces(as: 0)
    reading.follow(ahead, thread: 0, of: count)
    gate.wrappingSubtract(1, ordering: .acquiringAndReleasing)
    while isOccupied, reading.read() {}
    for _ in 0..<Self.spins where isOccupied { ckernels_spin_pause() }
    if isOccupied { waitUntilDone() }
  }

  private var isOccupied: Bool { gate.load(ordering: .sequentiallyConsistent) > 0 }

  /// Waits for the threads that still work: awake at first, because it takes long to wake up, and then
  /// asleep, because one of them may need this processor.
  private func waitUntilDone() {
    let start = ContinuousClock.now
    while ContinuousClock.now - start < Self.wakefulness {
      for _ in 0..<16 where isOccupied { sched_yield() }
      if !isOccupied { return }
    }
    isCallerAsleep.store(true, ordering: .sequentiallyConsistent)
    ends.locked { while isOccupied { ends.wait() } }
    isCallerAsleep.store(false, ordering: .relaxed)
  }

  private func advance() {
    generation.wrappingAdd(1, ordering: .sequentiallyConsistent)
    guard sleepers.load(ordering: .sequentiallyConsistent) > 0 else { return }
    loops.locked { loops.signalAll() }
  }

  /// Returns when no thread reads ahead any more what was announced earlier.
  func stopReaders() {
    // A reader looks after each page whether there was a loop. Nobody can join this one.
    advance()
    while readers.load(ordering: .sequentiallyConsistent) > 0 { sched_yield() }
  }

  // MARK: - The other threads

  private func work(as thread: Int) {
    var seen = 0
    var reading = ReadAheadPortion()
    while true {
      seen = waitForGeneration(after: seen)
      if isFinished.load(ordering: .relaxed) { return }
      guard join() else { continue }
      takePieces(as: thread)
      reading.follow(ahead, thread: thread, of: count)
      leave()
      guard !reading.isDone else { continue }
      readers.wrappingAdd(1, ordering: .sequentiallyConsistent)
      while generation.load(ordering: .sequentiallyConsistent) == seen, reading.read() {}
      readers.wrappingSubtract(1, ordering: .releasing)
    }
  }

  /// Joins the loop, unless the calling thread only waits for its end.
  private func join() -> Bool {
    var value = gate.load(ordering: .relaxed)
    while value & 1 == 1 {
      let (joined, current) = gate.weakCompareExchange(
        expected: value, desired: value + 2, successOrdering: .acquiring,
        failureOrdering: .relaxed)
      if joined { return true }
      value = current
    }
    return false
  }

  private func leave() {
    let left = gate.wrappingSubtract(2, ordering: .sequentiallyConsistent).newValue
    guard left == 0, isCallerAsleep.load(ordering: .sequentiallyConsistent) else { return }
    ends.locked { ends.signalAll() }
  }

  /// Returns the number of the current loop when there has been one after loop `seen`.
  private func waitForGeneration(after seen: Int) -> Int {
    for _ in 0..<Self.spins {
      let current = generation.load(ordering: .acquiring)
      if current != seen { return current }
      ckernels_spin_pause()
    }
    sleepers.wrappingAdd(1, ordering: .sequentiallyConsistent)
    defer { sleepers.wrappingSubtract(1, ordering: .relaxed) }
    return loops.locked {
      while true {
        let current = generation.load(ordering: .sequentiallyConsistent)
        if current != seen { return current }
        loops.wait()
      }
    }
  }

  private func takePieces(as thread: Int) {
    guard let body else { return }
    let start = isMeasured ? Self.processorTime : 0
    for offset in 0..<count {
      let owner = (thread + offset) % count
      while let piece = portions[owner].take() { body(piece, thread) }
    }
    if isMeasured { workTime.wrappingAdd(Self.processorTime - start, ordering: .relaxed) }
  }

  /// The nanoseconds of processor time that the calling thread has used.
  private static var processorTime: Int {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return time.tv_sec * 1_000_000_000 + time.tv_nsec
  }
}
