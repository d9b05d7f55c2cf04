import CKernels

/// Memory that a coming loop reads; each thread begins with a share of it.
///
/// Unchecked, because of its pointer: the memory is only read, and stays until reading ahead stops.
struct ReadAhead: @unchecked Sendable {
  let memory: UnsafeRawBufferPointer
  /// Tells it from that before.
  let number: Int

  /// No memory.
  static let none = ReadAhead(memory: UnsafeRawBufferPointer(start: nil, count: 0), number: 0)
}

/// A thread's share of what will be read, and how far it has read it.
struct ReadAheadShare {
  private var number = 0
  private var rest = UnsafeRawBufferPointer(start: nil, count: 0)

  /// Bytes that are read at most: about what a cache still holds when the loop begins.
  private static let mostBytes = 2 << 20
  /// Bytes that are read between two looks whether there is work.
  private static let step = 4096

  /// Begins with the share of `worker` if `ahead` is not what is already being read.
  mutating func follow(_ ahead: ReadAhead, worker: Int, of workers: Int) {
    guard ahead.number != number else { return }
    number = ahead.number
    let begin = ahead.memory.count * worker / workers
    let end = ahead.memory.count * (worker + 1) / workers
    rest = UnsafeRawBufferPointer(
      rebasing: ahead.memory[begin..<min(end, begin + Self.mostBytes)])
  }

  /// Reads a little; false where everything was read.
  mutating func read() -> Bool {
    guard let base = rest.baseAddress, rest.count > 0 else { return false }
    let count = min(rest.count, Self.step)
    ckernels_touch(base, count)
    rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(count))
    return true
  }
}
