import Sampling
import Testing

@Suite("BugurtFormat")
struct BugurtFormatTests {
  @Test(
    "each separator stands on a line of its own",
    arguments: [
      ("ПРИШЁЛ @ УВИДЕЛ @ УСНУЛ", "ПРИШЁЛ\n@\nУВИДЕЛ\n@\nУСНУЛ"),
      ("без разделителя", "без разделителя"),
      ("  лишние   пробелы  @  тут ", "лишние пробелы\n@\nтут"),
      ("@ в начале @ и в конце @", "в начале\n@\nи в конце"),
      ("два @ @ подряд", "два\n@\nподряд"),
      ("почта a@b.ru @ остаётся", "почта a@b.ru\n@\nостаётся"),
      ("", ""),
      ("@", ""),
    ])
  func lines(text: String, expected: String) {
    #expect(BugurtFormat.lines(text) == expected)
  }
}
