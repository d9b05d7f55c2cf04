import FileSupport
import TestSupport
import Testing

/// How readers of text take the beginning of a file.
@Suite("the beginning of a text")
struct TextBeginningTests {
  let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
  }

  private func lines(
    _ bytes: [UInt8], as content: InputFile.Content = .text, filter: (any InputFilter)? = nil
  ) throws -> [String] {
    var lines: [String] = []
    var reader = try LineReader(
      path: folder.write(bytes, to: "text.txt"), as: content, filter: filter)
    while let line = try reader.next() { lines.append(String(decoding: line, as: UTF8.self)) }
    return lines
  }

  private func lines(_ text: String, as content: InputFile.Content = .text) throws -> [String] {
    try lines(Array(text.utf8), as: content)
  }

  /// What the error says that reading `bytes` throws; empty without an error.
  private func problem(_ bytes: [UInt8]) -> String {
    do {
      _ = try lines(bytes)
      return ""
    } catch {
      return ((error as? InputError)?.description ?? "\(error)").replacing(
        folder.path + "/", with: "")
    }
  }

  /// `text` in units of `size` bytes.
  private func wide(_ text: String, size: Int, bigEndian: Bool) -> [UInt8] {
    let units =
      size == 2 ? text.utf16.map(UInt32.init) : text.unicodeScalars.map(\.value)
    return units.flatMap { unit in
      let bytes = (0..<size).map { UInt8(truncatingIfNeeded: unit >> ($0 * 8)) }
      return bigEndian ? bytes.reversed() : bytes
    }
  }

  @Test("a byte order mark is not part of a text; only the first is one")
  func mark() throws {
    #expect(try lines("\u{FEFF}КОТ\nПЁС\n") == ["КОТ", "ПЁС"])
    #expect(try lines("\u{FEFF}") == [])
    #expect(try lines("\u{FEFF}\n") == [""])
    #expect(try lines("\u{FEFF}\u{FEFF}КОТ") == ["\u{FEFF}КОТ"])
    #expect(try lines("КОТ\n\u{FEFF}ПЁС") == ["КОТ", "\u{FEFF}ПЁС"])
    #expect(try lines([0xEF]) == ["\u{FFFD}"])
    #expect(try lines([0xEF, 0xBB, 0x41]) == ["\u{FFFD}A"])
    #expect(try lines("\u{FEFF}КОТ", as: .bytes) == ["\u{FEFF}КОТ"])
  }

  @Test("blocks do not contain it, whatever their size", arguments: [1, 2, 3, 4, 600])
  func blocks(size: Int) throws {
    let text = String(repeating: "КОТ\n", count: 200)
    let path = try folder.write("\u{FEFF}" + text, to: "text.txt")
    var reader = try BlockReader(linesOf: path, blockSize: size)
    let block = TextBlock()
    var read: [UInt8] = []
    while try reader.read(into: block) { read += block.bytes }
    #expect(String(decoding: read, as: UTF8.self) == text)
    #expect(reader.input.markLength == 3)
  }

  @Test("an INI file may begin with it")
  func iniFile() throws {
    let ini = try folder.write("\u{FEFF}[length]\non = yes\n", to: "a.ini")
    #expect(
      try INIFile(path: ini, exampleSection: "length").entry("on", in: "length")?.value == "yes")
  }

  /// Lets all pass, and notes the length of the mark.
  private final class Pass: InputFilter {
    var markLength = 0
    func passOverMark(length: Int) { markLength = length }
    func filter(
      _ bytes: UnsafeRawBufferPointer, isLast: Bool, into output: inout [UInt8]
    ) { output += bytes }
  }

  @Test("a filter is informed of it but does not see it")
  func filter() throws {
    let filter = Pass()
    #expect(try lines(Array("\u{FEFF}КОТ".utf8), filter: filter) == ["КОТ"])
    #expect(filter.markLength == 3)
  }

  @Test(
    "text in UTF-16 and UTF-32 is refused, and how to convert it is said",
    arguments: [(2, false), (2, true), (4, false), (4, true)])
  func wideText(size: Int, bigEndian: Bool) throws {
    let name = "UTF-\(size * 8)\(bigEndian ? "BE" : "LE")"
    let texts = [
      "К\n", "КОТ ПРИШЁЛ @ А ДОМА НИКОГО — «НЕТ»\n", #"{"id":1,"text":"кот"}"#, "[a]\nb = c\n",
    ]
    for text in texts {
      #expect(
        problem(wide("\u{FEFF}" + text, size: size, bigEndian: bigEndian))
          == "text.txt: this is text in \(name); expected UTF-8: convert it (iconv -f "
          + "UTF-\(size * 8) -t UTF-8 '\(folder.path)/text.txt' > '\(folder.path)/text.utf8.txt')"
          .replacing(folder.path + "/", with: ""))
      #expect(
        problem(wide(text, size: size, bigEndian: bigEndian)).hasPrefix(
          "text.txt: this looks like text in \(name), although no byte order mark says so; "))
    }
    #expect(problem(wide("\u{FEFF}", size: size, bigEndian: bigEndian)).contains(name))
  }

  @Test("control characters and NULs do not make a text UTF-16")
  func controlCharacters() throws {
    for text in ["\0", "\0\0\0\0\0\0\0\0", "a\0", "КОТ\0\nПЁС\u{4}\n", "\u{4}\u{4}\u{4}\u{4}"] {
      #expect(problem(Array(text.utf8)) == "", "\(text)")
    }
  }

  @Test(
    "archives, pointers and web pages are recognised",
    arguments: [
      (
        [0x50, 0x4B, 3, 4],
        "this is a ZIP archive, expected text; unpack it first (unzip 'text.txt')"
      ),
      (
        [0xFD, 0x37, 0x7A, 0x58, 0x5A],
        "this is packed with xz, expected text; unpack it first (xz -dc 'text.txt')"
      ),
      (
        Array("BZh91AY&SY".utf8),
        "this is packed with bzip2, expected text; unpack it first (bzip2 -dc 'text.txt')"
      ),
      (
        [0x28, 0xB5, 0x2F, 0xFD],
        "this is packed with zstd, expected text; unpack it first (zstd -dc 'text.txt')"
      ),
      (
        [UInt8](repeating: 0x61, count: 257) + Array("ustar".utf8),
        "this is a tar archive, expected text; unpack it first (tar -xf 'text.txt')"
      ),
      (Array("%PDF-1.7\n".utf8), "this is a PDF document, expected text"),
      (Array("ID3\u{4}\0".utf8), "this is an MP3 audio file, expected text"),
      (
        Array("version https://git-lfs.github.com/spec/v1\n".utf8),
        "this is a git-lfs pointer, not the file itself; fetch that with 'git lfs pull', or download "
          + "it"
      ),
      (
        Array("\u{FEFF}\n<!DOCTYPE html>".utf8),
        "this is a web page; download the file itself, or, if this is a page of an export of "
          + "Telegram Desktop, run tg-dump on the folder of the export first"
      ),
    ] as [([UInt8], String)])
  func otherFiles(_ bytes: [UInt8], _ problem: String) {
    #expect(self.problem(bytes) == "text.txt: " + problem)
  }

  @Test("text that begins like such a file is text")
  func likeOtherFiles() throws {
    let texts = [
      "PK", "BZh9", "Rar!", "<htm", "<htmlx>", "version https", "7z", "ustar", "%PDF", "ID3 tags",
      "RIFF and WAVE", "see ftyp",
    ]
    for text in texts { #expect(try lines(text) == [text]) }
  }

  @Test("a single text has neither a mark nor the line end of another system")
  func alone() {
    #expect("\u{FEFF}КОТ\r".asOnlyLine == "КОТ")
    #expect("КОТ\u{FEFF}".asOnlyLine == "КОТ\u{FEFF}")
    #expect("\u{FEFF}".asOnlyLine == "")
    #expect("\r\n".withoutByteOrderMark == "\r\n")
  }
}
