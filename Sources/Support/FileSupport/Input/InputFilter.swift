/// Changes the decompressed bytes of a file on their way to the reader.
public protocol InputFilter: AnyObject {
  /// Reports that a byte order mark of `length` bytes was skipped before the first byte.
  func passOverMark(length: Int)

  /// Appends the filtered form of `bytes` to `output`.
  ///
  /// The pieces arrive in order and may be cut anywhere; the last one, marked by `isLast`, may be
  /// empty.
  func filter(
    _ bytes: UnsafeRawBufferPointer, isLast: Bool, into output: inout [UInt8]
  ) throws
}

extension InputFilter {
  public func passOverMark(length: Int) {}
}

/// Bytes on their way through an ``InputFilter``.
final class FilteredBytes {
  private let filter: any InputFilter
  private let piece = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 17, alignment: 64)
  private var filtered: [UInt8] = []
  /// How many of the bytes in `filtered` have been returned.
  private var handedOut = 0
  private var hasBegun = false
  private var hasEnded = false

  init(_ filter: any InputFilter) {
    self.filter = filter
  }

  deinit {
    piece.deallocate()
  }

  /// Fills `buffer` with the filtered bytes from `refill`, and returns their number; 0 only at the
  /// end.
  ///
  /// `markLength` is the length of the byte order mark, which is known once something has been
  /// read.
  func read(
    into buffer: UnsafeMutableRawBufferPointer, markLength: () -> Int,
    refill: (UnsafeMutableRawBufferPointer) throws -> Int
  ) throws -> Int {
    while handedOut == filtered.count {
      if hasEnded { return 0 }
      filtered.removeAll(keepingCapacity: true)
      handedOut = 0
      let count = try refill(piece)
      if !hasBegun { filter.passOverMark(length: markLength()) }
      hasBegun = true
      hasEnded = count == 0
      try filter.filter(
        UnsafeRawBufferPointer(rebasing: piece[..<count]), isLast: hasEnded, into: &filtered)
    }
    let count = min(buffer.count, filtered.count - handedOut)
    buffer.copyBytes(from: filtered[handedOut..<handedOut + count])
    handedOut += count
    return count
  }
}
