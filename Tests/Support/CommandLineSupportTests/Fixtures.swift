import CommandLineSupport

enum Colour: String, CaseIterable, ArgumentValue {
  case red, green
}

/// Options of each kind, as a program would declare them.
struct Example: ArgumentGroup {
  @Argument(help: "what to read", valueName: "in.txt", completion: .file) var input: String
  @Argument(wrappedValue: "-", help: "what to write") var target: String
  @Option(help: "how many layers", short: "n", accepting: .atLeast(1)) var layerCount = 4
  @Option(help: "the rate", aliases: ["lr"], accepting: .within(0...1)) var rate = 0.5
  @Option(help: "the colour") var colour: Colour?
  @Option(help: "where to", short: "o", valueName: "path", completion: .file) var output: String
  @Option(help: "a folder", valueName: "folder", completion: .folder) var home = "."
  @Flag(help: "say more", short: "v") var verbose = false
  @Flag(help: "shuffle the posts", inversion: .prefixedNo) var shuffle = true
  @OptionGroup("Sampling") var sampling: SamplingOptions
}

struct SamplingOptions: ArgumentGroup {
  @Option(help: "the seed") var seed: UInt64 = 7
}

/// A program of several inputs.
struct Several: ArgumentGroup {
  @Arguments(help: "what to read", completion: .file) var inputs: [String]
}

/// A program whose inputs may be left out.
struct AnyNumber: ArgumentGroup {
  @Arguments(help: "what to read", completion: .file) var inputs: [String] = []
}

/// A program of options that may be given several times.
struct Repeating: ArgumentGroup {
  @Options(help: "what to leave out", short: "w", valueName: "path", completion: .file)
  var without: [String] = []
  @Options(help: "the colours", aliases: ["color"]) var colour: [Colour] = [.red]
}

/// Parses `line`, and returns the group it was parsed into with what it asks for.
func parse<Group: ArgumentGroup>(
  _ line: [String], as group: Group.Type = Example.self
) throws -> (group: Group, request: CommandLineParser.Request) {
  let group = Group()
  let request = try CommandLineParser(schema: CommandSchema(of: group)).parse(line)
  return (group, request)
}

/// The message of the mistake in `line`; `nil` where there is none.
func mistake(in line: [String], as group: (some ArgumentGroup).Type = Example.self) -> String? {
  do {
    _ = try parse(line, as: group)
    return nil
  } catch {
    return error is UsageError ? "\(error)" : "another error: \(error)"
  }
}
