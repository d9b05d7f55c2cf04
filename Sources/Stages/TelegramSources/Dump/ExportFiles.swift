import FileSupport
import Glibc

extension InputFile {
  /// The next bytes of the file, at most `count`.
  ///
  /// - Throws: `FileError`; `InputError` if a gzip stream is damaged.
  func prefix(_ count: Int) throws -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    var filled = 0
    try bytes.withUnsafeMutableBytes {
      while filled < count {
        let more = try read(into: UnsafeMutableRawBufferPointer(rebasing: $0[filled...]))
        if more == 0 { break }
        filled += more
      }
    }
    return Array(bytes[..<filled])
  }
}

/// What the exports of Telegram Desktop in JSON and in HTML have in common as files.
enum ExportFiles {
  /// The size of the file `path` in bytes; `nil` for a pipe, which is not opened: it can be read only
  /// once.
  static func size(of path: String) throws(FileError) -> Int? {
    guard path != "-" else { return nil }
    var status = stat()
    guard stat(path, &status) == 0 else { throw FileError(path: path, operation: .open) }
    return status.st_mode & S_IFMT == S_IFREG ? Int(status.st_size) : nil
  }

  /// What the file `path` that begins with `bytes` is instead of an export, with the remedy; `nil` if
  /// it may be one.
  ///
  /// `howTo` says how to make an export that can be read.
  static func problem(ofBeginning bytes: [UInt8], in path: String, howTo: String) -> String? {
    if bytes.isEmpty { return "the file is empty; \(howTo)" }
    if let (kind, command) = ForeignContent.packing(bytes) {
      let name = path == "-" ? "FILE" : "'\(Folder.name(of: path))'"
      return "this is \(kind); unpack it (\(command) \(name)), and give the folder or the "
        + "result.json that comes out of it"
    }
    if let kind = ForeignContent.document(bytes) {
      return "this is \(kind), not an export; \(howTo)"
    }
    // An export whose keys somebody has sorted begins with its id, too, but not with a date.
    if String(decoding: bytes, as: UTF8.self).contains(/^\{"id":-?[0-9]+,"date":"/) {
      return
        "these are posts as this program writes them; they are read from a file whose name ends "
        + "in .jsonl"
    }
    return ForeignContent.encodingProblem(of: bytes, in: path)
  }

  /// What the file of a JSON export may be called.
  private static let jsonNames = ["result.json", "result.json.gz"]

  /// Whether `folder` holds a JSON export.
  static func holdsJSON(_ folder: String) -> Bool { jsonFile(in: folder) != nil }

  /// The path of the JSON export that `folder` holds; `nil` if it holds none.
  static func jsonFile(in folder: String) -> String? {
    jsonNames.map { "\(folder)/\($0)" }.first(where: Folder.hasFile)
  }

  /// What is in `folder`, which holds no export itself, with the remedy.
  ///
  /// - Throws: `FileError` if the folder, or the export in it, may not be read.
  static func problem(ofFolder folder: String) throws -> String {
    let names = try Folder.list(folder)
    for name in jsonNames + ["messages.html"] where names.contains(name) {
      _ = try InputFile(path: "\(folder)/\(name)")
    }
    let problem = "this folder holds no export (result.json or messages.html)"
    let exports = names.map { folder + "/" + $0 }
      .filter { Folder.exists($0) && (holdsJSON($0) || HTMLChats.isHTML($0)) }
    if !exports.isEmpty {
      let listed = exports.prefix(5).map { "'\($0)'" }.joined(separator: ", ")
      return "\(problem), but there \(exports.count == 1 ? "is one" : "are some") in it; give "
        + (exports.count == 1 ? listed : "one of \(listed)\(exports.count > 5 ? ", …" : "")")
    }
    let endings = [".zip", ".rar", ".7z", ".tar", ".tar.gz", ".tgz"]
    if let archive = names.first(where: { name in
      endings.contains { name.lowercased().hasSuffix($0) }
    }) {
      return "\(problem); if it is in '\(archive)', unpack that"
    }
    return (names.isEmpty ? "this folder is empty" : problem) + "; \(DesktopExport.howTo)"
  }
}
