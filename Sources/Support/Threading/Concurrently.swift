import Synchronization

/// Calls `body` while another thread does `work`; returns or throws when both are done.
///
/// Signals go to the calling thread. If the system refuses a thread, `work` runs after `body`, so
/// neither may wait for the other.
///
/// - Throws: What `body` throws; if it throws nothing, what `work` throws.
public func concurrently<Result>(
  _ work: @escaping @Sendable () throws -> Void, _ body: () throws -> Result
) throws -> Result {
  let failure = Failure()
  @Sendable func workOrFail() {
    do {
      try work()
    } catch {
      failure.error.withLock { $0 = error }
    }
  }
  let thread = HelperThread.start(workOrFail)
  let result: Result
  do {
    defer {
      if let thread { thread.join() } else { workOrFail() }
    }
    result = try body()
  }
  if let error = failure.error.withLock({ $0 }) { throw error }
  return result
}

/// The error that a thread leaves.
private final class Failure: Sendable {
  let error = Mutex<(any Error)?>(nil)
}

/// Calls `body` in up to `count` threads, the calling one included, and returns when all calls have.
///
/// Each call has its own index below `count`. If the system refuses threads there are fewer calls, at
/// least one, so they must share the work however many they are.
public func inThreads(_ count: Int, _ body: @Sendable (_ index: Int) -> Void) {
  withoutActuallyEscaping(body) { body in
    var threads: [HelperThread] = []
    for index in 1..<max(1, count) {
      guard let thread = HelperThread.start({ body(index) }) else { break }
      threads.append(thread)
    }
    body(0)
    for thread in threads { thread.join() }
  }
}
