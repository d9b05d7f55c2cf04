/// Recognizes files that are not text by how they begin.
package enum ForeignContent {
  /// How many bytes of a file are examined.
  package static let length = 512

  /// What the file `path`, which begins with `bytes`, is instead of text in UTF-8, and the remedy; `nil`
  /// if it may be such text.
  static func problem(of bytes: some Collection<UInt8>, in path: String) -> String? {
    if let encoding = TextEncoding.marked(bytes) { return encoding.problem(of: path) }
    let name = path == "-" ? "FILE" : shellQuoted(path)
    if let (kind, command) = packing(bytes) {
      return "this is \(kind), expected text; unpack it first (\(command) \(name))"
    }
    if isGitLFSPointer(bytes) {
      return "this is a git-lfs pointer, not the file itself; fetch that with 'git lfs pull', or "
        + "download it"
    }
    if isWebPage(bytes) {
      return "this is a web page; download the file itself, or, if this is a page of an export of "
        + "Telegram Desktop, run tg-dump on the folder of the export first"
    }
    return TextEncoding.unmarked(bytes.prefix(length))?.problem(of: path)
  }

  /// How a file that begins with `bytes` is packed, and the command that unpacks it.
  package static func packing(
    _ bytes: some Collection<UInt8>
  ) -> (kind: String, command: String)? {
    let kinds: [(beginning: [UInt8], kind: String, command: String)] = [
      (Array("PK".utf8) + [3, 4], "a ZIP archive", "unzip"),
      (Array("PK".utf8) + [5, 6], "an empty ZIP archive", "unzip -l"),
      ([0x1F, 0x8B], "packed with gzip twice", "gzip -dc"),
      ([0xFD] + Array("7zXZ".utf8), "packed with xz", "xz -dc"),
      ([0x28, 0xB5, 0x2F, 0xFD], "packed with zstd", "zstd -dc"),
      ([0x37, 0x7A, 0xBC, 0xAF, 0x27, 0x1C], "a 7z archive", "7z x"),
      (Array("Rar!".utf8) + [0x1A, 0x07], "a RAR archive", "unrar x"),
    ]
    if let found = kinds.first(where: { bytes.starts(with: $0.beginning) }) {
      return (found.kind, found.command)
    }
    // "BZh" and a digit alone could be text.
    if bytes.starts(with: "BZh".utf8), bytes.dropFirst(4).starts(with: "1AY&SY".utf8) {
      return ("packed with bzip2", "bzip2 -dc")
    }
    return isTarArchive(bytes) ? ("a tar archive", "tar -xf") : nil
  }

  package static func isTarArchive(_ bytes: some Collection<UInt8>) -> Bool {
    bytes.dropFirst(257).starts(with: "ustar".utf8)
  }

  package static func isGitLFSPointer(_ bytes: some Collection<UInt8>) -> Bool {
    bytes.starts(with: "version https://git-lfs".utf8)
  }

  package static func isWebPage(_ bytes: some Collection<UInt8>) -> Bool {
    let text = bytes.drop { $0 <= 0x20 }.prefix(14).map { $0 | (65...90 ~= $0 ? 0x20 : 0) }
    return text.starts(with: "<!doctype html".utf8) || text.starts(with: "<html>".utf8)
      || text.starts(with: "<html ".utf8)
  }
}
