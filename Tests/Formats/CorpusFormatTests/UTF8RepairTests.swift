import CorpusFormat
import FileSupport
import TestSupport
import Testing

/// What becomes of `bytes`, given in pieces of `size` bytes.
private func repaired(
  _ bytes: [UInt8], _ repair: UTF8Repair, pieces size: Int = .max
) throws -> [UInt8] {
  var output: [UInt8] = []
  var rest = bytes[...]
  while !rest.isEmpty {
    let piece = rest.prefix(size)
    rest = rest.dropFirst(piece.count)
    try piece.withUnsafeBytes { try repair.filter($0, isLast: false, into: &output) }
  }
  try repair.filter(UnsafeRawBufferPointer(start: nil, count: 0), isLast: true, into: &output)
  return output
}

private func repaired(
  _ bytes: [UInt8], _ policy: InvalidUTF8Policy, pieces size: Int = .max
) throws -> [UInt8] {
  try repaired(bytes, UTF8Repair(path: "x", policy: policy), pieces: size)
}

@Suite("UTF8Repair")
struct UTF8RepairTests {
  @Test(
    "replaces as Unicode recommends, in whatever pieces the bytes come",
    arguments: [
      // The tables of chapter 3 of the standard, "U+FFFD Substitution of Maximal Subparts".
      (
        "not the shortest form", [0xC0, 0xAF, 0xE0, 0x80, 0xBF, 0xF0, 0x81, 0x82, 0x41], "????????A"
      ),
      ("surrogates", [0xED, 0xA0, 0x80, 0xED, 0xBF, 0xBF, 0xED, 0xAF, 0x41], "????????A"),
      ("other bytes", [0xF4, 0x91, 0x92, 0x93, 0xFF, 0x41, 0x80, 0xBF, 0x42], "?????A??B"),
      ("truncated", [0xE1, 0x80, 0xE2, 0xF0, 0x91, 0x92, 0xF1, 0xBF, 0x41], "????A"),
      // Everything else that can be wrong.
      ("lone continuation", [0x80], "?"), ("three of them", [0xBF, 0x80, 0xBF], "???"),
      ("lead at the end", [0x41, 0xD0], "A?"), ("half of three", [0xE2, 0x82], "?"),
      ("three of four", [0xF0, 0x9F, 0x98], "?"), ("two of four", [0xF0, 0x9F], "?"),
      ("above U+10FFFF", [0xF4, 0x90, 0x80, 0x80], "????"),
      ("five bytes", [0xF8, 0x88, 0x80, 0x80, 0x80], "?????"),
      ("lead before a letter", [0xD0, 0x41], "?A"),
      ("lead before a newline", [0xD0, 0x0A, 0x9A], "?\n?"),
      ("lead before a lead", [0xD0, 0xD0, 0x9A], "?К"),
      ("three of four, then all", [0xF0, 0x9F, 0x98, 0xF0, 0x9F, 0x98, 0x80], "?😀"),
      ("FE FF", [0xFE, 0xFF], "??"), ("nothing wrong", Array("ёж 😀 €\n".utf8), "ёж 😀 €\n"),
      (
        "largest of each length", [0x7F, 0xDF, 0xBF, 0xEF, 0xBF, 0xBF, 0xF4, 0x8F, 0xBF, 0xBF],
        "\u{7F}\u{7FF}\u{FFFF}\u{10FFFF}"
      ),
      ("nothing", [], ""),
    ] as [(String, [UInt8], String)])
  func table(_ name: String, _ bytes: [UInt8], _ expected: String) throws {
    let replaced = expected.replacing("?", with: "\u{FFFD}")
    let dropped = expected.replacing("?", with: "")
    for size in [1, 2, 3, 4, 100] {
      #expect(try repaired(bytes, .replace, pieces: size) == Array(replaced.utf8))
      #expect(try repaired(bytes, .drop, pieces: size) == Array(dropped.utf8))
    }
  }

