/// The letters that the bytes from 0x80 on represent in an encoding of Russian.
///
/// The right encoding of a text shows in the frequencies of its letters, and in vowels alternating
/// with consonants: КОТ in CP1251 is ЙНР in KOI8-R.
struct RussianAlphabet {
  /// The name of the encoding.
  let name: String
  private var letters = [Letter?](repeating: nil, count: 256)

  private struct Letter {
    let isVowel: Bool
    let isSign: Bool
    let isUpperCase: Bool
    /// Its frequency per thousand letters.
    let frequency: Int
  }

  /// The lowest mean score of the letters of a text that may be Russian: real texts score about 90,
  /// random bytes 20.
  static let leastScore = 50

  static let all = [
    RussianAlphabet(
      "CP1251", inOrder + "ё", upper: [0xC0...0xDF, 0xA8...0xA8],
      lower: [0xE0...0xFF, 0xB8...0xB8]),
    RussianAlphabet(
      "KOI8-R", "юабцдефгхийклмнопярстужвьызшэщчъё", upper: [0xE0...0xFF, 0xB3...0xB3],
      lower: [0xC0...0xDF, 0xA3...0xA3]),
    RussianAlphabet(
      "CP866", inOrder + "ё", upper: [0x80...0x9F, 0xF0...0xF0],
      lower: [0xA0...0xAF, 0xE0...0xEF, 0xF1...0xF1]),
    RussianAlphabet(
      "ISO-8859-5", inOrder + "ё", upper: [0xB0...0xCF, 0xA1...0xA1],
      lower: [0xD0...0xEF, 0xF1...0xF1]),
  ]

  private static let inOrder = "абвгдежзийклмнопрстуфхцчшщъыьэюя"

  private static let frequencies: [Character: Int] = [
    "о": 110, "е": 85, "а": 80, "и": 74, "н": 67, "т": 63, "с": 55, "р": 47, "в": 45, "л": 44,
    "к": 35, "м": 32, "д": 30, "п": 28, "у": 26, "я": 20, "ы": 19, "ь": 17, "г": 17, "з": 16,
    "б": 16, "ч": 14, "й": 12, "х": 10, "ж": 9, "ш": 7, "ю": 6, "ц": 5, "щ": 4, "э": 3, "ф": 3,
    "ъ": 1, "ё": 1,
  ]

  /// `upper` and `lower` are the bytes of `letters`, in the same order.
  private init(
    _ name: String, _ letters: String, upper: [ClosedRange<Int>], lower: [ClosedRange<Int>]
  ) {
    self.name = name
    for (ranges, isUpperCase) in [(upper, true), (lower, false)] {
      for (byte, letter) in zip(ranges.joined(), letters) {
        self.letters[byte] = Letter(
          isVowel: "аеиоуыэюяё".contains(letter), isSign: "ьъ".contains(letter),
          isUpperCase: isUpperCase, frequency: Self.frequencies[letter] ?? 0)
      }
    }
  }

  /// How much `bytes` look like Russian in this encoding.
  func score(_ bytes: [UInt8]) -> Int {
    var sum = 0
    var previous: Letter?
    for byte in bytes {
      let letter = letters[Int(byte)]
      defer { previous = letter }
      guard let letter else { continue }
      guard let previous else {
        sum += letter.frequency
        continue
      }
      // No word continues in upper case after lower case.
      sum += letter.isUpperCase && !previous.isUpperCase ? -60 : letter.frequency
      if letter.isVowel != previous.isVowel {
        sum += 40
      } else if !letter.isSign {
        sum -= 20
      }
    }
    return sum
  }
}
