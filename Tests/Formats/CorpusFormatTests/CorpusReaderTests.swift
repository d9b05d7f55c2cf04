import CorpusFormat
import FileSupport
import Foundation
import TestSupport
import Testing
import TextSupport

@Suite("CorpusReader")
struct CorpusReaderTests {
  let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
  }

  private func posts(of path: String) throws -> [String] {
    var posts: [String] = []
    try CorpusReader.forEachPost(path: path) { line, post, _ in
      posts.append("\(line) \(String(decoding: post, as: UTF8.self))")
    }
    return posts
  }

  @Test(
    "gives each line with its number, and passes over what holds no post",
    arguments: [
      ("", []), ("\n\n", []), ("раз @ два\nтри\n", ["1 раз @ два", "2 три"]),
      ("раз\nтри", ["1 раз", "2 три"]), ("раз\n\nтри\n", ["1 раз", "3 три"]),
      ("\u{FEFF}раз\nтри\n", ["1 раз", "2 три"]), ("раз\r\n\r\nтри\r\n", ["1 раз", "3 три"]),
      ("а\u{2028}б\n", ["1 а\u{2028}б"]), ("а\n\u{FEFF}б\u{FEFF}\n", ["1 а", "2 б\u{FEFF}"]),
      ("\u{FEFF}а\r\n\u{FEFF}\r\n\u{FEFF}\n\u{FEFF}б", ["1 а", "4 б"]),
      ("\u{FEFF}\u{FEFF}а\n\u{FEFF}\u{FEFF}\n\u{FEFF}\u{FEFF}б", ["1 а", "3 б"]),
    ] as [(String, [String])])
  func lines(_ text: String, _ expected: [String]) throws {
    #expect(try posts(of: folder.write(text, to: "posts.txt")) == expected)
  }

  @Test(
    "reports which line a newline ends",
    arguments: [
      ("а\nб", [true, false]), ("а\r\nб\r", [true, false]), ("а\n\nб\n", [true, true]),
    ])
  func newlines(_ text: String, _ expected: [Bool]) throws {
    var ends: [Bool] = []
    try CorpusReader.forEachPost(path: folder.write(text, to: "posts.txt")) { ends.append($2) }
    #expect(ends == expected)
  }

  @Test(
    "refuses the files that cleaned text is made of, and says what is to be done with them",
    arguments: [
      (
        #"{"id":1,"date":"2016-03-01T09:00:00Z","text":"КОТ"}"#,
        "these are posts as tg-dump writes them, expected cleaned text; run bugurt-clean first"
      ),
      (
        "{\n \"name\": \"Чат\",\n \"type\": \"public_channel\",\n \"id\": 1,\n",
        "this is an export of Telegram Desktop, expected cleaned text; run tg-dump and bugurt-clean "
          + "first"
      ),
    ])
  func otherFiles(_ text: String, _ problem: String) throws {
    let path = try folder.write(text + "\n", to: "posts.txt")
    let error = #expect(throws: InputError.self) { try posts(of: path) }
    #expect(error?.description == "\(path): \(problem)")
    let blocks = #expect(throws: InputError.self) {
      var reader = try CorpusReader.blocks(of: path, blockSize: 64)
      _ = try reader.read(into: TextBlock())
    }
    #expect(blocks?.problem == problem)
  }

  @Test("takes braces for text where they are")
  func braces() throws {
    for text in ["{", "{\"id\":1}", "{\"name\": \"КОТ\"}", "{КОТ} \"date\""] {
      #expect(try posts(of: folder.write(text, to: "posts.txt")) == ["1 " + text])
    }
  }

  @Test("guesses the encoding of Russian text that is not UTF-8")
  func guess() throws {
    // КОТ ПРИШЁЛ ДОМОЙ in CP1251.
    let bytes: [UInt8] = [
      0xCA, 0xCE, 0xD2, 0x20, 0xCF, 0xD0, 0xC8, 0xD8, 0xA8, 0xCB, 0x20, 0xC4, 0xCE, 0xCC, 0xCE,
      0xC9, 0x0A,
    ]
    let path = try folder.write(bytes, to: "posts.txt")
    let error = #expect(throws: InputError.self) { try posts(of: path) }
    #expect(
      error?.problem.hasSuffix(
        "; it looks like CP1251, which is a guess based on its letters: if all of the file is in "
          + "it, convert the file (iconv -f CP1251 -t UTF-8 '\(path)' > '\(folder.path("posts.utf8.txt"))')"
      )
        == true)
  }

  @Test("unpacks gzip")
  func gzip() throws {
    // gzip -9n of "КОТ @ КИТ\n"
    let packed: [UInt8] = [
      0x1F, 0x8B, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03, 0xBB, 0x30, 0xEB, 0xC2, 0xBC,
      0x0B, 0x8B, 0x14, 0x1C, 0x14, 0x2E, 0xCC, 0xBA, 0x30, 0xE3, 0xC2, 0x22, 0x2E, 0x00, 0xF6,
      0x01, 0x40, 0xD5, 0x10, 0x00, 0x00, 0x00,
    ]
    #expect(try posts(of: folder.write(packed, to: "posts.txt.gz")) == ["1 КОТ @ КИТ"])
  }

  @Test(
    "names line and byte of what is not UTF-8",
    arguments: [
      ([0xD0, 0x9A, 0x0A, 0x61, 0xFF, 0x0A], 2, 2, "FF"),
      ([0xC0, 0x80], 1, 1, "C0"),
      ([0x61, 0x62, 0x63, 0x0A, 0xD0], 2, 1, "D0"),
      ([0xEF, 0xBB, 0xBF, 0x61, 0x05, 0x80], 1, 6, "80"),
    ] as [([UInt8], Int, Int, String)])
  func invalid(_ bytes: [UInt8], _ line: Int, _ byte: Int, _ name: String) throws {
    let path = try folder.write(bytes, to: "posts.txt")
    let error = #expect(throws: InputError.self) { try posts(of: path) }
    #expect(
      error?.description
        == "\(path): line \(line): byte \(byte) of the line, 0x\(name), is not UTF-8; cleaned text "
        + "is UTF-8: convert other encodings first (iconv -t UTF-8), or have bpe-encode replace or "
        + "drop such bytes (--invalid-utf8)")
  }

  @Test("reports progress up to the size of the file, and stops where the report throws")
  func progress() throws {
    struct Stop: Error {}
    let line = String(repeating: "бугурт ", count: 40) + "\n"
    let text = String(repeating: line, count: 6000)
    let path = try folder.write(text, to: "posts.txt")
    var reports: [Int] = []
    try CorpusReader.forEachPost(path: path, progress: { reports.append($0) }, { _, _, _ in })
    #expect(reports.last == text.utf8.count)
    #expect(reports == reports.sorted())
    #expect((3...20).contains(reports.count))

    var count = 0
    #expect(throws: Stop.self) {
      try CorpusReader.forEachPost(path: path, progress: { _ in throw Stop() }) { _, _, _ in
        count += 1
      }
    }
    #expect(count == 0)
  }

  @Test("says which file is not there")
  func missing() {
    let path = folder.path("none.txt")
    let error = #expect(throws: FileError.self) { try posts(of: path) }
    #expect(error?.description == "\(path): cannot open: No such file or directory")
  }
}

