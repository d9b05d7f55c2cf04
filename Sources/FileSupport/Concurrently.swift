import Dispatch
import Synchronization

/// Calls `body` while another thread does `work`; both are over when it returns or throws.
///
/// Signals are left to the calling thread.
///
/// - Throws: What `body` throws; if it throws nothing, what `work` throws.
public func concurrently<Result>(
  _ work: @escaping @Sendable () throws -> Void, _ body: () throws -> Result
) throws -> Result {
  let failure = Failure()
  let group = DispatchGroup()
  DispatchQueue.global().async(group: group) {
    do {
      try work()
    } catch {
      failure.error.withLock { $0 = error }
    }
  }
  let result: Result
  do {
    defer { group.wait() }
    result = try body()
  }
  if let error = failure.error.withLock({ $0 }) { throw error }
  return result
}

/// The error that a thread leaves.
private final class Failure: Sendable {
  let error = Mutex<(any Error)?>(nil)
}
