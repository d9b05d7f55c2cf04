import BytePairEncoding
import CommandLineSupport
import FileSupport

/// The files of the corpus.
struct CorpusInput {
  let paths: [String]

  /// How many bytes the files have together; `nil` if one is a pipe.
  private func totalSize() throws -> Int? {
    var total = 0
    for path in paths {
      guard let size = try InputFile(path: path).size else { return nil }
      total += size
    }
    return total
  }

  /// Calls `body` with each line that is not empty, without its newline; `label` names the work.
  func forEachLine(
    _ label: String, _ body: (UnsafeRawBufferPointer) throws -> Void
  ) throws {
    let progress = Progress(label, total: try totalSize(), unit: .bytes)
    var done = 0
    for path in paths {
      var reader = try LineReader(path: path)
      let input = reader.input
      try reader.forEachLine { number, line in
        if number % 256 == 0 { try progress.update(done + input.bytesConsumed) }
        if line.isEmpty { return }
        do {
          try body(line)
        } catch let error as InvalidUTF8 {
          throw InputError(path, .line(number), "byte \(error.offset) of the line is not UTF-8")
        }
      }
      done += input.bytesConsumed
    }
  }

  /// The whole contents of the file `path`, with `\n` for `\r\n` and `\r`.
  static func text(of path: String) throws -> [UInt8] {
    let input = try InputFile(path: path)
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 64)
    defer { buffer.deallocate() }
    var text: [UInt8] = []
    var follows = false
    while true {
      let count = try input.read(into: buffer)
      if count == 0 { return text }
      try Interruption.check()
      for byte in buffer[..<count] {
        // The \n of \r\n was written for its \r already.
        if !(follows && byte == 0x0A) { text.append(byte == 0x0D ? 0x0A : byte) }
        follows = byte == 0x0D
      }
    }
  }
}
