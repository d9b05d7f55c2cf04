/// Recognises files that are not text by their first bytes.
package enum ForeignContent {
  /// How many bytes of a file are examined.
  package static let length = 512

  /// What the file `path`, which begins with `bytes`, is instead of UTF-8 text, and the remedy;
  /// `nil` if it may be such text.
  static func problem(of bytes: some Collection<UInt8>, in path: String) -> String? {
    if let encoding = TextEncoding.marked(bytes) { return encoding.problem(of: path) }
    let name = path == "-" ? "FILE" : shellQuoted(path)
    if let (kind, command) = packing(bytes) {
      return "this is \(kind), expected text; unpack it first (\(command) \(name))"
    }
    if let kind = document(bytes) { return "this is \(kind), expected text" }
    if isGitLFSPointer(bytes) {
      return "this is a git-lfs pointer, not the file itself; fetch that with 'git lfs pull', or "
        + "download it"
    }
    if isWebPage(bytes) {
      return "this is a web page; download the file itself, or, if this is a page of an export of "
        + "Telegram Desktop, run tg-dump on the folder of the export first"
    }
    return encodingProblem(of: bytes, in: path)
  }

  /// The encoding of a file `path` that begins with `bytes`, if it is UTF-16 or UTF-32, and the
  /// remedy.
  package static func encodingProblem(
    of bytes: some Collection<UInt8>, in path: String
  ) -> String? {
    (TextEncoding.marked(bytes) ?? TextEncoding.unmarked(bytes.prefix(length)))?.problem(of: path)
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

  /// What a file that begins with `bytes` is, if it is a document, an image, a recording or a
  /// program.
  package static func document(_ bytes: some Collection<UInt8>) -> String? {
    let kinds: [(beginning: [UInt8], kind: String)] = [
      (Array("%PDF-".utf8), "a PDF document"),
      (Array("SQLite format 3\0".utf8), "an SQLite database"),
      ([0x89] + Array("PNG".utf8), "a PNG image"), ([0xFF, 0xD8, 0xFF], "a JPEG image"),
      (Array("GIF89a".utf8), "a GIF image"), (Array("GIF87a".utf8), "a GIF image"),
      ([0x7F] + Array("ELF".utf8), "a program"), (Array("OggS\0".utf8), "an Ogg audio file"),
      ([0xD0, 0xCF, 0x11, 0xE0], "a document of an old Office program"),
    ]
    if let found = kinds.first(where: { bytes.starts(with: $0.beginning) }) { return found.kind }
    // After these letters, which could be text, comes a byte that could not.
    let hasControl = bytes.prefix(12).contains { $0 < 0x09 }
    if bytes.starts(with: "ID3".utf8), hasControl { return "an MP3 audio file" }
    if bytes.starts(with: "RIFF".utf8), bytes.dropFirst(8).starts(with: "WEBP".utf8) {
      return "a WebP image"
    }
    if bytes.starts(with: "RIFF".utf8), hasControl { return "an audio or video file" }
    return bytes.dropFirst(4).starts(with: "ftyp".utf8) && hasControl ? "an MP4 video" : nil
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
