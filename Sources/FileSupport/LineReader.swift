import Glibc

/// Reads a text file line by line through one reused buffer, in memory for the longest line.
public struct LineReader: ~Copyable {
  /// The file that is read.
  public let input: InputFile
  private var buffer: UnsafeMutableRawBufferPointer

  /// Opens the file at `path`, packed with gzip or not; `-` is standard input.
  ///
  /// The lines are cut of what `filter` makes of the bytes.
  ///
  /// - Throws: ``FileError``; ``InputError`` if a gzip stream is damaged.
  public init(path: String, filter: (any InputFilter)? = nil) throws {
    input = try InputFile(path: path, filter: filter)
    buffer = .allocate(byteCount: 1 << 20, alignment: 64)
  }

  deinit {
    buffer.deallocate()
  }

  /// Calls `body` with the number, from 1, and the bytes of each line, without its newline.
  ///
  /// The bytes are valid only during the call.
  ///
  /// - Throws: ``FileError``; ``InputError`` if a gzip stream is damaged; what the filter and
  ///   `body` throw.
  public mutating func forEachLine(
    _ body: (_ number: Int, _ line: UnsafeRawBufferPointer) throws -> Void
  ) throws {
    var filled = 0
    var searched = 0
    var number = 0
    while true {
      if filled == buffer.count { grow() }
      guard let base = buffer.baseAddress else { return }
      let count = try input.read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[filled...]))
      if count == 0 { break }
      filled += count
      var start = 0
      while let newline = memchr(base + searched, 0x0A, filled - searched) {
        let end = UnsafeRawPointer(newline) - UnsafeRawPointer(base)
        number += 1
        try body(number, UnsafeRawBufferPointer(rebasing: buffer[start..<end]))
        start = end + 1
        searched = start
      }
      memmove(base, base + start, filled - start)
      filled -= start
      searched = filled
    }
    if filled > 0 { try body(number + 1, UnsafeRawBufferPointer(rebasing: buffer[..<filled])) }
  }

  private mutating func grow() {
    let larger = UnsafeMutableRawBufferPointer.allocate(
      byteCount: buffer.count * 2, alignment: 64)
    larger.copyMemory(from: UnsafeRawBufferPointer(buffer))
    buffer.deallocate()
    buffer = larger
  }
}
