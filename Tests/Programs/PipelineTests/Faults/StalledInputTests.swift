import Foundation
import TestSupport
import Testing

/// Ctrl-C while a program waits, or has much to do.
@Suite("an interrupted program")
struct StalledInputTests {
  let project: Project

  init() throws {
    project = try Project.finished()
  }

  /// The arguments of a program that reads `input`, and the beginning of such an input.
  static let readers: [(program: String, arguments: [String], beginning: String)] = [
    ("tg-dump", ["--output", "out/posts.jsonl"], #"{"name": "Чат", "id": 1, "messages": ["#),
    ("bugurt-clean", ["--output", "out/text.txt"], #"{"id":1,"date":"2016-03-01T09:0"#),
    (
      "bpe-encode", ["--output", "out/tokens", "--tokenizer", "data/tokens/fixture/tokenizer"],
      "КОГ"
    ),
  ]

  @Test(
    "stops while its input stalls, and leaves nothing", arguments: readers.indices,
    [(SIGINT, 130 as Int32, "SIGINT"), (SIGTERM, 143, "SIGTERM")])
  func stalled(_ index: Int, _ signal: (Int32, Int32, String)) throws {
    let (program, arguments, beginning) = Self.readers[index]
    let pipe = project.folder.path("pipe")
    try #require(mkfifo(pipe, 0o600) == 0)
    // Open for both ends, so that opening does not wait for the other.
    let descriptor = open(pipe, O_RDWR | O_CLOEXEC)
    defer { close(descriptor) }
    try #require(write(descriptor, beginning, beginning.utf8.count) == beginning.utf8.count)
    let process = try Subprocess(
      try builtProgram(program), ["-"] + arguments, in: project.folder.path, input: pipe)
    try poll("\(program) to read the pipe") {
      var unread: Int32 = 0
      return ioctl(descriptor, UInt(FIONREAD), &unread) == 0 && unread == 0 && process.isAsleep
    }
    process.signalGroup(signal.0)
    let ended = try process.wait()
    #expect(ended.status == signal.1)
    #expect(ended.output == "")
    #expect(ended.log.hasSuffix("\(program): error: stopped by \(signal.2)\n"))
    #expect(try !project.exists("out") || project.tree("out") == [])
  }

  @Test("stops before a pipe that nobody writes to")
  func unopened() throws {
    let pipe = project.folder.path("pipe")
    try #require(mkfifo(pipe, 0o600) == 0)
    let process = try Subprocess(
      try builtProgram("tg-dump"), ["pipe"], in: project.folder.path)
    try poll("tg-dump to open the pipe") { try process.handles(SIGINT) && process.isAsleep }
    process.signalGroup(SIGINT)
    #expect(try process.wait().status == 130)
  }

  @Test(
    "bpe-encode stops in the middle of a long corpus and leaves the old output",
    arguments: [[], ["--threads=1"], ["--threads=2"]])
  func longCorpus(_ threads: [String]) throws {
    var corpus = ""
    var state: UInt64 = 1
    for _ in 0..<200_000 {
      for _ in 0..<10 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        corpus += String(state >> 40, radix: 36) + " "
      }
      corpus += "\n"
    }
    try project.folder.write(corpus, to: "long.txt")
    let before = try project.folder.bytes(of: "data/tokens/fixture/manifest.json")
    // With a tokenizer the corpus is encoded, without one its words are counted.
    let tokenizer = threads.isEmpty ? [] : ["--tokenizer", "data/tokens/fixture"]
    let process = try Subprocess(
      try builtProgram("bpe-encode"),
      Array(repeating: "long.txt", count: 8) + ["-o", "data/tokens/fixture"] + tokenizer + threads,
      in: project.folder.path)
    try poll("the partial folder") {
      try project.tree("data/tokens").contains { $0.hasSuffix(".partial") }
    }
    try process.work(milliseconds: 50)
    process.signalGroup(SIGINT)
    let ended = try process.wait()
    #expect(ended.status == 130)
    #expect(ended.output == "")
    #expect(ended.log.hasSuffix("bpe-encode: error: stopped by SIGINT\n"))
    #expect(try project.leftovers() == [])
    #expect(try project.folder.bytes(of: "data/tokens/fixture/manifest.json") == before)
  }

  @Test("gpt-sample stops in the middle of its texts")
  func sampling() throws {
    let process = try Subprocess(
      try builtProgram("gpt-sample"),
      ["checkpoints/fixture/final", "--count=100000000", "--threads=1"], in: project.folder.path)
    try poll("the first texts") { try !process.text(of: .output).isEmpty }
    process.signalGroup(SIGINT)
    let ended = try process.wait()
    #expect(ended.status == 130)
    #expect(
      ended.log.hasSuffix(
        " of 100,000,000 texts\ngpt-sample: error: stopped by SIGINT\n"))
  }
}
