import Glibc

/// A lock around `State`, with a condition that threads can wait for.
///
/// Unchecked `Sendable`, because pointers are not `Sendable`: the two pointers never change, what
/// they point to is made for use by several threads, and `state` is accessed only while the lock is
/// held.
public final class Monitor<State: Sendable>: @unchecked Sendable {
  // Allocated, because neither may change its address.
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
  private var state: State

  public init(_ state: State) {
    self.state = state
    pthread_mutex_init(mutex, nil)
    pthread_cond_init(condition, nil)
  }

  deinit {
    pthread_mutex_destroy(mutex)
    pthread_cond_destroy(condition)
    mutex.deallocate()
    condition.deallocate()
  }

  /// Calls `body` while no other thread has access to the state.
  public func locked<Result>(_ body: (inout State) throws -> Result) rethrows -> Result {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    return try body(&state)
  }

  /// Waits until `body` returns a value; `body` is called immediately and after each
  /// ``signalAll()``, while no other thread has access to the state.
  public func wait<Result>(for body: (inout State) -> Result?) -> Result {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    while true {
      if let result = body(&state) { return result }
      pthread_cond_wait(condition, mutex)
    }
  }

  /// Wakes all waiting threads.
  public func signalAll() {
    pthread_cond_broadcast(condition)
  }
}

/// A lock for data that is kept elsewhere, such as an atomic variable.
extension Monitor where State == Void {
  public convenience init() {
    self.init(())
  }

  /// Calls `body` while no other thread is in a call of this method.
  public func locked<Result>(_ body: () throws -> Result) rethrows -> Result {
    try locked { _ in try body() }
  }

  /// Within ``locked(_:)``, lets other threads in until ``signalAll()`` is called; it may also
  /// return without such a call.
  public func wait() {
    pthread_cond_wait(condition, mutex)
  }
}
