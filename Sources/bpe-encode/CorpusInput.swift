import BytePairEncoding
import CommandLineSupport
import CorpusFormat
import FileSupport

/// The files of the corpus.
struct CorpusInput {
  let paths: [String]
  /// What becomes of bytes that are not UTF-8.
  var invalidUTF8 = InvalidUTF8Policy.fail

  /// How many bytes the files have together; `nil` if one is a pipe.
  private func totalSize() throws -> Int? {
    var total = 0
    for path in paths {
      // Opening standard input would take its first bytes away from whoever reads it.
      guard path != "-", let size = try InputFile(path: path).size else { return nil }
      total += size
    }
    return total
  }

  /// Calls `body` with each post, the number of its file, from 0, and its line, from 1.
  ///
  /// `label` names the work. `repaired` is called with what was repaired in each file.
  func forEachPost(
    _ label: String, repaired: (UTF8Repair) -> Void = { _ in },
    _ body: (_ file: Int, _ line: Int, UnsafeRawBufferPointer) throws -> Void
  ) throws {
    let progress = Progress(label, total: try totalSize(), unit: .bytes)
    var finished = 0
    for (file, path) in paths.enumerated() {
      var consumed = 0
      let repair = UTF8Repair(path: path, policy: invalidUTF8)
      // The reader itself says where bytes are wrong that nobody repairs.
      let filter = invalidUTF8 == .fail ? nil : repair
      try CorpusReader.forEachPost(path: path, filter: filter) { bytes in
        consumed = bytes
        try progress.update(finished + bytes)
      } _: { line, post in
        do {
          try body(file, line, post)
        } catch let error as InvalidUTF8 {
          throw InputError(path, .line(line), "byte \(error.offset + 1) of the line is not UTF-8")
        }
      }
      finished += consumed
      repaired(repair)
    }
  }

  /// The whole contents of the file `path` as `repair` leaves them, with `\n` for `\r\n` and `\r`.
  static func text(of path: String, repair: UTF8Repair) throws -> [UInt8] {
    let input = try InputFile(path: path, filter: repair)
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
