import FileSupport

/// Tells files that are something else than an export by how they begin.
enum FileSignature {
  /// What a file that begins with `bytes` is instead of an export, and what to do about it; `nil` if it
  /// is not of a known kind.
  ///
  /// `howTo` says how to make an export that can be read.
  static func problem(of bytes: [UInt8], in path: String, howTo: String) -> String? {
    if bytes.isEmpty { return "the file is empty; \(howTo)" }
    let name = path == "-" ? "FILE" : "'\(Folder.name(of: path))'"
    if let (kind, command) = ForeignContent.packing(bytes) {
      return "this is \(kind); unpack it (\(command) \(name)), and give the folder or the "
        + "result.json that comes out of it"
    }
    return document(bytes).map { "this is \($0), not an export; \(howTo)" }
  }

  private static func document(_ bytes: [UInt8]) -> String? {
    let kinds: [(head: [UInt8], kind: String)] = [
      (Array("%PDF".utf8), "a PDF document"), (Array("SQLite format 3".utf8), "an SQLite database"),
      ([0x89] + Array("PNG".utf8), "a PNG image"), ([0xFF, 0xD8, 0xFF], "a JPEG image"),
      (Array("GIF8".utf8), "a GIF image"), ([0x7F] + Array("ELF".utf8), "a program"),
      (Array("OggS".utf8), "an Ogg audio file"), (Array("ID3".utf8), "an MP3 audio file"),
      ([0xD0, 0xCF, 0x11, 0xE0], "a document of an old Office program"),
    ]
    if let found = kinds.first(where: { bytes.starts(with: $0.head) }) { return found.kind }
    if bytes.starts(with: "RIFF".utf8) {
      return bytes.dropFirst(8).starts(with: "WEBP".utf8)
        ? "a WebP image" : "an audio or video file"
    }
    return bytes.dropFirst(4).starts(with: "ftyp".utf8) ? "an MP4 video" : nil
  }
}

/// Tells what stands in a folder that holds no export itself.
enum ExportFolder {
  /// What is wrong with `folder`, and what to do about it.
  static func problem(of folder: String) -> String {
    let names = (try? Folder.list(folder)) ?? []
    let problem = "this folder holds no export (result.json or messages.html)"
    let exports = names.filter { name in
      let path = folder + "/" + name
      return Folder.exists(path)
        && (Folder.hasFile(path + "/result.json") || Folder.hasFile(path + "/result.json.gz")
          || HTMLChats.isHTML(path))
    }
    if !exports.isEmpty {
      let listed = exports.prefix(5).map { "'\(folder)/\($0)'" }.joined(separator: ", ")
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
