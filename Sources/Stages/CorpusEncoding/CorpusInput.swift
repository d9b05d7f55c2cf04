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

  /// What repairs the bytes of the file `path`; `nil` where wrong ones are an error, which is told by
  /// who reads the text.
  private func repair(of path: String) -> UTF8Repair? {
    invalidUTF8 == .fail ? nil : UTF8Repair(path: path, policy: invalidUTF8)
  }

  /// A file that is read.
  struct File {
    let path: String
    /// Its number among the files, from 0.
    let number: Int
    /// What its bytes go through.
    let repair: UTF8Repair?
    /// Takes how many bytes of the file, packed if it is packed, were read.
    let progress: (Int) throws -> Void
  }

  /// Calls `body` with each file; `label` names the work.
  ///
  /// `body` returns how many bytes, packed if they are packed, were read in all.
  func forEachFile(_ label: String, _ body: (File) throws -> Int) throws {
    let progress = Progress(label, total: try totalSize(), unit: .bytes)
    var finished = 0
    for (number, path) in paths.enumerated() {
      let before = finished
      let file = File(path: path, number: number, repair: repair(of: path)) {
        try progress.update(before + $0)
      }
      finished += try body(file)
    }
  }

  /// Calls `body` with each post, and whether a newline follows it; `label` names the work.
  func forEachPost(
    _ label: String, _ body: (UnsafeRawBufferPointer, _ endsWithNewline: Bool) throws -> Void
  ) throws {
    try forEachFile(label) { file in
      var consumed = 0
      try CorpusReader.forEachPost(path: file.path, filter: file.repair) { bytes in
        consumed = bytes
        try file.progress(bytes)
      } _: { line, post, endsWithNewline in
        do {
          try body(post, endsWithNewline)
        } catch let error as InvalidUTF8 {
          throw InputError(
            file.path, .line(line), "byte \(error.offset + 1) of the line is not UTF-8")
        }
      }
      return consumed
    }
  }
}
