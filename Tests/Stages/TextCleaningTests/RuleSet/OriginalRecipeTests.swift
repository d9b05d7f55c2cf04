import CorpusFormat
import FileSupport
import Foundation
import JSONSupport
import TestSupport
import Testing
import TextCleaning

@Suite("the original recipe")
struct OriginalRecipeTests {
  @Test(
    "joins lines by a space, without the header and what it takes for links, and tidies nothing",
    arguments: [
      ("", ""), ("А", "А"), ("А\n@\nБ", "А @ Б"), ("\n", " "), ("А\n\n\nБ\n", "А   Б "),
      ("БУГУРТ-ТРЕД\nА", " А"), ("БУГУРТ-ТРЕД", ""), ("А БУГУРТ-ТРЕД Б\nВ", "А  Б В"),
      ("БУГУРТ-ТРЕДБУГУРТ-ТРЕД БУГУРТ-ТРЕД", " "), ("БУГУРТ-БУГУРТ-ТРЕДТРЕД", "БУГУРТ-ТРЕД"),
      ("А\nБУГУРТ-ТРЕД", "А БУГУРТ-ТРЕД"), ("\nБУГУРТ-ТРЕД", " БУГУРТ-ТРЕД"),
      ("бугурт-тред", "бугурт-тред"), ("А\nhttps://a.ru\nБ", "А  Б"), ("xhttpsx", ""),
      ("http://a\nHTTPS://a", "http://a HTTPS://a"), ("#БТnews\nА", " А"), ("А\n#БТnews", "А "),
      ("#БТnews ", "#БТnews "), (" #БТnews", " #БТnews"), ("БУГУРТ-ТРЕД#БТnews\nА", " А"),
      ("#БТБУГУРТ-ТРЕДnews\nА", " А"), ("htБУГУРТ-ТРЕДtps\nА", " А"), ("А\r\nБ", "А\r Б"),
      ("А\u{2028}Б\u{B}\u{85}", "А\u{2028}Б\u{B}\u{85}"), ("\u{FEFF}#БТnews", "\u{FEFF}#БТnews"),
    ])
  func cases(_ text: String, _ expected: String) throws {
    #expect(try Cleaning(["-", text], RuleSet(.original)).texts == ["-" + expected])
  }

  @Test("keeps every post, empty and repeated ones too, and counts what it changed")
  func counts() throws {
    let cleaner = try Cleaning(
      ["А", "А", "", "#БТnews", "БУГУРТ-ТРЕД\n#БТnews"], RuleSet(.original))
    #expect(cleaner.texts == ["АА "])
    #expect(
      cleaner.funnel.steps.map(\.rule) == ["original-header", "original-lines", "original-join"])
    #expect(cleaner.funnel.steps.map(\.changed) == [1, 2, 1])
    #expect(cleaner.funnel.steps.map(\.dropped) == [0, 0, 0])
    #expect(cleaner.funnel.postsOut == 5)
    #expect(!cleaner.funnel.isOnePostALine)
  }

  private static let python = ProcessInfo.processInfo.environment["PATH", default: "/usr/bin"]
    .split(separator: ":").map { "\($0)/python3" }
    .first { FileManager.default.isExecutableFile(atPath: $0) }

  /// The recipe in the language it was written in.
  private let script = """
    import json, sys
    sys.stdin.reconfigure(encoding='utf-8', newline='\\n')
    for row in sys.stdin:
        lines = json.loads(row).split('\\n')
        lines[0] = lines[0].replace('БУГУРТ-ТРЕД', '')
        lines = ['' if 'https' in line or line == '#БТnews' else line for line in lines]
        sys.stdout.buffer.write(' '.join(lines).encode('utf-8'))
    """

  @Test(
    "writes the bytes that Python writes, for random posts",
    .enabled(if: python != nil, "there is no python3"))
  func againstPython() throws {
    var dice = Dice(seed: 11)
    let pieces = [
      "БУГУРТ-ТРЕД", "БУГУРТ-", "ТРЕД", "https", "http", "s", "#БТnews", "#БТ", "news", "\n", "\n",
      "@", " ", "А", "я", "\r", "\t", "\u{0}", "\u{1C}", "\u{85}", "\u{2028}", "\u{FEFF}", "\u{A0}",
      "\"", "\\", "👨‍👩‍👧", "й", "\u{FFFF}", "\u{10FFFF}",
    ]
    let texts = (0..<4000).map { _ in
      (0..<Int.random(in: 0...14, using: &dice))
        .map { _ in pieces.randomElement(using: &dice) ?? "" }.joined()
    }
    let folder = try TemporaryFolder()
    let rows = try folder.write(
      texts.map { JSONValue.string($0).text() + "\n" }.joined(), to: "posts.jsonl")
    let process = Process()
    let output = Pipe()
    process.executableURL = URL(filePath: Self.python ?? "")
    process.arguments = [try folder.write(script, to: "original.py")]
    process.standardInput = try FileHandle(forReadingFrom: URL(filePath: rows))
    process.standardOutput = output
    try process.run()
    let expected = [UInt8](output.fileHandleForReading.readDataToEndOfFile())
    process.waitUntilExit()
    #expect(process.terminationStatus == 0)
    #expect(expected.count > 50_000)
    #expect(
      Array(try Cleaning(texts, RuleSet(.original)).texts.joined(separator: "\n").utf8) == expected)
  }
}
