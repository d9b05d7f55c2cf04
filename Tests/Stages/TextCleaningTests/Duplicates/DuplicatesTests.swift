import TextCleaning
import Testing

@Suite("duplicates")
struct DuplicatesTests {
  @Test("drops what came before, and keeps the first")
  func drops() {
    var rule = DuplicateFilter()
    let areNew = ["А", "Б", "А", "а", "", "", "А\nБ", "А\nБ", "Б"].map { text in
      rule.isNew(Digest(of: text.utf8.span))
    }
    #expect(areNew == [true, true, false, true, true, false, true, false, false])
  }

  @Test("compares texts as the rules before it left them")
  func cleaned() throws {
    let cleaning = try Cleaning([
      "БУГУРТ-ТРЕД\nА\n@\nБ", "А @  Б", "А\n@\nБ\nhttps://a.ru", "А\nБ",
    ])
    #expect(cleaning.texts == ["А @ Б", "А Б"])
  }

  /// The digest of the bytes 0, 1, … `count` - 1 under the key of the bytes 0 … 15, in hexadecimal.
  private func digest(_ count: Int) -> String {
    let bytes = (0..<count).map { UInt8($0) }
    let digest = Digest(of: bytes.span, key: (0x0706_0504_0302_0100, 0x0F0E_0D0C_0B0A_0908))
    return [digest.low, digest.high].map { word in
      (0..<8).map { byte in
        let value = UInt8(truncatingIfNeeded: word >> UInt64(8 * byte))
        return (value < 16 ? "0" : "") + String(value, radix: 16)
      }.joined()
    }.joined()
  }

  @Test(
    "digests as the reference implementation of SipHash does",
    arguments: [
      (0, "a3817f04ba25a8e66df67214c7550293"), (1, "da87c1d86b99af44347659119b22fc45"),
      (2, "8177228da4a45dc7fca38bdef60affe4"),
    ])
  func referenceDigests(_ count: Int, _ expected: String) {
    #expect(digest(count) == expected)
  }

  @Test("digests texts of every length differently, and each byte counts")
  func differentDigests() {
    var digests: Set<Digest> = []
    for count in 0..<64 {
      var bytes = [UInt8](repeating: 0, count: count)
      digests.insert(Digest(of: bytes.span))
      for index in 0..<count {
        bytes[index] = 1
        digests.insert(Digest(of: bytes.span))
        bytes[index] = 0
      }
    }
    #expect(digests.count == 64 + 63 * 64 / 2)
  }
}
