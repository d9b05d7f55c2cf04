import CommandLineSupport
import Testing

@Suite("CommandLineParser")
struct CommandLineParserTests {
  @Test("keeps the defaults of what is not given")
  func defaults() throws {
    let (example, request) = try parse(["a.txt", "-o", "b"])
    #expect(request == .run)
    #expect(example.input == "a.txt")
    #expect(example.target == "-")
    #expect(example.layerCount == 4)
    #expect(example.rate == 0.5)
    #expect(example.colour == nil)
    #expect(example.output == "b")
    #expect(!example.verbose)
    #expect(example.shuffle)
    #expect(example.sampling.seed == 7)
  }

  @Test(
    "takes a value behind a space, an equals sign or a letter",
    arguments: [
      ["--layer-count", "12"], ["--layer-count=12"], ["-n", "12"], ["-n12"], ["-n=12"],
      ["-vn12"], ["--layer-count=1", "--layer-count=12"],
    ])
  func values(_ words: [String]) throws {
    #expect(try parse(["a", "-o", "b"] + words).group.layerCount == 12)
  }

  @Test("takes options and arguments in any order, including those of a group")
  func order() throws {
    let (example, _) = try parse([
      "--seed", "18446744073709551615", "a.txt", "--lr", "0.25", "--no-shuffle", "b.txt", "-v",
      "--colour=green", "--output=x=y",
    ])
    #expect(example.sampling.seed == .max)
    #expect([example.input, example.target] == ["a.txt", "b.txt"])
    #expect(example.rate == 0.25)
    #expect(!example.shuffle)
    #expect(example.verbose)
    #expect(example.colour == .green)
    #expect(example.output == "x=y")
  }

