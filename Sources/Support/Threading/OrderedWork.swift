import FileSupport

/// Reads blocks, works on them in several threads, and takes the results in the order of reading.
///
/// The calling thread reads and takes results, one block at a time, and works on blocks itself when
/// there is nothing else to do. So signals that end a wait for input find it there: they are blocked
/// in the other threads. Where the system refuses those, the calling thread does all the work. How
/// many blocks there are at a time is bounded.
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
    let threads = states.dropFirst().compactMap { queue.start($0) }
    defer {
      queue.close()
      for thread in threads { thread.join() }
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
/// The thread that reads calls everything but what the other threads are started with. Unchecked,
/// because blocks and states need not be `Sendable`: each is of one thread at a time, and all that
/// several threads touch is touched within `monitor`.
private final class WorkQueue<State, Block: AnyObject>: @unchecked Sendable {
  private let work: (inout State, Block) -> Void
  private let monitor = Monitor()

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
  }

  var isEmpty: Bool { nextTaken == nextRead }
  var hasRoom: Bool { nextRead - nextTaken < blocks.count }

  func put(_ block: Block) {
    monitor.locked {
      blocks[nextRead % blocks.count] = block
      isFinished[nextRead % blocks.count] = false
      nextRead += 1
      monitor.signalAll()
    }
  }

  /// The oldest block, if it is finished.
  func takeFinished() -> Block? {
    monitor.locked {
      guard nextTaken < nextRead, isFinished[nextTaken % blocks.count] else { return nil }
      defer { nextTaken += 1 }
      return blocks[nextTaken % blocks.count]
    }
  }

  func waitForFinished() {
    monitor.locked {
      while !isFinished[nextTaken % blocks.count] { monitor.wait() }
    }
  }

  /// Works on the next block; returns false if there is none.
  func workOnOne(_ state: inout State) -> Bool {
    let number = monitor.locked { () -> Int? in
      guard nextWork < nextRead else { return nil }
      defer { nextWork += 1 }
      return nextWork
    }
    guard let number else { return false }
    workOn(number, &state)
    return true
  }

  private func workOn(_ number: Int, _ state: inout State) {
    guard let block = monitor.locked({ blocks[number % blocks.count] }) else { return }
    work(&state, block)
    monitor.locked {
      isFinished[number % blocks.count] = true
      monitor.signalAll()
    }
  }

  // MARK: - The other threads

  /// Starts a thread with `state`; `nil` if the system refuses.
  func start(_ state: State) -> HelperThread? {
    // The caller hands it over.
    nonisolated(unsafe) let state = state
    return HelperThread.start { [self] in
      var state = state
      while waitForWork() { _ = workOnOne(&state) }
    }
  }

  /// Waits for a block to work on; returns false when there will be none.
  private func waitForWork() -> Bool {
    monitor.locked {
      while nextWork == nextRead && !isClosed { monitor.wait() }
      return !isClosed
    }
  }

  /// Lets the other threads end when they are done with the blocks they work on.
  func close() {
    monitor.locked {
      isClosed = true
      monitor.signalAll()
    }
  }
}
