import CZlib

/// Decompresses a gzip stream of one or more members (RFC 1952).
///
/// Zeros after the last member, with which tapes and disks pad a block, are ignored.
final class GzipDecoder {
  private let path: String
  private var stream = z_stream()
  private var packed: UnsafeMutableRawBufferPointer
  private var isInsideMember = false
  private var hasMembers = false
  /// How many compressed bytes have been read.
  private var packedCount = 0
  /// Whether the stream ended inside a member.
  private(set) var isCutOff = false

  init(path: String) {
    self.path = path
    packed = .allocate(byteCount: 1 << 17, alignment: 16)
    let gzipFraming: Int32 = 16
    let status = czlib_inflate_init(&stream, MAX_WBITS + gzipFraming)
    precondition(status == Z_OK, "zlib could not be set up")
  }

  deinit {
    inflateEnd(&stream)
    packed.deallocate()
  }

  /// Decompresses up to `buffer.count` bytes and returns their number; 0 only at the end.
  ///
  /// - Throws: ``InputError`` with the byte offset in the compressed file; what `refill` throws.
  func read(
    into buffer: UnsafeMutableRawBufferPointer,
    refill: (UnsafeMutableRawBufferPointer) throws -> Int
  ) throws -> Int {
    guard buffer.count > 0 else { return 0 }
    stream.next_out = buffer.baseAddress?.assumingMemoryBound(to: UInt8.self)
    stream.avail_out = UInt32(clamping: buffer.count)
    let room = stream.avail_out
    while stream.avail_out == room {
      if stream.avail_in == 0 {
        let count = try refill(packed)
        if count == 0 {
          if isInsideMember {
            isCutOff = true
            throw InputError(path, .byte(packedCount), "the gzip stream is cut off")
          }
          return 0
        }
        packedCount += count
        stream.next_in = packed.baseAddress?.assumingMemoryBound(to: UInt8.self)
        stream.avail_in = UInt32(count)
      }
      if !isInsideMember {
        if hasMembers { skipZeros() }
        if stream.avail_in == 0 { continue }
        inflateReset(&stream)
        isInsideMember = true
      }
      switch inflate(&stream, Z_NO_FLUSH) {
      case Z_STREAM_END: (isInsideMember, hasMembers) = (false, true)
      case Z_OK, Z_BUF_ERROR: break
      default: throw damage()
      }
    }
    return Int(room - stream.avail_out)
  }

  private func skipZeros() {
    while stream.avail_in > 0, let next = stream.next_in, next.pointee == 0 {
      stream.next_in = next + 1
      stream.avail_in -= 1
    }
  }

  private func damage() -> InputError {
    let reason = stream.msg.map { " (\(String(cString: $0)))" } ?? ""
    return InputError(
      path, .byte(packedCount - Int(stream.avail_in)), "the gzip stream is damaged" + reason)
  }
}
