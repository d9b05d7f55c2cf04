import Glibc
import TextSupport

/// Reads a text file line by line through one reused buffer; memory use grows with the longest
/// line.
public struct LineReader: ~Copyable {
  /// The file being read.
  public let input: InputFile
  private var buffer: UnsafeMutableRawBufferPointer

  /// Opens the file at `path`, compressed with gzip or not; `-` is standard input.
  ///
  /// The bytes pass through `filter` before they are split into lines.
  ///
  /// - Throws: ``FileError``; ``InputError`` if a gzip stream is damaged.
  public init(
    path: String, as content: InputFile.Content = .text, filter: (any InputFilter)? = nil
  ) throws {
    input = try InputFile(path: path, as: content, filter: filter)
    buffer = .allocate(byteCount: 1 << 20, alignment: 64)
  }

  deinit {
    buffer.deallocate()
  }

  /// The number of the last line read, counted from 1; 0 before the first.
  public private(set) var lineNumber = 0
  /// Whether the last line read ends with a newline, which a file's last line may lack.
  public private(set) var endsWithNewline = false
  /// The bounds of the bytes in the buffer that have not been returned yet.
  private var start = 0
  private var filled = 0
  /// How far the search for a newline has progressed.
  private var searched = 0

  /// Reads the next line and returns its bytes, without its newline; `nil` at the end.
  ///
  /// The bytes are valid until the next call.
  ///
  /// - Throws: ``FileError``; ``InputError`` if a gzip stream is damaged; what the filter throws.
  public mutating func next() throws -> UnsafeRawBufferPointer? {
    while true {
      guard let base = buffer.baseAddress else { return nil }
      if let newline = memchr(base + searched, 0x0A, filled - searched) {
        let end = UnsafeRawPointer(newline) - UnsafeRawPointer(base)
        return take(upTo: end, next: end + 1)
      }
      if start > 0 {
        memmove(base, base + start, filled - start)
        (start, filled) = (0, filled - start)
      }
      searched = filled
      if filled == buffer.count {
        grow()
        continue
      }
      let count = try input.read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[filled...]))
      if count == 0 { return filled > 0 ? take(upTo: filled, next: filled) : nil }
      filled += count
    }
  }

  private mutating func take(upTo end: Int, next: Int) -> UnsafeRawBufferPointer {
    defer { (start, searched) = (next, next) }
    lineNumber += 1
    endsWithNewline = next > end
    return UnsafeRawBufferPointer(rebasing: buffer[start..<end])
  }

  /// Reads the next line and returns it without its newline or CR LF; `nil` at the end.
  ///
  /// - Throws: ``InputError`` with the line if it is not UTF-8; what ``next()`` throws.
  public mutating func nextText() throws -> String? {
    guard let line = try next() else { return nil }
    let text = UnsafeRawBufferPointer(
      rebasing: line.last == 0x0D ? line.dropLast() : line[...])
    guard let string = String(utf8: text) else {
      throw InputError(
        input.path, .line(lineNumber),
        "the line is not UTF-8" + TextEncoding.remedy(for: line, in: input.path))
    }
    return string
  }

  /// Calls `body` with the number, counted from 1, and the bytes of each line, without its newline.
  ///
  /// The bytes are valid only during the call.
  ///
  /// - Throws: ``FileError``; ``InputError`` if a gzip stream is damaged; what the filter and
  ///   `body` throw.
  public mutating func forEachLine(
    _ body: (_ number: Int, _ line: UnsafeRawBufferPointer) throws -> Void
  ) throws {
    while let line = try next() { try body(lineNumber, line) }
  }

  private mutating func grow() {
    let larger = UnsafeMutableRawBufferPointer.allocate(
      byteCount: buffer.count * 2, alignment: 64)
    larger.copyMemory(from: UnsafeRawBufferPointer(buffer))
    buffer.deallocate()
    buffer = larger
  }
}
