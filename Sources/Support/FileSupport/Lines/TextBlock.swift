import Glibc

/// A part of a text, in memory that is reused for later parts.
///
/// It belongs to one thread at a time.
public final class TextBlock {
  /// The text, valid until the block is filled again.
  public var bytes: UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(rebasing: memory[..<count])
  }

  /// How many bytes of text there are.
  public internal(set) var count = 0
  var memory: UnsafeMutableRawBufferPointer

  /// Creates an empty block.
  public init() {
    memory = .init(start: nil, count: 0)
  }

  deinit {
    free(memory.baseAddress)
  }

  /// Whether the text contains a `\r`.
  public var hasReturns: Bool {
    guard let base = memory.baseAddress else { return false }
    return memchr(base, 0x0D, count) != nil
  }

  /// Replaces `\r\n` and `\r` with `\n`.
  public func normalizeLineEnds() {
    count = UnsafeMutableRawBufferPointer(rebasing: memory[..<count]).normalizeLineEnds()
  }

  /// Gives the block memory for `size` bytes and keeps the text.
  func resize(_ size: Int) {
    guard memory.count != size else { return }
    // For large blocks, the system moves pages instead of bytes.
    guard let larger = realloc(memory.baseAddress, size) else {
      ProcessMemory.end(MemoryError(byteCount: size, for: "a block of text"))
    }
    memory = .init(start: larger, count: size)
  }
}

extension UnsafeMutableRawBufferPointer {
  /// Replaces `\r\n` and `\r` with `\n`, and returns how many bytes the text has then.
  fileprivate func normalizeLineEnds() -> Int {
    var written = 0
    var followsReturn = false
    for byte in self {
      // The \n of \r\n has already been written for its \r.
      if !(followsReturn && byte == 0x0A) {
        self[written] = byte == 0x0D ? 0x0A : byte
        written += 1
      }
      followsReturn = byte == 0x0D
    }
    return written
  }
}

extension [UInt8] {
  /// Replaces `\r\n` and `\r` from `start` on with `\n`.
  package mutating func normalizeLineEnds(from start: Int = 0) {
    let kept = withUnsafeMutableBytes { bytes -> Int? in
      let text = UnsafeMutableRawBufferPointer(rebasing: bytes[start...])
      guard let base = text.baseAddress, memchr(base, 0x0D, text.count) != nil else { return nil }
      return text.normalizeLineEnds()
    }
    if let kept { removeSubrange((start + kept)...) }
  }
}

/// The end of the line that begins at `start` of `text`: its newline, or the end of the text.
package func endOfLine(in text: UnsafeRawBufferPointer, from start: Int) -> Int {
  guard start < text.count, let base = text.baseAddress,
    let newline = memchr(base + start, 0x0A, text.count - start)
  else { return text.count }
  return UnsafeRawPointer(newline) - base
}
