import BytePairEncoding
import CommandLineSupport
import CorpusFormat
import FileSupport

/// The files of the corpus.
struct CorpusInput {
  let paths: [String]

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

  /// Calls `body` with each file and a closure for its progress; `label` names the work.
  ///
  /// The closure takes how many bytes of the file, packed if it is packed, were read; `body` returns
  /// how many there were in all.
  func forEachFile(
    _ label: String,
    _ body: (_ path: String, _ progress: @escaping (Int) throws -> Void) throws -> Int
  ) throws {
    let progress = Progress(label, total: try totalSize(), unit: .bytes)
    var finished = 0
    for path in paths {
      let before = finished
      finished += try body(path) { try progress.update(before + $0) }
    }
  }

  /// Calls `body` with each post; `label` names the work.
  func forEachPost(_ label: String, _ body: (UnsafeRawBufferPointer) throws -> Void) throws {
    let progress = Progress(label, total: try totalSize(), unit: .bytes)
    var finished = 0
    for path in paths {
      var consumed = 0
      try CorpusReader.forEachPost(path: path) { bytes in
        consumed = bytes
        try progress.update(finished + bytes)
      } _: { line, post in
        do {
          try body(post)
        } catch let error as InvalidUTF8 {
          throw InputError(path, .line(line), "byte \(error.offset + 1) of the line is not UTF-8")
        }
      }
      finished += consumed
    }
  }
}