  @Test("agrees with the standard library on bytes of all kinds")
  func random() throws {
    var generator = SystemRandomNumberGenerator()
    let bytes: [UInt8] = (0..<200_000).map { _ in
      switch UInt8.random(in: 0...9, using: &generator) {
      case 0...1: .random(in: 0x20...0x7E, using: &generator)
      case 2...5: .random(in: 0x80...0xBF, using: &generator)
      case 6: .random(in: 0xC0...0xDF, using: &generator)
      case 7: .random(in: 0xE0...0xEF, using: &generator)
      case 8: .random(in: 0xF0...0xF4, using: &generator)
      default: .random(in: 0...0xFF, using: &generator)
      }
    }
    let expected = Array(String(decoding: bytes, as: UTF8.self).utf8)
    for size in [1, 7, 4096, bytes.count] {
      let result = try repaired(bytes, .replace, pieces: size)
      #expect(result.count == expected.count && result.elementsEqual(expected))
    }
  }

  @Test("does not join what stood apart")
  func dropping() throws {
    #expect(try repaired([0xD0, 0xFF, 0x9A, 0x41], .drop) == [0x41])
  }

  @Test("counts broken characters and their bytes, and keeps where the first were")
  func places() throws {
    let bytes: [UInt8] =
      [0x61, 0xE2, 0x82, 0x0A] + Array("КОТ\n".utf8) + [
        0x62, 0xFF, 0x63, 0xFF, 0x0A, 0xF0, 0x9F, 0x98,
      ]
    for size in [1, 3, 100] {
      let repair = UTF8Repair(path: "posts.txt", policy: .replace)
      _ = try repaired(bytes, repair, pieces: size)
      #expect(repair.sequences == 4)
      #expect(repair.bytes == 7)
      #expect(
        repair.places == [
          .init(line: 1, byte: 2), .init(line: 3, byte: 2), .init(line: 3, byte: 4),
          .init(line: 4, byte: 1),
        ])
      #expect(
        repair.summary
          == "posts.txt: 7 bytes in 4 places, not UTF-8, replaced by U+FFFD: line 1, byte 2; "
          + "line 3, byte 2; line 3, byte 4; line 4, byte 1")
    }
    let many = UTF8Repair(path: "x", policy: .drop)
    _ = try repaired([UInt8](repeating: 0xFF, count: 7), many)
    #expect(many.places.count == 5)
    #expect(many.summary.hasPrefix("x: 7 bytes in 7 places, not UTF-8, dropped: line 1, byte 1; "))
    #expect(many.summary.hasSuffix("line 1, byte 5; and 2 more"))
    let one = UTF8Repair(path: "x", policy: .drop)
    _ = try repaired([0x80], one)
    #expect(one.summary == "x: 1 byte in 1 place, not UTF-8, dropped: line 1, byte 1")
  }

  @Test("stops at the first wrong byte, if asked to, and names line and byte")
  func failing() throws {
    let bytes = Array("КОТ\nПЁС ".utf8) + [0xD0, 0x0A]
    for size in [1, 5, 100] {
      let error = #expect(throws: InputError.self) { try repaired(bytes, .fail, pieces: size) }
      #expect(error?.place == .line(2))
      #expect(error?.problem.hasPrefix("byte 8 of the line, 0xD0, is not UTF-8; ") == true)
    }
    #expect(try repaired(Array("КОТ".utf8), .fail, pieces: 1) == Array("КОТ".utf8))
  }

  @Test("lets a reader see repaired lines only")
  func reader() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write([0x61, 0xFF, 0x0A, 0xFF, 0x0A, 0xD0, 0x9A], to: "posts.txt")
    func posts(_ policy: InvalidUTF8Policy) throws -> [String] {
      var posts: [String] = []
      let repair = UTF8Repair(path: path, policy: policy)
      try CorpusReader.forEachPost(path: path, filter: repair) { line, post, _ in
        posts.append("\(line) \(String(decoding: post, as: UTF8.self))")
      }
      return posts
    }
    #expect(try posts(.replace) == ["1 a\u{FFFD}", "2 \u{FFFD}", "3 К"])
    // A line of which nothing is left holds no post.
    #expect(try posts(.drop) == ["1 a", "3 К"])
  }
}
