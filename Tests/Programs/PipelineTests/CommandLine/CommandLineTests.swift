import Foundation
import TestSupport
import Testing

/// The options each program has, `--help`, `--version` and completions aside.
private let options = [
  "tg-dump": [
    "output", "replace", "refresh", "from", "to", "since", "limit", "fields", "poll-text", "chat",
    "timezone", "salvage", "delay", "user-agent", "base-url", "live", "config", "tdlib", "session",
    "log-out",
  ],
  "bugurt-clean": [
    "output", "funnel", "recipe", "threads", "skip-bad", "rule", "rules", "news", "min-cyrillic",
    "require-upper", "near-duplicates", "list-rules", "suggest", "suggest-share", "explain",
    "rejects", "sample", "seed", "diff", "statistics",
  ],
  "bpe-encode": [
    "output", "tokenizer", "vocab-size", "min-frequency", "end-of-text", "pack",
    "validation-fraction", "shard-tokens", "threads", "invalid-utf8", "allow-special",
    "block-size", "inspect", "decode", "range", "verify",
  ],
  "gpt-finetune": [
    "output", "model", "resume", "restart", "estimate", "max-hours", "until", "layers", "width",
    "heads", "context", "dropout",
    "block-size", "per-device-train-batch-size", "gradient-accumulation-steps",
    "num-train-epochs", "max-steps", "logging-steps", "save-steps", "save-total-limit", "seed",
    "learning-rate", "lr-scheduler-type", "warmup-steps", "weight-decay", "adam-beta1",
    "adam-beta2", "adam-epsilon", "max-grad-norm", "threads", "warmup-ratio",
    "train-sampling-strategy", "logging-first-step", "eval-steps", "eval-samples",
    "per-device-eval-batch-size",
    "load-best-model-at-end", "gradient-checkpointing", "precision", "early-stopping-patience",
    "early-stopping-threshold", "recipe", "save-minutes", "report-to",
    "adapter", "adapter-from", "base-weights", "bias", "init-lora-weights", "layers-to-transform",
    "lora-alpha", "lora-dropout", "lora-r", "merge", "modules-to-save", "target-modules",
    "use-dora",
    "use-rslora", "compare", "texts", "deterministic-reduction", "bf16-reduction",
    "shard-optimizer", "local-steps",
  ],
  "gpt-sample": [
    "prompt", "keep-case", "count", "max-length", "temperature", "top-k", "top-p",
    "repetition-penalty", "no-repeat-ngram", "bad-word", "bad-words", "min-length",
    "min-new-tokens", "suppress-token", "no-end-of-text", "min-p", "typical-p", "seed", "logits",
    "threads", "precision", "prompts", "corpus", "interactive", "score", "format", "json", "output",
    "show", "best-of", "filter", "quiet", "weights", "batch", "export", "modelfile",
    "adapter",
  ],
]

private let commonOptions = ["help", "version", "generate-completion-script"]

