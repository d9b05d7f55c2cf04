/// An encoding of text other than UTF-8, and how to convert from it.
public struct TextEncoding: Equatable, Sendable {
  /// The name used in messages.
  let name: String
  /// The name that `iconv` uses.
  let iconvName: String
  /// Whether it is only a guess.
  let isGuess: Bool

  /// The problem with a file `path` in this encoding.
  func problem(of path: String) -> String {
    let found =
      isGuess
      ? "this looks like text in \(name), although no byte order mark says so"
      : "this is text in \(name)"
    return "\(found); expected UTF-8: convert it (\(conversion(of: path)))"
  }

  // MARK: - UTF-16 and UTF-32

  /// The encoding named by the byte order mark at the beginning of `bytes`; `nil` if there is none
  /// or it is that of UTF-8.
  static func marked(_ bytes: some Collection<UInt8>) -> TextEncoding? {
    let marks: [(bytes: [UInt8], name: String, iconvName: String)] = [
      ([0xFF, 0xFE, 0, 0], "UTF-32LE", "UTF-32"), ([0, 0, 0xFE, 0xFF], "UTF-32BE", "UTF-32"),
      ([0xFF, 0xFE], "UTF-16LE", "UTF-16"), ([0xFE, 0xFF], "UTF-16BE", "UTF-16"),
    ]
    return marks.first { bytes.starts(with: $0.bytes) }.map {
      TextEncoding(name: $0.name, iconvName: $0.iconvName, isGuess: false)
    }
  }

  /// UTF-16 or UTF-32 if `bytes`, which have no mark, are Latin or Cyrillic text in it.
  ///
  /// In these encodings, each letter has one byte of its own and others that are 0 or 4, which do
  /// not occur in UTF-8 text.
  static func unmarked(_ bytes: some Collection<UInt8>) -> TextEncoding? {
    var counts = [0, 0, 0, 0]
    for (index, byte) in bytes.enumerated() where byte == 0 || byte == 4 { counts[index % 4] += 1 }
    let groups = bytes.count / 4
    guard groups > 0 else { return nil }
    // Some characters have a different upper byte, or a lower byte of 0 or 4.
    let areUpper = counts.map { $0 * 4 >= groups * 3 ? true : $0 * 8 <= groups ? false : nil }
    let encodings: [(areUpper: [Bool], name: String)] = [
      ([false, true, false, true], "UTF-16LE"), ([true, false, true, false], "UTF-16BE"),
      ([false, true, true, true], "UTF-32LE"), ([true, true, true, false], "UTF-32BE"),
    ]
    return encodings.first { $0.areUpper == areUpper }.map {
      TextEncoding(name: $0.name, iconvName: $0.name, isGuess: true)
    }
  }

  // MARK: - Encodings with one byte per letter

  /// The encoding in which `bytes`, which are not all UTF-8, are most likely Russian; `nil` if none
  /// stands out.
  static func guess(_ bytes: some Collection<UInt8>) -> TextEncoding? {
    let bytes = Array(bytes)
    let high = bytes.count { $0 >= 0x80 }
    // The letters of a word are adjacent, and text that is mostly UTF-8 is damaged UTF-8.
    guard high >= 3, runLength(bytes) * 5 >= high * 3, validUTF8(bytes) * 2 < high else {
      return nil
    }
    let scores = RussianAlphabet.all.map { (name: $0.name, score: $0.score(bytes)) }
      .sorted { $0.score > $1.score }
    guard scores[0].score >= RussianAlphabet.leastScore * high,
      scores[0].score * 4 >= scores[1].score * 5
    else { return nil }
    return TextEncoding(name: scores[0].name, iconvName: scores[0].name, isGuess: true)
  }

  /// What to do about a file `path` that is not UTF-8 at `bytes`: a text to append to the problem,
  /// empty if nothing is known.
  public static func remedy(for bytes: some Collection<UInt8>, in path: String) -> String {
    guard let encoding = guess(bytes) else { return "" }
    return
      "; it looks like \(encoding.name), which is a guess based on its letters: if all of the file "
      + "is in it, convert the file (\(encoding.conversion(of: path)))"
  }

  /// How many bytes from 0x80 on are next to another one.
  private static func runLength(_ bytes: [UInt8]) -> Int {
    bytes.indices.count { index in
      bytes[index] >= 0x80
        && (index > 0 && bytes[index - 1] >= 0x80
          || index + 1 < bytes.count && bytes[index + 1] >= 0x80)
    }
  }

  /// How many bytes from 0x80 on belong to a valid UTF-8 character.
  private static func validUTF8(_ bytes: [UInt8]) -> Int {
    let valid = String(decoding: bytes, as: UTF8.self).unicodeScalars
      .filter { !$0.isASCII && $0 != "\u{FFFD}" }
    return valid.reduce(0) { $0 + UTF8.width($1) }
  }

  // MARK: - Conversion

  /// The command that converts the file `path` to UTF-8.
  func conversion(of path: String) -> String {
    let iconv = "iconv -f \(iconvName) -t UTF-8"
    guard path != "-" else { return "… | \(iconv) | …" }
    let isPacked = path.hasSuffix(".gz")
    let plain = isPacked ? String(path.dropLast(3)) : path
    let name = Folder.name(of: plain)
    var output = plain + ".utf8"
    if let dot = name.lastIndex(of: "."), dot > name.startIndex {
      let ending = name[dot...]
      output = "\(plain.dropLast(ending.count)).utf8\(ending)"
    }
    return isPacked
      ? "gzip -dc \(shellQuoted(path)) | \(iconv) > \(shellQuoted(output))"
      : "\(iconv) \(shellQuoted(path)) > \(shellQuoted(output))"
  }
}

/// `text` quoted as one word of a shell command.
func shellQuoted(_ text: String) -> String {
  "'" + text.replacing("'", with: #"'\''"#) + "'"
}
