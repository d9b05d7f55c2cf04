/// Reads blocks, processes them in several threads, and takes the results in the order of reading.
///
/// The calling thread reads and takes results, one block at a time, and processes blocks itself
/// when it has nothing else to do. Signals that end a wait for input therefore reach it; the other
/// threads block them. If the system refuses threads, the calling thread does all the work. The
/// number of blocks in memory is bounded.
public struct OrderedWork<State, Block: AnyObject> {
  private let makeBlock: () -> Block
  private let read: (Block) throws -> Bool
  private let work: @Sendable (inout State, Block) -> Void
  private let finish: (Block) throws -> Void

  /// The steps of the work.
  ///
  /// - Parameters:
  ///   - makeBlock: Creates an empty block; blocks are reused.
  ///   - read: Fills a block; returns false at the end.
  ///   - work: Processes a block, in any thread, with that thread's state; it stores the results,
  ///     including failures, in the block.
  ///   - finish: Takes the results of a block, in the order of reading.
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

  /// Does the work with one thread for each of `states`, including the calling one.
  ///
  /// A reading error is thrown only once everything read before it is finished, so that the first
  /// failure in the input is reported, whatever the number of threads.
  ///
  /// - Throws: What reading and finishing throw.
  public func run(states: [State]) throws {
    precondition(!states.isEmpty)
    let queue = WorkQueue<State, Block>(capacity: states.count * 2, work: work)
    let threads = states.dropFirst().compactMap { queue.start(Parcel($0)) }
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

/// A value that is passed from thread to thread.
///
/// Unchecked `Sendable`, because the value need not be `Sendable`: only one thread uses it at a
/// time. A state belongs to the thread that is started with it. A block belongs to the reader until
/// it is put into the queue, then to the thread that takes it out to process it, and to the reader
/// again once it is finished. The queue's lock orders these accesses.
private struct Parcel<Value>: @unchecked Sendable {
  let value: Value

  init(_ value: Value) {
    self.value = value
  }
}

/// The blocks between reading and finishing.
private final class WorkQueue<State, Block: AnyObject>: Sendable {
  private struct Contents: Sendable {
    /// A ring: the block with index n, in the order of reading, is at n modulo the capacity.
    var blocks: [Parcel<Block>?]
    var isFinished: [Bool]
    /// The indices of the next blocks to be read, processed and taken out.
    var nextRead = 0
    var nextWork = 0
    var nextTaken = 0
    var isClosed = false

    var isOldestFinished: Bool { nextTaken < nextRead && isFinished[nextTaken % blocks.count] }

    /// The next block to process, and its place in the ring.
    mutating func takeWork() -> (place: Int, block: Parcel<Block>)? {
      guard nextWork < nextRead, let block = blocks[nextWork % blocks.count] else { return nil }
      defer { nextWork += 1 }
      return (nextWork % blocks.count, block)
    }
  }

  private let work: @Sendable (inout State, Block) -> Void
  private let contents: Monitor<Contents>

  init(capacity: Int, work: @escaping @Sendable (inout State, Block) -> Void) {
    self.work = work
    contents = Monitor(
      Contents(
        blocks: Array(repeating: nil, count: capacity),
        isFinished: Array(repeating: false, count: capacity)))
  }

  // MARK: - The calling thread

  var isEmpty: Bool { contents.locked { $0.nextTaken == $0.nextRead } }
  var hasRoom: Bool { contents.locked { $0.nextRead - $0.nextTaken < $0.blocks.count } }

  func put(_ block: Block) {
    let parcel = Parcel(block)
    contents.locked { contents in
      let place = contents.nextRead % contents.blocks.count
      contents.blocks[place] = parcel
      contents.isFinished[place] = false
      contents.nextRead += 1
    }
    contents.signalAll()
  }

  /// The oldest block, if it is finished.
  func takeFinished() -> Block? {
    contents.locked { contents in
      guard contents.isOldestFinished else { return nil }
      defer { contents.nextTaken += 1 }
      return contents.blocks[contents.nextTaken % contents.blocks.count]?.value
    }
  }

  /// Waits until the oldest block is finished.
  func waitForFinished() {
    contents.wait { $0.isOldestFinished ? () : nil }
  }

  /// Processes the next block; returns false if there is none.
  func workOnOne(_ state: inout State) -> Bool {
    guard let (place, block) = contents.locked({ $0.takeWork() }) else { return false }
    work(on: block, at: place, &state)
    return true
  }

  /// Lets the other threads end once they have finished their current blocks.
  func close() {
    contents.locked { $0.isClosed = true }
    contents.signalAll()
  }

  private func work(on block: Parcel<Block>, at place: Int, _ state: inout State) {
    work(&state, block.value)
    contents.locked { $0.isFinished[place] = true }
    contents.signalAll()
  }

  // MARK: - The other threads

  /// Starts a thread with `state`; `nil` if the system refuses.
  func start(_ state: Parcel<State>) -> HelperThread? {
    HelperThread.start { [self] in
      var state = state.value
      while let (place, block) = waitForWork() { work(on: block, at: place, &state) }
    }
  }

  /// Waits for a block to process; returns `nil` when there will be no more.
  private func waitForWork() -> (place: Int, block: Parcel<Block>)? {
    contents.wait { contents in
      if contents.isClosed { return .some(nil) }
      return contents.takeWork().map { .some($0) }
    }
  }
}
