import TestSupport
import Testing

/// What the programs say to input that is missing, damaged or of another kind.
@Suite("bad input")
struct BadInputTests {
  let project: Project

  init() throws {
    project = try Project.finished()
  }

  private static let model = "checkpoints/fixture/final"
  private static let tokens = "data/tokens/fixture"
  private static let howTo =
    "export the channel from Telegram Desktop: open it, choose 'Export chat history' in its menu, "
    + "and 'Machine-readable JSON' as the format"

  private static let expectedPost =
    "expected a post, such as {\"id\":1,\"date\":\"2016-03-01T09:00:00Z\",\"text\":\"…\"}, found "
  private static let remedy = "; --skip-bad 1 skips one such line"

  /// Expects the program to end with `status` and `message`, and to leave nothing.
  private func expect(
    _ status: Int32, _ message: String, of program: String, _ arguments: [String],
    location: SourceLocation = #_sourceLocation
  ) throws {
    let before = try project.tree()
    let ended = try project.run(program, arguments)
    #expect(ended.status == status, sourceLocation: location)
    #expect(ended.output == "", sourceLocation: location)
    // What was read before may be told above.
    let lines = ended.log.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    #expect(
      lines.contains("\(program): error: \(message)"), "\(ended.log)", sourceLocation: location)
    #expect(try project.tree() == before, sourceLocation: location)
  }

  @Test("a missing input is named")
  func missing() throws {
    // Too many parts for the name of a model on the Hub, which would be asked for it.
    let missing = "none/of/these"
    for (program, arguments) in [
      ("tg-dump", [missing, "-o", "out"]), ("bugurt-clean", [missing, "-o", "out"]),
      ("bpe-encode", [missing, "-o", "out"]),
      ("bpe-encode", ["data/clean/fixture.txt", "--tokenizer", missing, "-o", "out"]),
      ("gpt-finetune", [missing, "-o", "out"]),
      ("gpt-finetune", [Self.tokens, "--model", missing, "-o", "out"]), ("gpt-sample", [missing]),
    ] {
      try expect(66, "\(missing): cannot open: No such file or directory", of: program, arguments)
    }
  }

  @Test("a file that is not an export is reported, with how to make one")
  func noExport() throws {
    let noObject =
      "byte 0: expected the '{' that an export in JSON begins with; \(Self.howTo)"
    for (text, message) in [
      ("", "the file is empty; \(Self.howTo)"), ("[]", noObject),
      (
        "<html>",
        "this is HTML, but not an export of Telegram Desktop, expected a page with the messages of a "
          + "chat as Telegram Desktop exports it; export the channel from Telegram Desktop: open it "
          + "and choose 'Export chat history' in its menu"
      ),
      (
        #"{"name": "Чат"}"#,
        "this is JSON, but not an export of Telegram Desktop: it holds neither 'messages' (one "
          + "chat) nor 'chats' (a whole account); \(Self.howTo)"
      ),
      (
        #"{"id":1,"date":"2016-03-01T09:00:00Z","text":"КОТ"}"#,
        "these are posts as this program writes them; they are read from a file whose name ends in "
          + ".jsonl"
      ),
      (#"{"messages": {}}"#, "byte 13: expected an array, found an object"),
      (
        "{\0\"\0m\0",
        "this looks like text in UTF-16LE, although no byte order mark says so; expected UTF-8: "
          + "convert it (iconv -f UTF-16LE -t UTF-8 'result.json' > 'result.utf8.json')"
      ),
    ] {
      try project.folder.write(text, to: "result.json")
      try expect(65, "result.json: \(message)", of: "tg-dump", ["result.json", "-o", "out"])
    }
  }

  @Test("an export that is cut off is reported with the byte and what could be read")
  func cutOff() throws {
    let export = try project.folder.bytes(of: "data/fixture/result.json")
    let cut = 300_000
    let messages = String(decoding: export[..<cut], as: UTF8.self).split(separator: "\n   \"id\": ")
    try project.folder.write(Array(export[..<cut]), to: "result.json")
    let ended = try project.run("tg-dump", ["result.json", "-o", "out"])
    #expect(ended.status == 65)
    #expect(ended.log.hasPrefix("tg-dump: error: result.json: byte \(cut): the text ends where "))
    // The last message was not read to its end.
    #expect(
      ended.log.hasSuffix(
        ": it is cut off; \(messages.count - 2) messages could be read before; the export was "
          + "interrupted: export the chat again, or take these messages (--salvage)\n"))
    #expect(!project.exists("out") && !project.exists("out.partial"))

    let salvaged = try project.run("tg-dump", ["result.json", "-o", "out", "--salvage"])
    #expect(salvaged.status == 0)
    #expect(
      salvaged.log.contains(
        "warning: result.json: byte \(cut): the text ends where the end of a string was expected: it "
          + "is cut off; \(messages.count - 2) messages could be read before; they were taken\n"))
    let posts = try project.folder.text(of: "out")
    #expect(posts.split(separator: "\n").count > 100)
    #expect(try project.folder.text(of: "data/raw/fixture.jsonl").hasPrefix(posts))

    try #require(
      try Subprocess.run(
        "gzip", ["-k", "data/fixture/result.json"], in: project.folder.path
      ).status == 0)
    let packed = try project.folder.bytes(of: "data/fixture/result.json.gz")
    try project.folder.write(Array(packed[..<3000]), to: "result.json.gz")
    try expect(
      65,
      "result.json.gz: byte 3000: the gzip stream is cut off; 17 messages could be read before; the "
        + "export was interrupted: export the chat again, or take these messages (--salvage)",
      of: "tg-dump",
      ["result.json.gz", "-o", "out"])
  }

  @Test("a broken line of posts is reported with its number")
  func brokenPosts() throws {
    var lines = try project.folder.text(of: "data/raw/fixture.jsonl").split(separator: "\n")
    let whole = lines[2]
    for (line, message) in [
      (whole.dropLast(), "the text ends where ',' or '}' was expected: it is cut off"),
      (#"{"id":3,"date":"2016-03-01T09:00:00Z"}"#, "'text' is missing"),
      (lines[0], "post 3 follows post 4 on line 2; ids must ascend"),
    ] as [(Substring, String)] {
      lines[2] = line
      try project.folder.write(lines.joined(separator: "\n") + "\n", to: "posts.jsonl")
      let arguments = ["posts.jsonl", "-o", "out.txt"]
      let ended = try project.run("bugurt-clean", arguments)
      #expect(ended.log.contains("posts.jsonl: line 3: "), "\(ended.log)")
      try expect(65, "posts.jsonl: line 3: \(message)\(Self.remedy)", of: "bugurt-clean", arguments)
    }
  }

  @Test("a line that is not a post is reported with what was found, and nothing is written")
  func noPosts() throws {
    func post(_ text: String) -> String {
      #"{"id":7,"date":"2016-03-01T09:00:00Z","text":"\#(text)"}"#
    }
    let first = #"{"id":1,"date":"2016-03-01T09:00:00Z","text":"КОТ"}"#
    for (line, message) in [
      ("КОТ", Self.expectedPost + "\"КОТ\""),
      ("[]", Self.expectedPost + "\"[]\""),
      (#"{"id":"7"}"#, "'id': expected a number, found a string"),
      (#"{"date":"2016-03-01T09:00:00Z","text":"КОТ"}"#, "'id' is missing"),
      (#"{"id":7,"text":"КОТ"}"#, "'date' is missing"),
      (
        #"{"id":7,"date":"вчера"}"#,
        "'date': expected a date such as 2016-03-01T09:00:00Z, found 'вчера'"
      ),
      (first, "post 1 is already on line 1; ids must be unique"),
    ] {
      try project.folder.write("\(first)\n\(line)\n", to: "posts.jsonl")
      try expect(
        65, "posts.jsonl: line 2: \(message)\(Self.remedy)", of: "bugurt-clean",
        ["posts.jsonl", "-o", "out.txt", "--rejects", "rejects.jsonl"])
    }
    for bytes in [[0xD0], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xFF]] as [[UInt8]] {
      let parts = post("КОТ%").split(separator: "%")
      try project.folder.write(
        Array("\(first)\n\(parts[0])".utf8) + bytes + Array("\(parts[1])\n".utf8),
        to: "posts.jsonl")
      try expect(
        65, "posts.jsonl: line 2: the string is not UTF-8\(Self.remedy)", of: "bugurt-clean",
        ["posts.jsonl", "-o", "out.txt"])
    }
    try project.folder.write("", to: "posts.jsonl")
    try expect(
      65, "posts.jsonl: there are no posts; expected one JSON object per line", of: "bugurt-clean",
      ["posts.jsonl", "-o", "out.txt"])
  }

  @Test("a post of ten megabytes is read, and one that is cut off is reported")
  func longPost() throws {
    let words = String(repeating: "КОТ ПЁС ", count: 650_000)
    let post = #"{"id":1,"date":"2016-03-01T09:00:00Z","text":"\#(words)"}"#
    try project.folder.write(post + "\n", to: "posts.jsonl")
    let ended = try project.run("bugurt-clean", ["posts.jsonl", "-o", "out.txt"])
    #expect(ended.status == 0)
    #expect(try project.folder.text(of: "out.txt") == words.dropLast() + "\n")
    try project.folder.write(String(post.dropLast(100)), to: "posts.jsonl")
    try expect(
      65,
      "posts.jsonl: line 1: the text ends where the end of a string was expected: it is cut off"
        + Self.remedy,
      of: "bugurt-clean", ["posts.jsonl", "-o", "other.txt"])
  }

  @Test("a corpus without text, or not in UTF-8, gives no shards")
  func corpus() throws {
    let problem = "there is no text in it; expected one post per line"
    for (text, tokenizer) in [("", []), ("\n\n", ["--tokenizer", "\(Self.tokens)/tokenizer"])] {
      try project.folder.write(text, to: "corpus.txt")
      try expect(
        65, "corpus.txt: \(problem)", of: "bpe-encode", ["corpus.txt", "-o", "out"] + tokenizer)
    }
    try project.folder.write(Array("КОТ\nПЁС ".utf8) + [0xD0, 0x0A], to: "corpus.txt")
    try expect(
      65,
      "corpus.txt: line 2: byte 8 of the line, 0xD0, is not UTF-8; cleaned text is UTF-8: convert "
        + "other encodings first (iconv -t UTF-8), or have bpe-encode replace or drop such bytes "
        + "(--invalid-utf8)", of: "bpe-encode",
      ["corpus.txt", "-o", "out", "--tokenizer", "\(Self.tokens)/tokenizer"])
  }

  @Test("a single wrong bit in a shard is found")
  func damagedShard() throws {
    for name in ["train-00000.bin", "validation-00000.bin"] {
      var bytes = try project.folder.bytes(of: "\(Self.tokens)/\(name)")
      bytes[bytes.count / 2] ^= 0x10
      let original = try project.folder.bytes(of: "\(Self.tokens)/\(name)")
      try project.folder.write(bytes, to: "\(Self.tokens)/\(name)")
      let ended = try project.run(
        "gpt-finetune", [Self.tokens, "-o", "out", "--block-size", "16"])
      #expect(ended.status == 65)
      #expect(
        ended.log.hasPrefix(
          "gpt-finetune: error: \(Self.tokens)/\(name): byte 1024: the CRC-32 of the tokens is "))
      #expect(ended.log.hasSuffix(": the file is damaged\n"))
      #expect(!project.exists("out"))
      try project.folder.write(Array(bytes[..<2000]), to: "\(Self.tokens)/\(name)")
      let cutOff = try project.run(
        "gpt-finetune", [Self.tokens, "-o", "out", "--block-size", "16"])
      #expect(cutOff.status == 65)
      #expect(cutOff.log.hasSuffix(": it is cut off\n"))
      try project.folder.write(original, to: "\(Self.tokens)/\(name)")
    }
  }

  @Test("a model without one of its tensors names it")
  func missingTensor() throws {
    let path = "\(Self.model)/model.safetensors"
    let file = try SafetensorsEditor(try project.folder.bytes(of: path))
    let name = try #require(file.names.first { $0.hasSuffix("h.0.mlp.c_fc.weight") })
    let message = "\(path): tensor '\(name)' is missing"
    try project.folder.write(try file.bytes(without: name), to: path)
    try expect(65, message, of: "gpt-sample", [Self.model])
    try expect(
      65, message, of: "gpt-finetune",
      [Self.tokens, "--model", Self.model, "--block-size", "16", "-o", "out"])
    // The file is otherwise as it was: with all of its tensors it is read.
    try project.folder.write(try file.bytes(without: nil), to: path)
    #expect(try project.run("gpt-sample", [Self.model]).status == 0)
    try project.folder.write(Array(try file.bytes(without: nil).dropLast()), to: path)
    let cutOff = try project.run("gpt-sample", [Self.model])
    #expect(cutOff.status == 65)
    #expect(cutOff.log.hasSuffix(": it is cut off\n"))
  }

  @Test("a checkpoint without one of its moments names it, and is not trained over")
  func missingMoment() throws {
    let checkpoint = "checkpoints/fixture/checkpoint-2"
    let path = "\(checkpoint)/optimizer.safetensors"
    try project.remove(Self.model)
    let file = try SafetensorsEditor(try project.folder.bytes(of: path))
    let name = try #require(file.names.first { $0.hasPrefix("exp_avg_sq.") })
    try project.folder.write(try file.bytes(without: name), to: path)
    let run = try project.make("train")
    #expect(run.status == 2)
    #expect(
      run.log.contains(
        "gpt-finetune: error: \(path): tensor '\(name)' is missing; the checkpoint is damaged, "
          + "and there is no complete older one; --restart without --resume starts over\n"))
    #expect(run.log.contains("Error 65\n"))
    #expect(project.exists(path))
  }

  @Test("a prompt that is longer than the context is refused")
  func longPrompt() throws {
    let prompt = String(repeating: "слово ", count: 40)
    let ended = try project.run("gpt-sample", [Self.model, "--prompt", prompt])
    #expect(ended.status == 64)
    #expect(ended.output == "")
    let words = ended.log.split(separator: "\n")[0]
    #expect(words.hasPrefix("gpt-sample: error: --prompt: "))
    #expect(
      words.hasSuffix(
        " tokens leave no room in the model's context of 32; shorten it to its last words"))
  }

  @Test("a prompt in a file that is too long is reported with its line")
  func longPromptOfFile() throws {
    let path = try project.folder.write(
      "кот\n" + String(repeating: "слово ", count: 40) + "\n", to: "prompts")
    let ended = try project.run("gpt-sample", [Self.model, "--prompts", path])
    #expect(ended.status == 65)
    #expect(ended.output == "")
    #expect(ended.log.hasPrefix("gpt-sample: error: \(path): line 2: "))
    try project.folder.write("", to: "prompts")
    try expect(
      65, "\(path): no prompts; expected one per line", of: "gpt-sample",
      [Self.model, "--prompts", path])
  }

  @Test("a folder that is no model says which one is")
  func modelFolders() throws {
    func expect(_ path: String, _ problem: String) throws {
      try self.expect(65, "\(path): \(problem)", of: "gpt-sample", [path])
    }
    let run = "checkpoints/fixture"
    try expect(run, "this is the folder of a run, not of a model; use '\(run)/final'")
    try expect(
      "\(run)/final/model.safetensors",
      "this is a file; name the folder that contains it, '\(run)/final'")
    try expect(
      "data",
      "no model here; expected a Hugging Face folder with config.json, weights and a "
        + "tokenizer")
    let writing = "a checkpoint that training is still writing, or left when it was stopped; "
    try project.copy("\(run)/checkpoint-2", to: "\(run)/checkpoint-7.partial")
    try expect("\(run)/checkpoint-7.partial", writing + "use '\(run)/final'")
    try project.remove("\(run)/final")
    let newest = "use '\(run)/checkpoint-2', the newest complete one"
    try expect("\(run)/checkpoint-7.partial", writing + newest)
    try expect(run, "this is the folder of a run, not of a model; " + newest)
    try project.remove("\(run)/checkpoint-2")
    try expect(
      run,
      "this is the folder of a run, not of a model; there is no complete checkpoint yet: resume "
        + "the training")
  }

  @Test("a model without a tokenizer, or with another's, is refused")
  func tokenizers() throws {
    let other = try project.run(
      "bpe-encode", ["data/clean/fixture.txt", "--vocab-size=400", "-o", "other"])
    try #require(other.status == 0)
    for name in ["tokenizer.json", "vocab.json", "merges.txt"]
    where project.exists("\(Self.model)/\(name)") {
      try project.remove("\(Self.model)/\(name)")
    }
    try expect(
      65, "\(Self.model): no tokenizer here; expected vocab.json and merges.txt, or tokenizer.json",
      of: "gpt-sample", [Self.model])
    for name in ["vocab.json", "merges.txt"] {
      try project.copy("other/tokenizer/\(name)", to: "\(Self.model)/\(name)")
    }
    try expect(
      65,
      "\(Self.model): the tokenizer has 400 tokens, the model 300: they do not belong together; "
        + "copy the files of the model's own tokenizer here",
      of: "gpt-sample", [Self.model])
  }

  @Test("an output that cannot be created is reported before the work")
  func noOutput() throws {
    // Root may write where it has no rights, but nobody below a file.
    for (program, arguments) in [
      ("tg-dump", ["data/fixture/result.json"]), ("bugurt-clean", ["data/raw/fixture.jsonl"]),
      ("bpe-encode", ["data/clean/fixture.txt", "--vocab-size=300"]),
      ("gpt-finetune", [Self.tokens, "--width=16", "--heads=2", "--max-steps=1000000"]),
    ] {
      for output in ["Makefile/out", "Makefile/deeper/out"] {
        try expect(
          73, "Makefile: cannot create: Not a directory", of: program, arguments + ["-o", output])
      }
    }
  }

  @Test("a folder that holds something else is not replaced by shards")
  func otherFolder() throws {
    try project.folder.write("mine\n", to: "out/letter.txt")
    try expect(
      64,
      "--output: out has files but no manifest.json of token shards, so it is not replaced; choose "
        + "another folder or remove it", of: "bpe-encode", ["data/clean/fixture.txt", "-o", "out"])
  }
}
