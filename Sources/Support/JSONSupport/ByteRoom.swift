/// A growing sequence of bytes, whose memory is kept when they are removed.
struct ByteRoom: ~Copyable {
  private var memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 256, alignment: 64)
  /// The number of bytes.
  private(set) var count = 0

  deinit {
    memory.deallocate()
  }

  /// The bytes, valid until the next change.
  var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: memory[..<count]) }

  mutating func removeAll() {
    count = 0
  }

  /// Appends a byte.
  mutating func append(_ byte: UInt8) {
    reserve(1)
    memory[count] = byte
    count += 1
  }

  /// Lends `body` memory for up to `most` more bytes; `body` returns how many it has written,
  /// starting at the beginning.
  mutating func append(
    upTo most: Int, _ body: (UnsafeMutableRawBufferPointer) throws -> Int
  ) rethrows {
    reserve(most)
    count += try body(UnsafeMutableRawBufferPointer(rebasing: memory[count..<count + most]))
  }

  private mutating func reserve(_ more: Int) {
    guard count + more > memory.count else { return }
    let larger = UnsafeMutableRawBufferPointer.allocate(
      byteCount: max(memory.count * 2, count + more), alignment: 64)
    larger.copyMemory(from: bytes)
    memory.deallocate()
    memory = larger
  }
}
