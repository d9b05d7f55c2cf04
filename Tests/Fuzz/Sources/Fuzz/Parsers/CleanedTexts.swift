import CorpusFormat
import FileSupport
import TextCleaning

extension FuzzedParser {
  /// `CorpusReader`: cleaned text, a post in each line.
  static let cleanedText = FuzzedParser(
    name: "cleaned-text",
    seeds: [
      "КОТ @ ПЁС\nБУГУРТ-ТРЕД @ А\n", "\u{FEFF}A\r\n\r\nB\n\u{FEFF}C", "\u{1F}\u{8B}\u{8}", "\n\n",
      "\u{FEFF}\u{FEFF}",
    ],
    words: ["\r\n", "\n", "\u{FEFF}", " @ ", "\0", "КОТ", "{\"id\":1,", "[", "<html>"]
  ) { bytes, scratch in
    let path = try scratch.file("a.txt", holding: bytes)
    var posts: [[UInt8]] = []
    try CorpusReader.forEachPost(path: path) { _, post, _ in posts.append(Array(post)) }
    expect(posts.allSatisfy { !$0.isEmpty && !$0.contains(0x0A) }, "a post is a line")
    guard bytes.count < 2 || bytes[0] != 0x1F || bytes[1] != 0x8B else { return }
    var again: [[UInt8]] = []
    CorpusReader.forEachPost(in: bytes) { _, range in again.append(Array(bytes[range])) }
    expect(again == posts, "posts of a block are those of the file")
  }

  /// `RuleSet`: a rule file.
  static let rules = FuzzedParser(
    name: "rules",
    seeds: [
      "[length]\non = yes\nminimum = 20\n", "\u{FEFF}# c\r\n[links]\r\non: no\r\n[adverts]\r\n",
      RuleSet(.house).text, RuleSet(.original).text,
    ],
    words: [
      "[length]", "[links]", "[near-duplicates]", "[DEFAULT]", "on = ", "minimum = ", "maximum",
      "yes",
      "no", "0.5", "1e400", "-1", "9223372036854775808", "\n  ", "\r\n", ";", "#", "=", ":",
    ]
  ) { bytes, scratch in
    var rules = RuleSet(.house)
    try rules.read(path: scratch.file("rules.ini", holding: bytes))
    var text = rules.text
    var again = RuleSet(.house)
    try text.withUTF8 {
      try again.read(path: scratch.file("again.ini", holding: UnsafeRawBufferPointer($0)))
    }
    expect(again.text == rules.text, "a rule file that is written and read again is the same")
  }
}