/// What every program says of itself, and to a wrong command line.
@Suite("the command line")
struct CommandLineTests {
  let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
  }

  private func run(_ program: String, _ arguments: [String]) throws -> Ended {
    try Subprocess.run(try builtProgram(program), arguments, in: folder.path)
  }

  @Test("--help names every option, on standard output", arguments: programs)
  func help(_ program: String) throws {
    let ended = try run(program, ["--help"])
    #expect(ended.status == 0)
    #expect(ended.log == "")
    #expect(ended.output.contains("\nusage: \(program) [<options>] "))
    let named = ended.output.split(separator: "\n").compactMap { line -> String? in
      // Two blanks, a letter or its room, the name: what is further right is text.
      guard let start = line.firstRange(of: "--"), line[..<start.lowerBound].count == 6 else {
        return nil
      }
      return String(line[start.upperBound...].prefix { $0 != " " })
    }
    #expect(named.sorted() == ((options[program] ?? []) + commonOptions).sorted())
    #expect(ended.output.contains(#/\n[Ee]xamples:\n  /#))
    #expect(!ended.output.contains { $0 == "\u{1B}" })
    #expect(ended.output.split(separator: "\n").allSatisfy { $0.count <= 100 })
    #expect(try run(program, ["-h"]).output == ended.output)
    // Whatever else is wrong with the command line.
    #expect(try run(program, ["a", "--help", "--nonsense"]).output == ended.output)
  }

  @Test("--version prints the version, the commit and the libraries", arguments: programs)
  func version(_ program: String) throws {
    let ended = try run(program, ["--version"])
    #expect(ended.status == 0)
    #expect(ended.log == "")
    let lines = ended.output.split(separator: "\n")
    #expect(try #require(lines.first?.wholeMatch(of: /(.*) \d+\.\d+\.\d+/)).1 == program)
    #expect(
      try #require(lines.dropFirst().first).wholeMatch(of: /commit: (none|[0-9a-f]{12}\+?)/) != nil)
    #expect(try #require(lines.last).contains(/^libraries: .*libdeflate\.so/))
  }

  @Test("a manual page has all options, and troff has nothing to say about it", arguments: programs)
  func manualPage(_ program: String) throws {
    let page = try run(program, ["--generate-manual-page"]).output
    for option in (options[program] ?? []) + commonOptions {
      #expect(page.contains("\\-\\-" + option.replacing("-", with: "\\-")), "\(option)")
    }
    try folder.write(page, to: "page.1")
    let found = try Subprocess.run("sh", ["-c", "command -v man"], in: folder.path)
    guard found.status == 0 else { return }
    let shown = try Subprocess.run(
      "man", ["-l", "--warnings", "-E", "UTF-8", "page.1"], in: folder.path)
    #expect(shown.log == "")
    let sections = [
      "NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "EXIT STATUS", "EXAMPLES", "SEE ALSO",
    ]
    let headings = shown.output.split(separator: "\n").map(String.init)
    #expect(headings.filter(sections.contains) == sections)
  }

  @Test("a completion script knows every option", arguments: programs, ["bash", "zsh", "fish"])
  func completionScript(_ program: String, _ shell: String) throws {
    let ended = try run(program, ["--generate-completion-script", shell])
    #expect(ended.status == 0)
    #expect(ended.log == "")
    for option in (options[program] ?? []) + commonOptions {
      #expect(ended.output.contains(shell == "fish" ? "-l \(option) " : "--\(option)"), "\(option)")
    }
    // Shells that are not there cannot judge.
    let found = try Subprocess.run("sh", ["-c", "command -v \(shell)"], in: folder.path)
    guard found.status == 0 else { return }
    try folder.write(ended.output, to: "script")
    let checked = try Subprocess.run(shell, ["-n", "script"], in: folder.path)
    #expect(checked.status == 0, "\(checked.log)")
    #expect(checked.log == "")
  }

  @Test("bash completes options and their values")
  func bash() throws {
    try folder.write("", to: "posts.jsonl")
    func completions(_ program: String, _ words: [String]) throws -> [String] {
      let script = try run(program, ["--generate-completion-script=bash"]).output
      try folder.write(script, to: "script")
      let ended = try Subprocess.run(
        "bash",
        [
          "-c",
          """
          source ./script; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
          \(script.firstMatch(of: /complete -F (\w+)/).map { String($0.1) } ?? "false")
          printf '%s\\n' "${COMPREPLY[@]}"
          """, "bash", program,
        ] + words, in: folder.path)
      #expect(ended.status == 0)
      #expect(ended.log == "")
      return ended.output.split(separator: "\n").map(String.init)
    }
    #expect(try completions("bpe-encode", ["--vo"]) == ["--vocab-size"])
    #expect(try completions("bugurt-clean", ["--recipe", ""]) == ["house", "original", "join"])
    #expect(try completions("bugurt-clean", ["--news", "p"]) == ["post"])
    #expect(try completions("bugurt-clean", ["po"]) == ["posts.jsonl"])
    #expect(try completions("gpt-finetune", ["--model", "po"]) == [])
  }

  @Test(
    "a misspelt option is reported with the one that was meant",
    arguments: [
      ("tg-dump", "--ouput", "--output"), ("bugurt-clean", "--recip", "--recipe"),
      ("bpe-encode", "--vocabsize", "--vocab-size"), ("gpt-finetune", "--modle", "--model"),
      ("gpt-sample", "--temprature", "--temperature"), ("tg-dump", "-output", "--output"),
    ])
  func misspelt(_ program: String, _ typed: String, _ meant: String) throws {
    let ended = try run(program, [typed, "x", "y"])
    #expect(ended.status == 64)
    #expect(ended.output == "")
    let lines = ended.log.split(separator: "\n")
    #expect(
      lines.first == "\(program): error: unknown option '\(typed)'; did you mean '\(meant)'?")
    #expect(lines.dropFirst().first?.hasPrefix("usage: \(program) ") == true)
    #expect(lines.last == "Try '\(program) --help'.")
  }

  @Test(
    "a wrong command line is reported with what was expected",
    arguments: [
      ("tg-dump", [], "missing argument <source>: an export, a channel, or a .jsonl file of posts"),
      ("tg-dump", ["@a-b"], "'@a-b' is not a channel; expected @name or a link such as"),
      ("tg-dump", ["https://t.me/+abc"], "'https://t.me/+abc': this is an invitation to a private"),
      ("tg-dump", ["@durov", "@telegram"], "give one channel at a time"),
      ("tg-dump", ["a", "--config", "b"], "--config needs --live"),
      ("tg-dump", ["a", "--delay", "1"], "--delay needs a channel on the web"),
      ("tg-dump", ["--live", "a"], "'a' is not a channel; expected @name, a link such as"),
      ("tg-dump", ["a", "--refresh", "1"], "--refresh needs a channel"),
      ("tg-dump", ["a.jsonl", "-o", "a.jsonl"], "'a.jsonl' is both source and output"),
      ("tg-dump", ["-", "-"], "standard input can be read only once"),
      (
        "tg-dump", ["a", "--from", "yesterday"],
        "--from: 'yesterday' is not accepted; expected a date such as 2020-03-01 or "
      ),
      (
        "tg-dump", ["a", "--fields", "views,-media"],
        "--fields: 'views,-media' is not accepted; expected a list of edited, entities, views, "
      ),
      (
        "tg-dump", ["a", "--timezone", "noon"],
        "--timezone: 'noon' is not a time zone; expected an offset from UTC such as +3, +03:00 or "
      ),
      ("bugurt-clean", ["a", "--list-rules=yes"], "--list-rules takes no value"),
      (
        "bugurt-clean", ["a", "--news", "drop"],
        "--news: 'drop' is not accepted; expected one of post, line, keep"
      ),
      ("bpe-encode", ["a"], "missing option --output: folder to write"),
      ("bpe-encode", ["a", "-o"], "-o needs a value"),
      (
        "bpe-encode", ["-o", "b"],
        "missing argument <corpus.txt>: cleaned text in UTF-8, one post per line"
      ),
      (
        "bpe-encode", ["--decode", "s", "a"],
        "--decode does not encode a corpus: leave out 'a', or leave out --decode to encode it"
      ),
      (
        "bpe-encode", ["--decode", "s", "--verify=t"],
        "--decode and --verify: give one at a time"
      ),
      (
        "bpe-encode", ["--decode", "s", "-o", "b"],
        "--output cannot be used with --decode: leave one of them out"
      ),
      (
        "bpe-encode", ["--verify", "s", "--range", "1.."],
        "--range cannot be used with --verify: leave one of them out"
      ),
      (
        "bpe-encode", ["--decode", "s", "--range", "7..3"],
        "--range: '7..3' is not accepted; expected a range of tokens such as 10..20, 10.. or ..20"
      ),
      ("bpe-encode", ["a", "-o", "b", "--range", "3..7"], "--range needs --decode <shard>"),
      (
        "bpe-encode", ["--inspect", "КОТ"],
        "--inspect needs --tokenizer: the folder of a tokenizer, a model or token shards"
      ),
      (
        "bpe-encode", ["a", "-o", "b", "--invalid-utf8", "ignore"],
        "--invalid-utf8: 'ignore' is not accepted; expected one of fail, replace, drop"
      ),
      (
        "bpe-encode", ["a", "-o", "b", "--validation-fraction=1"],
        "--validation-fraction: '1' is not accepted; expected a number from 0 to below 1"
      ),
      (
        "bpe-encode", ["a", "-o", "b", "--vocab-size", "2e3"],
        "--vocab-size: '2e3' is not accepted; expected a whole number"
      ),
      (
        "bpe-encode", ["a", "-o", "b", "--tokenizer=c", "--vocab-size=400"],
        "--tokenizer is used unchanged; --vocab-size and --min-frequency apply only without it"
      ),
      (
        "gpt-finetune", ["a", "-o", "b", "--learning-rate", "0"],
        "--learning-rate: '0' is not accepted; expected a number above 0"
      ),
      (
        "gpt-finetune", ["a", "-o", "b", "--width=100", "--heads=3"],
        "--width 100 is not a multiple of --heads 3"
      ),
      (
        "gpt-finetune", ["a", "-o", "b", "--lr-scheduler-type=polynomial"],
        "--lr-scheduler-type: 'polynomial' is not accepted; expected one of linear, cosine, "
          + "constant, constant_with_warmup"
      ),
      (
        "gpt-finetune", ["a", "-o", "b", "--train-sampling-strategy=group_by_length"],
        "--train-sampling-strategy: 'group_by_length' is not accepted; expected one of random, "
          + "sequential"
      ),
      (
        "gpt-finetune", ["a", "-o", "b", "--warmup-ratio=1.5"],
        "--warmup-ratio: '1.5' is not accepted; expected a number from 0.0 to 1.0"
      ),
      (
        "gpt-finetune", ["a", "-o", "b", "--early-stopping-threshold=0.1"],
        "--early-stopping-threshold needs --early-stopping-patience"
      ),
      (
        "gpt-finetune", ["a", "-o", "b", "--max-steps", "--resume"],
        "--max-steps needs a value; if that is '--resume', write '--max-steps=--resume'"
      ),
      (
        "gpt-sample", ["a", "--top-p", "1.5"],
        "--top-p: '1.5' is not accepted; expected a number from 0.0 to 1.0"
      ),
      (
        "gpt-sample", ["a", "--prompt", "b", "--prompts", "c"],
        "give --prompt or --prompts, not both"
      ),
      ("gpt-sample", ["a", "-i", "--score", "b"], "give --interactive or --score, not both"),
      ("gpt-sample", ["a", "-i", "--count", "2"], "--count cannot be used with --interactive"),
      ("gpt-sample", ["a", "--score", "b", "-p", "c"], "--prompt cannot be used with --score"),
      ("gpt-sample", ["a", "--show", "2"], "--show needs --output"),
      (
        "gpt-sample", ["a", "--adapter", "b", "--adapter", "c", "--logits"],
        "with --logits, give one --adapter"
      ),
      (
        "gpt-sample", ["a", "--adapter", "b", "--adapter", "c", "--prompts", "-"],
        "with several adapters, --prompts needs a file, which is read for each"
      ),
      (
        "gpt-sample", ["a", "--format", "html"],
        "--format: 'html' is not accepted; expected one of original, plain, raw"
      ),
      (
        "gpt-sample", ["a", "--weights", "fp16"],
        "--weights: 'fp16' is not accepted; expected one of fp32, bf16, int8, int4"
      ),
      (
        "gpt-sample", ["a", "--weights", "q8_0"],
        "--weights q8_0 is for the file of --export; in memory weights are fp32, bf16, int8"
      ),
      (
        "gpt-sample", ["a", "--export", "b", "--weights", "int8"],
        "--weights int8 is for weights in memory; with --export, give one of f32, f16, bf16, q8_0, "
      ),
      ("gpt-sample", ["a", "--export", "b", "-p", "c"], "--prompt cannot be used with --export"),
      ("gpt-sample", ["a", "--export", "b", "--score", "c"], "give --score or --export, not both"),
      ("gpt-sample", ["a", "--modelfile", "b"], "--modelfile needs --export"),
      (
        "gpt-sample", ["a", "--export", "b", "--precision", "bf16"],
        "--precision cannot be used with --export"
      ),
      ("gpt-sample", ["a", "--export", "-"], "--export needs the name of a file"),
      (
        "gpt-sample", ["a", "--best-of", "0"],
        "--best-of: '0' is not accepted; expected a whole number from 1 to 1000000"
      ),
      (
        "gpt-sample", ["a", "--min-p=-0.1"],
        "--min-p: '-0.1' is not accepted; expected a number from 0.0 to 1.0"
      ),
      (
        "gpt-sample", ["a", "--typical-p", "0"],
        "--typical-p: '0' is not accepted; expected a number above 0, up to 1"
      ),
      (
        "gpt-sample", ["a", "--no-repeat-ngram=-1"],
        "--no-repeat-ngram: '-1' is not accepted; expected a whole number of at least 0"
      ),
      (
        "gpt-sample", ["a", "--min-length=9", "--max-length=8"],
        "--min-length: 9 is more than --max-length 8; raise the latter"
      ),
      (
        "gpt-sample", ["a", "--min-new-tokens=8", "--max-length=8"],
        "--min-new-tokens: 8 does not fit into --max-length 8; raise the latter"
      ),
      (
        "gpt-sample", ["a", "--bad-word", " "], "--bad-word: ' ' is not accepted; expected a word"
      ),
      (
        "gpt-sample", ["a", "--generate-completion-script", "csh"],
        "--generate-completion-script: 'csh' is not accepted; expected one of bash, zsh, fish"
      ),
    ] as [(String, [String], String)])
  func wrong(_ program: String, _ arguments: [String], _ message: String) throws {
    let ended = try run(program, arguments)
    #expect(ended.status == 64)
    #expect(ended.output == "")
    #expect(ended.log.hasPrefix("\(program): error: \(message)"), "\(ended.log)")
    #expect(ended.log.hasSuffix("\nTry '\(program) --help'.\n"))
  }

  @Test("errors are coloured on a terminal, unless NO_COLOR or a dumb terminal forbids it")
  func color() throws {
    func log(_ variables: [String: String]) throws -> String {
      // Both ends are open to the last, so that what was written stays to be read.
      var (terminal, other): (Int32, Int32) = (-1, -1)
      try #require(openpty(&terminal, &other, nil, nil, nil) == 0)
      defer { [terminal, other].forEach { close($0) } }
      let name = String(cString: try #require(ttyname(other)))
      let process = try Subprocess(
        try builtProgram("tg-dump"), ["none"], in: folder.path, log: name,
        environment: Subprocess.environment.merging(variables) { $1 })
      #expect(try process.wait().status == 66)
      var buffer = [UInt8](repeating: 0, count: 4096)
      let count = read(terminal, &buffer, buffer.count)
      return String(decoding: buffer[..<max(0, count)], as: UTF8.self)
    }
    let message = "none: cannot open: No such file or directory\r\n"
    #expect(
      try log(["TERM": "xterm"]) == "tg-dump: \u{1B}[1;31merror:\u{1B}[0m \(message)")
    #expect(try log(["TERM": "xterm", "NO_COLOR": "1"]) == "tg-dump: error: \(message)")
    // An empty NO_COLOR is none.
    #expect(try log(["TERM": "xterm", "NO_COLOR": ""]).contains("\u{1B}"))
    #expect(try log(["TERM": "dumb"]) == "tg-dump: error: \(message)")
  }
}