  @Test("appends the values of a repeated option to its defaults, in their order")
  func repeatedOptions() throws {
    let none = try parse([], as: Repeating.self).group
    #expect(none.without == [] && none.colour == [.red])
    let some = try parse(
      ["--without", "b", "-wa", "--color=green", "--without=b=c", "--colour", "red"],
      as: Repeating.self
    ).group
    #expect(some.without == ["b", "a", "b=c"])
    #expect(some.colour == [.red, .green, .red])
    #expect(
      mistake(in: ["--colour=red", "--colour=blue"], as: Repeating.self)
        == "--colour: 'blue' is not accepted; expected one of red, green")
    #expect(mistake(in: ["--without"], as: Repeating.self) == "--without needs a value")
  }

  @Test("lets the last of a flag and its inverse win")
  func inversion() throws {
    #expect(try parse(["a", "-o", "b", "--no-shuffle", "--shuffle"]).group.shuffle)
    #expect(try !parse(["a", "-o", "b", "--shuffle", "--no-shuffle"]).group.shuffle)
  }

  @Test("takes everything after -- as arguments, and - as one anywhere")
  func positionals() throws {
    let (example, _) = try parse(["-o", "-", "--", "--help", "-v"])
    #expect([example.input, example.target, example.output] == ["--help", "-v", "-"])
    #expect(try parse(["-", "-o", "b"]).group.input == "-")
  }

  @Test("takes a negative number and an empty text as values")
  func oddValues() throws {
    #expect(mistake(in: ["a", "-o", "b", "--rate", "-1"])?.hasPrefix("--rate: '-1'") == true)
    #expect(try parse(["a", "--output="]).group.output == "")
  }

  @Test("takes several arguments of one kind, but at least one")
  func several() throws {
    #expect(try parse(["a", "--", "-b", "c"], as: Several.self).group.inputs == ["a", "-b", "c"])
    #expect(mistake(in: [], as: Several.self) == "missing argument <inputs>: what to read")
    #expect(try parse(["a", "b"], as: AnyNumber.self).group.inputs == ["a", "b"])
    #expect(try parse([], as: AnyNumber.self).group.inputs == [])
  }

  @Test("allows an option and an argument of an optional type to be omitted")
  func optionals() throws {
    struct Optionals: ArgumentGroup {
      @Argument(help: "what to read") var input: String?
      @Option(help: "how many", accepting: .atLeast(1)) var count: Int?
    }
    let (none, _) = try parse([], as: Optionals.self)
    #expect(none.input == nil)
    #expect(none.count == nil)
    let (both, _) = try parse(["a", "--count=2"], as: Optionals.self)
    #expect(both.input == "a")
    #expect(both.count == 2)
    #expect(
      mistake(in: ["--count=0"], as: Optionals.self)
        == "--count: '0' is not accepted; expected a whole number of at least 1")
  }

  @Test("stops at a request for help, version or completions even if something is missing")
  func requests() throws {
    #expect(try parse(["--help"]).request == .help)
    #expect(try parse(["-h", "--nonsense"]).request == .help)
    #expect(try parse(["-vh"]).request == .help)
    #expect(try parse(["--version"]).request == .version)
    #expect(
      try parse(["--generate-completion-script", "zsh"]).request == .completionScript(shell: "zsh"))
  }

  @Test(
    "says what is wrong in the user's own words",
    arguments: [
      ([], "missing argument <in.txt>: what to read"),
      (["a"], "missing option --output: where to"),
      (["a", "b", "c"], "unexpected argument 'c'"),
      (["--layer-cuont=3"], "unknown option '--layer-cuont'; did you mean '--layer-count'?"),
      (["--lay", "3"], "unknown option '--lay'; did you mean '--layer-count'?"),
      (["--no-shufle"], "unknown option '--no-shufle'; did you mean '--no-shuffle'?"),
      (["--zebra"], "unknown option '--zebra'"),
      (["--=3"], "unknown option '--'"),
      (["-x"], "unknown option '-x'"),
      (["-vx"], "unknown option '-x'"),
      (["-output", "b"], "unknown option '-output'; did you mean '--output'?"),
      (["-output=b"], "unknown option '-output'; did you mean '--output'?"),
      (["--output"], "--output needs a value"),
      (["-o"], "-o needs a value"),
      (["--output", "--", "b"], "--output needs a value"),
      (
        ["--output", "--verbose"],
        "--output needs a value; if that is '--verbose', write '--output=--verbose'"
      ),
      (
        ["-o", "--verbose"],
        "-o needs a value; if that is '--verbose', write '-o--verbose'"
      ),
      (["--verbose=yes"], "--verbose takes no value"),
      (["--help=yes"], "--help takes no value"),
      (["--version=2"], "--version takes no value"),
      (["--no-verbose"], "unknown option '--no-verbose'; did you mean '--verbose'?"),
      (
        ["--layer-count", "0"],
        "--layer-count: '0' is not accepted; expected a whole number of at least 1"
      ),
      (
        ["-n", "four"],
        "--layer-count: 'four' is not accepted; expected a whole number of at least 1"
      ),
      (["--lr", "nan"], "--rate: 'nan' is not accepted; expected a number from 0.0 to 1.0"),
      (["--rate", "1e999"], "--rate: '1e999' is not accepted; expected a number from 0.0 to 1.0"),
      (["--colour", "blue"], "--colour: 'blue' is not accepted; expected one of red, green"),
      (
        ["--seed", "-1"], "--seed: '-1' is not accepted; expected a non-negative whole number"
      ),
    ] as [([String], String)])
  func mistakes(_ line: [String], _ message: String) {
    #expect(mistake(in: line) == message)
  }

  @Test(
    "measures how far two words are apart by insertions, removals, replacements, swaps",
    arguments: [
      ("", "", 0), ("", "abc", 3), ("abc", "", 3), ("rate", "rate", 0), ("raet", "rate", 1),
      ("rte", "rate", 1), ("raate", "rate", 1), ("rote", "rate", 1), ("kitten", "sitting", 3),
      ("топ", "пот", 2),
    ])
  func distances(_ a: String, _ b: String, _ distance: Int) {
    #expect(editDistance(a, b) == distance)
    #expect(editDistance(b, a) == distance)
  }

  @Test("suggests the nearest name, one with that prefix, or none")
  func suggestions() {
    #expect(nearest(to: "sede", among: ["speed", "seed"]) == "seed")
    #expect(nearest(to: "out", among: ["input", "output"]) == "output")
    #expect(nearest(to: "zz", among: ["input", "output"]) == nil)
    #expect(nearest(to: "input", among: []) == nil)
  }

  @Test(
    "makes the name of an option of a property's",
    arguments: [("seed", "seed"), ("shardTokens", "shard-tokens"), ("newRunName", "new-run-name")])
  func optionNames(_ property: String, _ name: String) {
    #expect(CommandSchema.optionName(of: property) == name)
  }
}
