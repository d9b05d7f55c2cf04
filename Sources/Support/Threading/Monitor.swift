import FileSupport
import Glibc

/// A lock with a condition that threads wait for.
///
/// Unchecked, because pointers are not `Sendable`: these two never change, and what they point to is
/// made for several threads.
public final class Monitor: @unchecked Sendable {
  // Allocated, since both must keep their addresses.
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

  public init() {
    pthread_mutex_init(mutex, nil)
    pthread_cond_init(condition, nil)
  }

  deinit {
    pthread_mutex_destroy(mutex)
    pthread_cond_destroy(condition)
    mutex.deallocate()
    condition.deallocate()
  }

  /// Calls `body` while no other thread is in a call of this method.
  public func locked<Result>(_ body: () throws -> Result) rethrows -> Result {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    return try body()
  }

  /// Within ``locked(_:)``, lets others in until ``signalAll()`` is called; may return without it.
  public func wait() {
    pthread_cond_wait(condition, mutex)
  }

  /// Wakes all threads that wait.
  public func signalAll() {
    pthread_cond_broadcast(condition)
  }
}
