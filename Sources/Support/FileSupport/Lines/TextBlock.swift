import Glibc

/// A part of a text in memory that is used again for further parts.
///
/// It belongs to one thread at a time.
public final class TextBlock {
  /// The text, valid until the block is filled anew.
  public var bytes: UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(rebasing: memory[..<count])
  }

  /// How many bytes of text there are.
  public internal(set) var count = 0
  var memory: UnsafeMutableRawBufferPointer

  /// A block without text.
  public init() {
    memory = .init(start: nil, count: 0)
  }

  deinit {
    free(memory.baseAddress)
  }

  /// Whether there is a `\r` in the text.
  public var hasReturns: Bool {
    guard let base = memory.baseAddress else { return false }
    return memchr(base, 0x0D, count) != nil
  }

  /// Puts `\n` for `\r\n` and `\r`.
  public func normalizeLineEnds() {
    var written = 0
    var followsReturn = false
    for byte in bytes {
      // The \n of \r\n was written for its \r already.
      if !(followsReturn && byte == 0x0A) {
        memory[written] = byte == 0x0D ? 0x0A : byte
        written += 1
      }
      followsReturn = byte == 0x0D
    }
    count = written
  }

  /// Gives the block memory for `size` bytes; the text stays.
  func resize(_ size: Int) {
    guard memory.count != size else { return }
    // For large blocks the system moves pages instead of bytes.
    guard let larger = realloc(memory.baseAddress, size) else {
      preconditionFailure("no memory for \(size) bytes of text")
    }
    memory = .init(start: larger, count: size)
  }
}
