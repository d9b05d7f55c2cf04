import Foundation
import Synchronization
import TensorKernels
import Testing

/// What the threads of a pool do between loops and at its end.
@Suite("the threads of a ThreadPool")
struct ThreadPoolThreadsTests {
  /// Runs a loop in which every thread has a piece, and calls `body` in each.
  private func inEveryThread(
    of threadPool: ThreadPool, _ body: @Sendable (_ thread: Int) -> Void
  ) {
    let begun = Atomic<Int>(0)
    threadPool.run(threadPool.count) { _, thread in
      begun.wrappingAdd(1, ordering: .relaxed)
      while begun.load(ordering: .relaxed) < threadPool.count { sched_yield() }
      body(thread)
    }
  }

  /// Whether a thread of this process sleeps.
  private func isAsleep(_ thread: Int) throws -> Bool {
    let stat = try String(contentsOfFile: "/proc/self/task/\(thread)/stat", encoding: .utf8)
    return stat[(stat.lastIndex(of: ")") ?? stat.startIndex)...].dropFirst(2).first == "S"
  }

  @Test("sleep where there is no loop, and wake up for the next")
  func sleepingThreads() throws {
    let threadPool = ThreadPool(count: 3)
    let threads = Arena<Int>(count: 3)
    inEveryThread(of: threadPool) { thread in
      let folder = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/thread-self")
      threads.elements[thread] = folder.flatMap { Int($0.split(separator: "/").last ?? "") } ?? 0
    }
    let sums = FloatArena(count: 8)
    for _ in 0..<3 {
      for thread in threads.elements.dropFirst() {
        while try !isAsleep(thread) { sched_yield() }
      }
      threadPool.run(8) { piece, _ in sums.floats[piece] += 1 }
    }
    #expect(sums.floats.allSatisfy { $0 == 3 })
  }

  @Test("end with the object")
  func threadsEnd() throws {
    // The system calls the destructor of a key's value where a thread ends.
    var key = pthread_key_t()
    try #require(
      pthread_key_create(&key) { value in
        guard let value else { return }
        Unmanaged<DispatchSemaphore>.fromOpaque(value).takeRetainedValue().signal()
      } == 0)
    defer { pthread_key_delete(key) }
    let ended = DispatchSemaphore(value: 0)
    var started = 0
    for _ in 0..<100 {
      let threadPool = ThreadPool(count: 3)
      inEveryThread(of: threadPool) { [key] thread in
        guard thread > 0 else { return }
        pthread_setspecific(key, Unmanaged.passRetained(ended).toOpaque())
      }
      started += threadPool.count - 1
    }
    #expect(started > 0)
    for _ in 0..<started { try #require(ended.wait(timeout: .now() + 60) == .success) }
  }
}