@Suite("UTF-8")
struct UTF8ScanningTests {
  private func invalidOffset(_ bytes: [UInt8]) -> Int? {
    bytes.withUnsafeBytes { offsetOfInvalidUTF8(in: $0) }
  }

  @Test("agrees with the standard library on every sequence of lead byte and edge bytes")
  func allSequences() {
    let edges: [UInt8] = [
      0x00, 0x41, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xC2, 0xE0, 0xF0, 0xFF,
    ]
    let further: [UInt8] = [0x41, 0x80, 0xBF, 0xC0]
    var wrong: [[UInt8]] = []
    for lead in UInt8.min...UInt8.max {
      for b in edges {
        for c in further {
          for d in further {
            for length in 1...4 {
              let bytes = Array([lead, b, c, d][..<length])
              let isValid = String(validating: bytes, as: UTF8.self) != nil
              if isValid != (invalidOffset(bytes) == nil) { wrong.append(bytes) }
            }
          }
        }
      }
    }
    #expect(wrong == [])
  }

  @Test("finds the byte wherever it stands among letters of one byte")
  func positions() {
    for count in 0..<40 {
      for place in 0..<max(count, 1) where place < count {
        var bytes = [UInt8](repeating: 0x61, count: count)
        bytes[place] = 0x80
        #expect(invalidOffset(bytes) == place)
      }
      #expect(invalidOffset([UInt8](repeating: 0x61, count: count)) == nil)
    }
  }

  @Test("counts scalars, not bytes or what is seen as one character")
  func scalars() {
    for text in ["", "abc", "БУГУРТ", "а\u{301}", "👨‍👩‍👧", "🇷🇺", "€𝄞x"] {
      let count = Array(text.utf8).withUnsafeBytes { unicodeScalarCount(of: $0) }
      #expect(count == text.unicodeScalars.count)
    }
  }
}
