import Foundation
import TestSupport
import TextCleaning
import Testing

/// The program as a user starts it.
@Suite("bugurt-clean")
struct ProgramTests {
  let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
    try folder.write(
      """
      {"id":1,"date":"2016-03-01T09:00:00Z","text":"БУГУРТ-ТРЕД\\nКОГДА А\\n@\\nБ"}
      {"id":2,"date":"2016-03-01T09:00:00Z","text":"#БТnews\\nМЫ"}
      {"id":5,"date":"2016-03-01T09:00:00Z","text":"","media":"photo"}
      {"id":6,"date":"2016-03-01T09:00:00Z","text":"КОГДА А\\n@\\nБ"}

      """, to: "posts.jsonl")
  }

  private struct Ended: Equatable {
    var status: Int32
    var output: String
    var log: String
  }

  /// Runs the program in the folder, with `input` as its standard input.
  private func run(_ arguments: [String], input: String = "/dev/null") throws -> Ended {
    // The tests are built into the folder of the programs.
    let tests = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
    let process = Process()
    process.executableURL = URL(filePath: tests).deletingLastPathComponent()
      .appending(path: "bugurt-clean")
    process.currentDirectoryURL = URL(filePath: folder.path)
    process.arguments = arguments
    process.standardInput = try FileHandle(forReadingFrom: URL(filePath: input))
    let output = Pipe()
    process.standardOutput = output
    let logPath = try folder.write("", to: "log")
    process.standardError = try FileHandle(forWritingTo: URL(filePath: logPath))
    try process.run()
    let bytes = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    let log = try folder.text(of: "log")
    try FileManager.default.removeItem(atPath: logPath)
    return Ended(
      status: process.terminationStatus, output: String(decoding: bytes, as: UTF8.self), log: log)
  }

  @Test("warns of half of an emoji in a text, and cleans the post")
  func loneSurrogates() throws {
    let text = #"КОТ\ud83d\n@\nПЁС"#
    try folder.write(
      #"{"id":1,"date":"2016-03-01T09:00:00Z","text":"\#(text)"}"# + "\n", to: "broken.jsonl")
    let ended = try run(["broken.jsonl"])
    #expect(ended.status == 0)
    #expect(
      ended.log.hasPrefix(
        "bugurt-clean: warning: 1 post had half of an emoji in a text (a lone surrogate such as "
          + "\\ud83d), replaced by U+FFFD\n"))
  }

  private let table = """
    posts in       4
    forwards       0   0.0 %  0 changed
    polls          0   0.0 %  0 changed
    unicode        0   0.0 %  0 changed
    channel-news  -1  25.0 %  0 changed
    adverts        0   0.0 %  0 changed
    header         0   0.0 %  1 changed
    boilerplate    0   0.0 %  0 changed
    links          0   0.0 %  0 changed
    mentions       0   0.0 %  0 changed
    hashtags       0   0.0 %  0 changed
    alphabet       0   0.0 %  0 changed
    separators     0   0.0 %  0 changed
    punctuation    0   0.0 %  0 changed
    emoji          0   0.0 %  0 changed
    join-lines     0   0.0 %  2 changed
    empty         -1  25.0 %  0 changed
    duplicates    -1  25.0 %  0 changed
    posts out      1  25.0 %

    """

  @Test("writes the text and the funnel beside it, and shows the funnel")
  func files() throws {
    let ended = try run(["posts.jsonl", "-o", "clean/run.txt"])
    #expect(ended == Ended(status: 0, output: "", log: table))
    #expect(try folder.names() == ["clean", "posts.jsonl"])
    #expect(try folder.text(of: "clean/run.txt") == "КОГДА А @ Б\n")
    let funnel = try folder.text(of: "clean/run.funnel.json")
    #expect(funnel.contains("\"posts_in\": 4,") && funnel.contains("\"posts_out\": 1,"))
  }

  @Test("is a filter, too, without a funnel")
  func filter() throws {
    let ended = try run(["-"], input: folder.path("posts.jsonl"))
    #expect(ended == Ended(status: 0, output: "КОГДА А @ Б\n", log: table))
    #expect(try folder.names() == ["posts.jsonl"])
    let withFunnel = try run(["posts.jsonl", "--funnel", "f.json"])
    #expect(withFunnel.output == "КОГДА А @ Б\n")
    #expect(try folder.names() == ["f.json", "posts.jsonl"])
  }

  @Test("shows what the text is like, wherever it goes")
  func statistics() throws {
    let toFile = try run(["posts.jsonl", "-o", "text.txt", "--statistics"])
    #expect(
      toFile.log.hasPrefix(table + "posts                   1  of 3.0 words, 11 characters each\n"))
    let toOutput = try run(["posts.jsonl", "--statistics"])
    #expect(toOutput == Ended(status: 0, output: "КОГДА А @ Б\n", log: toFile.log))
    #expect(try run(["posts.jsonl", "--statistics", "--sample=1"]).log == toFile.log)
    let original = ["posts.jsonl", "--statistics", "--recipe=original"]
    #expect(try run(original).log == run(original + ["-o", "text.txt"]).log)
  }

  @Test("takes posts and rules that an editor gave a byte order mark and other line ends")
  func editedFiles() throws {
    func edit(_ text: String) -> String { "\u{FEFF}" + text.replacing("\n", with: "\r\n") }
    try folder.write(edit(try folder.text(of: "posts.jsonl")), to: "edited.jsonl")
    #expect(try run(["edited.jsonl"]) == run(["posts.jsonl"]))
    try folder.write(edit("[header]\non = no\n"), to: "rules.ini")
    #expect(
      try run(["edited.jsonl", "--rules=rules.ini"]) == run(["posts.jsonl", "--rule=header=off"]))
  }

  @Test(
    "says what to do with a file of another kind",
    arguments: [
      (
        "КОТ\n", "line 1: expected a post, such as ",
        "bpe-encode takes it as it is, one post per line; "
      ),
      (
        "{\n \"name\": \"Чат\"", "line 1: ", "; this looks like JSON of several lines: run tg-dump "
      ),
      ("PK\u{3}\u{4}", "this is a ZIP archive, ", "unpack it first (unzip 'other')\n"),
      ("<html>", "this is a web page; ", "run tg-dump on the folder of the export first\n"),
    ])
  func otherFiles(_ text: String, _ beginning: String, _ part: String) throws {
    try folder.write(text, to: "other")
    let ended = try run(["other"])
    #expect(ended.status == 65 && ended.output == "")
    #expect(ended.log.hasPrefix("bugurt-clean: error: other: " + beginning), "\(ended.log)")
    #expect(ended.log.contains(part), "\(ended.log)")
  }

  @Test("says that posts are in another encoding, and how to convert them")
  func encodings() throws {
    let line = #"{"id":1,"date":"2016-03-01T09:00:00Z","text":"%"}"#.split(separator: "%")
    // КОТ ДОМА in CP1251.
    let letters: [UInt8] = [0xCA, 0xCE, 0xD2, 0x20, 0xC4, 0xCE, 0xCC, 0xC0]
    try folder.write(Array(line[0].utf8) + letters + Array(line[1].utf8), to: "other")
    #expect(
      try run(["other"]).log.hasPrefix(
        "bugurt-clean: error: other: line 1: the string is not UTF-8; it looks like CP1251, which is a "
          + "guess based on its letters: if all of the file is in it, convert the file (iconv -f CP1251 "
          + "-t UTF-8 'other' > 'other.utf8')"))
    let utf16 = try folder.text(of: "posts.jsonl").utf16
    try folder.write(utf16.flatMap { [UInt8($0 & 0xFF), UInt8($0 >> 8)] }, to: "other")
    let ended = try run(["other", "--skip-bad=100"])
    #expect(ended.status == 65)
    #expect(
      ended.log
        == "bugurt-clean: error: other: this looks like text in UTF-16LE, although no byte order "
        + "mark says so; expected UTF-8: convert it (iconv -f UTF-16LE -t UTF-8 'other' > "
        + "'other.utf8')\n")
  }

  @Test("obeys its options")
  func options() throws {
    #expect(try run(["posts.jsonl", "--news=line"]).output == "КОГДА А @ Б\nМЫ\n")
    #expect(try run(["posts.jsonl", "--news", "keep"]).output == "КОГДА А @ Б\n#БТnews МЫ\n")
    #expect(
      try run(["posts.jsonl", "--recipe", "original"]).output == " КОГДА А @ Б МЫКОГДА А @ Б")
    let rules = try run(["--list-rules"]).output.split(separator: "\n").filter {
      $0.hasPrefix("[")
    }
    #expect(rules == RuleSet(.house).declarations.map { "[\($0.name)]"[...] })
    #expect(try run(["--list-rules", "--recipe=original"]).output.contains("original-join"))
  }

  @Test("chooses rules and settings by options and files, the options last")
  func rules() throws {
    #expect(
      try run(["posts.jsonl", "--rule=header=off"]).output
        == "БУГУРТ-ТРЕД КОГДА А @ Б\nКОГДА А @ Б\n")
    try folder.write("[header]\non = no\n[channel-news]\nnews = line\n", to: "rules.ini")
    let both = ["posts.jsonl", "--rules=rules.ini", "--rule", "header=on", "--rule=duplicates=off"]
    #expect(try run(both).output == "КОГДА А @ Б\nМЫ\nКОГДА А @ Б\n")
    #expect(try run(both + ["--news=keep"]).output == "КОГДА А @ Б\n#БТnews МЫ\nКОГДА А @ Б\n")
    let written = try run(both + ["--list-rules"]).output
    try folder.write(written, to: "all.ini")
    #expect(try run(["--rules=all.ini", "--list-rules"]).output == written)
    #expect(try run(["posts.jsonl", "--rules=all.ini"]).output == "КОГДА А @ Б\nМЫ\nКОГДА А @ Б\n")
    try FileManager.default.removeItem(atPath: folder.path("all.ini"))
    try FileManager.default.removeItem(atPath: folder.path("rules.ini"))
  }

  @Test("has options of their own for the alphabet and the case")
  func shorthands() throws {
    try folder.write(
      """
      {"id":1,"date":"2016-03-01T09:00:00Z","text":"Кот A"}
      {"id":2,"date":"2016-03-01T09:00:00Z","text":"КОТ ABCDEFGH"}
      {"id":3,"date":"2016-03-01T09:00:00Z","text":"ДОМ"}

      """, to: "posts.jsonl")
    #expect(try run(["posts.jsonl"]).output == "Кот A\nДОМ\n")
    #expect(try run(["posts.jsonl", "--min-cyrillic=0.8"]).output == "ДОМ\n")
    #expect(
      try run(["posts.jsonl", "--min-cyrillic", "0.2"]).output == "Кот A\nКОТ ABCDEFGH\nДОМ\n")
    #expect(try run(["posts.jsonl", "--require-upper"]).output == "ДОМ\n")
  }

  @Test("suggests boilerplate as a section for a file of rules")
  func suggest() throws {
    let posts = (1...10).map { index in
      "{\"id\":\(index),\"date\":\"2016-03-01T09:00:00Z\",\"text\":\"КОТ \(index)\\nНАШ ЧАТ\"}\n"
    }
    try folder.write(posts.joined(), to: "posts.jsonl")
    let found = try run(["posts.jsonl", "--suggest", "--suggest-share=0.5"])
    #expect(
      found
        == Ended(
          status: 0, output: "[boilerplate]\ntails =\n    | наш чат\n",
          log: "ends 10 of 10 posts (100.0 %): наш чат\n"))
    let none = try run(["posts.jsonl", "--suggest", "--rule=boilerplate.tails=Наш чат"])
    #expect(
      none
        == Ended(
          status: 0, output: "", log: "no line begins or ends at least 5.0 % of 10 posts\n"))
    #expect(try folder.names() == ["posts.jsonl"])
  }

  @Test("drops nearly equal posts when it is asked to")
  func nearDuplicates() throws {
    let text = "КОГДА ВЕСЬ ДЕНЬ ИСКАЛ ОЧКИ А ОНИ БЫЛИ НА НОСУ"
    let posts = ["", "!", " Я"].enumerated().map { number, end in
      "{\"id\":\(number + 1),\"date\":\"2016-03-01T09:00:00Z\",\"text\":\"\(text)\(end)\"}\n"
    }
    try folder.write(posts.joined(), to: "posts.jsonl")
    let ended = try run(["posts.jsonl", "--near-duplicates", "0.8"])
    #expect(ended.output == text + "\n")
    #expect(ended.log.contains("near-duplicates  -2  66.7 %"))
    #expect(try run(["posts.jsonl", "--near-duplicates=1"]).output == text + "\n" + text + " Я\n")
  }

  @Test("explains which post is kept instead of one that is nearly equal")
  func explained() throws {
    let text = "КОГДА ВЕСЬ ДЕНЬ ИСКАЛ ОЧКИ А ОНИ БЫЛИ НА НОСУ"
    let posts = ["", "!", " Я"].enumerated().map { number, end in
      "{\"id\":\(number + 1),\"date\":\"2016-03-01T09:00:00Z\",\"text\":\"\(text)\(end)\"}\n"
    }
    try folder.write(posts.joined(), to: "posts.jsonl")
    let ended = try run(["posts.jsonl", "--near-duplicates=0.8", "--explain=3"])
    #expect(
      ended.output.hasSuffix("\nnear-duplicates: dropped; post 1 is kept instead\nnot written\n"))
  }

  @Test("writes each dropped post with its rule, in the order of the file")
  func rejects() throws {
    let ended = try run(["posts.jsonl", "-o", "a.txt", "--rejects=rejects.jsonl"])
    #expect(ended.status == 0)
    #expect(
      try folder.text(of: "rejects.jsonl") == """
        {"id":2,"rule":"channel-news","text":"#БТnews\\nМЫ"}
        {"id":5,"rule":"empty","text":""}
        {"id":6,"rule":"duplicates","text":"КОГДА А\\n@\\nБ"}

        """)
  }

  @Test("counts the lines that it passes over")
  func skipped() throws {
    let posts = try folder.text(of: "posts.jsonl")
    try folder.write("no post\n" + posts + "\n{}\n", to: "posts.jsonl")
    let ended = try run(["posts.jsonl", "-o", "a.txt", "--skip-bad=2"])
    #expect(ended.status == 0)
    let warnings = ended.log.split(separator: "\n").prefix(2)
    #expect(
      warnings.map { $0.prefix(57) } == [
        "bugurt-clean: warning: skipped: posts.jsonl: line 1: expe",
        "bugurt-clean: warning: skipped: posts.jsonl: line 7: 'id'",
      ])
    #expect(
      ended.log.hasSuffix(
        "\nlines in       6\nbad lines     -2\n" + table), "\(ended.log)")
    #expect(try folder.text(of: "a.funnel.json").contains("\n  \"bad_lines\": 2,\n"))
    let more = try run(["posts.jsonl", "-o", "b.txt", "--skip-bad=1"])
    #expect(more.status == 65)
    #expect(more.log.contains("error: posts.jsonl: line 7: 'id' is missing; --skip-bad 1 "))
    #expect(try folder.names() == ["a.funnel.json", "a.txt", "posts.jsonl"])
  }

  @Test(
    "says what is wrong, with the status for it, and writes nothing",
    arguments: [
      ([], 64, "missing argument <posts.jsonl>: the posts to clean; - is standard input"),
      (
        ["posts.jsonl", "--recipe=ours"], 64,
        "--recipe: 'ours' is not accepted; expected one of house, original, join"
      ),
      (["--recipe=join"], 64, "missing argument: the cleaned texts to join"),
      (["--recipe=join", "-", "-"], 64, "standard input can be read only once"),
      (
        ["posts.jsonl", "a.txt"], 64,
        "unexpected argument 'a.txt': bugurt-clean cleans one file at a time, here posts.jsonl"
      ),
      (
        ["--recipe=join", "a.txt", "--explain=3"], 64,
        "--explain is about posts; --recipe join takes cleaned texts"
      ),
      (
        ["--recipe=join", "a.txt", "--rule=links=off"], 64,
        "--rule: there is no rule 'links' in the recipe join; it has duplicates, near-duplicates"
      ),
      (
        ["posts.jsonl", "--recipe=original", "--news=line"], 64,
        "--news needs --recipe house; the original recipe has no options"
      ),
      (
        ["posts.jsonl", "--recipe=original", "--min-cyrillic=0.5"], 64,
        "--min-cyrillic needs --recipe house; the original recipe has no options"
      ),
      (
        ["posts.jsonl", "--rule=links"], 64,
        "--rule: 'links': expected a rule and on or off, such as links=off, or a setting, such as "
          + "length.minimum=20"
      ),
      (
        ["posts.jsonl", "--rule=length.minimum=few"], 64,
        "--rule: 'few' for length.minimum: expected a whole number of at least 0"
      ),
      (
        ["posts.jsonl", "--rules=none.ini"], 66,
        "none.ini: cannot open: No such file or directory"
      ),
      (
        ["posts.jsonl", "--recipe=original", "--near-duplicates=0.8"], 64,
        "--near-duplicates needs --recipe house; the original recipe has no options"
      ),
      (["posts.jsonl", "-o", "posts.jsonl"], 64, "the input 'posts.jsonl' would be overwritten"),
      (["posts.jsonl", "-o", "b/"], 73, "b/: cannot create: Is a directory"),
      (["posts.jsonl", "-o", "a", "--funnel=a"], 64, "--funnel and --output are the same, 'a'"),
      (["none.jsonl", "-o", "a.txt"], 66, "none.jsonl: cannot open: No such file or directory"),
      (
        ["/dev/null", "-o", "a.txt"], 65,
        "/dev/null: there are no posts; expected one JSON object per line"
      ),
      (
        ["-", "-o", "a.txt"], 65, "-: there are no posts; expected one JSON object per line"
      ),
      (
        ["posts.jsonl", "-o", "posts.jsonl/a.txt"], 73,
        "posts.jsonl: cannot create: Not a directory"
      ),
    ] as [([String], Int32, String)])
  func mistakes(_ arguments: [String], _ status: Int32, _ message: String) throws {
    let ended = try run(arguments)
    #expect(ended.status == status)
    #expect(ended.output == "")
    #expect(ended.log.hasPrefix("bugurt-clean: error: \(message)\n"))
    #expect(try folder.names() == ["posts.jsonl"])
  }

  @Test("says that nothing is left, and leaves what stood there")
  func nothingLeft() throws {
    try folder.write("old\n", to: "a.txt")
    try folder.write(
      "{\"id\":1,\"date\":\"2016-03-01T09:00:00Z\",\"text\":\"@\"}\n", to: "posts.jsonl")
    let ended = try run(["posts.jsonl", "-o", "a.txt", "--rejects", "rejects.jsonl"])
    #expect(ended.status == 65 && ended.output == "")
    #expect(
      ended.log.hasSuffix(
        "bugurt-clean: error: posts.jsonl: nothing is left of 1 post after cleaning: "
          + "empty dropped 1\n"))
    #expect(try folder.names() == ["a.txt", "posts.jsonl", "rejects.jsonl"])
    #expect(try folder.text(of: "a.txt") == "old\n")
    #expect(try folder.text(of: "rejects.jsonl").contains("\"rule\":\"empty\""))
  }

  @Test("explains a post of which nothing is left", arguments: ["--explain=1", "--sample=1"])
  func nothingLeftToExplain(_ option: String) throws {
    try folder.write(
      "{\"id\":1,\"date\":\"2016-03-01T09:00:00Z\",\"text\":\"@\"}\n", to: "posts.jsonl")
    let ended = try run(["posts.jsonl", option])
    #expect(ended.status == 0, "\(ended.log)")
    #expect(option != "--explain=1" || ended.output.contains("empty: dropped"))
  }

  @Test("writes to a device without a funnel beside it")
  func device() throws {
    let ended = try run(["posts.jsonl", "-o", "/dev/null"])
    #expect(ended.status == 0, "\(ended.log)")
    #expect(!FileManager.default.fileExists(atPath: "/dev/null.funnel.json"))
  }

  @Test("stops at a damaged line")
  func damaged() throws {
    try folder.write("{\"id\":1,\n", to: "posts.jsonl")
    let ended = try run(["posts.jsonl", "-o", "a.txt"])
    #expect(ended.status == 65)
    #expect(ended.log.hasPrefix("bugurt-clean: error: posts.jsonl: line 1: "))
    #expect(try folder.names() == ["posts.jsonl"])
  }
}
