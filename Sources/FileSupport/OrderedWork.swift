import Glibc

/// Reads blocks, works on them in several threads, and takes the results in the order of reading.
///
/// The calling thread reads and takes results, one block at a time, and works on blocks itself when
/// there is nothing else to do. So signals that end a wait for input find it there: they are blocked
/// in the other threads. How many blocks there are at a time is bounded.
public struct OrderedWork<State, Block: AnyObject> {
  /// Makes an empty block; blocks are used again.
  private let makeBlock: () -> Block
  private let read: (Block) throws -> Bool
  private let work: (inout State, Block) -> Void
  private let finish: (Block) throws -> Void

  /// The steps of the work.
  ///
  /// - Parameters:
  ///   - makeBlock: Makes an empty block; blocks are used again.
  ///   - read: Fills a block; false at the end.
  ///   - work: Works on a block, in any thread, with that thread's state; it notes in the block what
  ///     comes of it, failures too.
  ///   - finish: Takes what came of a block, in the order of reading.
  public init(
    makeBlock: @escaping () -> Block, read: @escaping (Block) throws -> Bool,
    work: @escaping @Sendable (inout State, Block) -> Void,
    finish: @escaping (Block) throws -> Void
  ) {
    self.makeBlock = makeBlock
    self.read = read
    self.work = work
    self.finish = finish
  }

  /// Does the work with a thread for each of `states`, the calling one among them.
  ///
  /// An error in reading is thrown when all that was read before is finished, so that the first
  /// failure in the input is the one that is told, whatever the number of threads.
  ///
  /// - Throws: What reading and finishing throw.
  public func run(states: [State]) throws {
    precondition(!states.isEmpty)
    let queue = WorkQueue<State, Block>(capacity: states.count * 2, work: work)
    let threads = states.dropFirst().map { queue.start($0) }
    defer {
      queue.close()
      for thread in threads { pthread_join(thread, nil) }
    }
    var state = states[0]
    var free: [Block] = []
    var readError: (any Error)?
    var isAtEnd = false
    while true {
      while let block = queue.takeFinished() {
        try finish(block)
        free.append(block)
      }
      if isAtEnd && queue.isEmpty { break }
      if !isAtEnd && queue.hasRoom {
        let block = free.popLast() ?? makeBlock()
        do {
          isAtEnd = try !read(block)
        } catch {
          readError = error
          isAtEnd = true
        }
        if !isAtEnd { queue.put(block) }
      } else if !queue.workOnOne(&state) {
        queue.waitForFinished()
      }
    }
    if let readError { throw readError }
  }
}

/// The blocks between reading and finishing.
///
/// The thread that reads calls everything but what the other threads are started with.
private final class WorkQueue<State, Block: AnyObject>: @unchecked Sendable {
  private let work: (inout State, Block) -> Void
  private var mutex = pthread_mutex_t()
  private var condition = pthread_cond_t()

  /// The blocks by their numbers, from 0 in the order of reading, each at its remainder by the count.
  private var blocks: [Block?]
  private var isFinished: [Bool]
  /// The number of the next block to be read, worked on, taken out.
  private var nextRead = 0
  private var nextWork = 0
  private var nextTaken = 0
  private var isClosed = false

  init(capacity: Int, work: @escaping (inout State, Block) -> Void) {
    self.work = work
    blocks = Array(repeating: nil, count: capacity)
    isFinished = Array(repeating: false, count: capacity)
    pthread_mutex_init(&mutex, nil)
    pthread_cond_init(&condition, nil)
  }

  deinit {
    pthread_mutex_destroy(&mutex)
    pthread_cond_destroy(&condition)
  }

  private func locked<Result>(_ body: () -> Result) -> Result {
    pthread_mutex_lock(&mutex)
    defer { pthread_mutex_unlock(&mutex) }
    return body()
  }

  var isEmpty: Bool { nextTaken == nextRead }
  var hasRoom: Bool { nextRead - nextTaken < blocks.count }

  func put(_ block: Block) {
    locked {
      blocks[nextRead % blocks.count] = block
      isFinished[nextRead % blocks.count] = false
      nextRead += 1
      pthread_cond_broadcast(&condition)
    }
  }

  /// The oldest block, if it is finished.
  func takeFinished() -> Block? {
    locked {
      guard nextTaken < nextRead, isFinished[nextTaken % blocks.count] else { return nil }
      defer { nextTaken += 1 }
      return blocks[nextTaken % blocks.count]
    }
  }

  func waitForFinished() {
    locked {
      while !isFinished[nextTaken % blocks.count] { pthread_cond_wait(&condition, &mutex) }
    }
  }

  /// Works on the next block; returns false if there is none.
  func workOnOne(_ state: inout State) -> Bool {
    let number = locked { () -> Int? in
      guard nextWork < nextRead else { return nil }
      defer { nextWork += 1 }
      return nextWork
    }
    guard let number else { return false }
    workOn(number, &state)
    return true
  }

  private func workOn(_ number: Int, _ state: inout State) {
    guard let block = locked({ blocks[number % blocks.count] }) else { return }
    work(&state, block)
    locked {
      isFinished[number % blocks.count] = true
      pthread_cond_broadcast(&condition)
    }
  }

  // MARK: - The other threads

  /// Starts a thread with `state`.
  func start(_ state: State) -> pthread_t {
    var all = sigset_t()
    var before = sigset_t()
    sigfillset(&all)
    pthread_sigmask(SIG_SETMASK, &all, &before)
    defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
    let helper = Helper { [self] in
      var state = state
      while waitForWork() { _ = workOnOne(&state) }
    }
    var thread = pthread_t()
    let status = pthread_create(
      &thread, nil,
      { pointer in
        guard let pointer else { return nil }
        Unmanaged<Helper>.fromOpaque(pointer).takeRetainedValue().body()
        return nil
      }, Unmanaged.passRetained(helper).toOpaque())
    precondition(status == 0, "the system gave no thread")
    return thread
  }

  /// Waits for a block to work on; returns false when there will be none.
  private func waitForWork() -> Bool {
    locked {
      while nextWork == nextRead && !isClosed { pthread_cond_wait(&condition, &mutex) }
      return !isClosed
    }
  }

  /// Lets the other threads end when they are done with the blocks they work on.
  func close() {
    locked {
      isClosed = true
      pthread_cond_broadcast(&condition)
    }
  }
}

/// What a thread does.
private final class Helper {
  let body: () -> Void

  init(_ body: @escaping () -> Void) {
    self.body = body
  }
}
