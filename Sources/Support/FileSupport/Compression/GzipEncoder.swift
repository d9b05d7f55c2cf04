import CZlib

/// Compresses bytes into one gzip member (RFC 1952) without a name or time, so that the same bytes
/// always give the same stream.
final class GzipEncoder {
  private var stream = z_stream()
  private let packed = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 16, alignment: 16)
  private var isFinished = false

  init() {
    let gzipFraming: Int32 = 16
    let status = czlib_deflate_init(&stream, Z_DEFAULT_COMPRESSION, MAX_WBITS + gzipFraming)
    precondition(status == Z_OK, "zlib could not be set up")
  }

  deinit {
    deflateEnd(&stream)
    packed.deallocate()
  }

  /// Compresses `bytes`; `output` receives the compressed bytes as they become available.
  func pack(
    _ bytes: UnsafeRawBufferPointer, _ output: (UnsafeRawBufferPointer) throws -> Void
  ) throws {
    var rest = bytes[...]
    while !rest.isEmpty {
      let part = rest.prefix(1 << 30)
      rest = rest.dropFirst(part.count)
      // zlib does not write to its input.
      stream.next_in = UnsafeMutablePointer(
        mutating: UnsafeRawBufferPointer(rebasing: part).bindMemory(to: UInt8.self).baseAddress)
      stream.avail_in = UInt32(part.count)
      try deflate(Z_NO_FLUSH, output)
    }
  }

  /// Ends the stream.
  func finish(_ output: (UnsafeRawBufferPointer) throws -> Void) throws {
    guard !isFinished else { return }
    isFinished = true
    try deflate(Z_FINISH, output)
  }

  private func deflate(
    _ flush: Int32, _ output: (UnsafeRawBufferPointer) throws -> Void
  ) throws {
    repeat {
      stream.next_out = packed.baseAddress?.assumingMemoryBound(to: UInt8.self)
      stream.avail_out = UInt32(packed.count)
      CZlib.deflate(&stream, flush)
      try output(
        UnsafeRawBufferPointer(rebasing: packed[..<(packed.count - Int(stream.avail_out))]))
    } while stream.avail_out == 0
  }
}
