import FileSupport
// The C library's `stdout` is a variable, though nobody changes it.
@preconcurrency import Glibc

/// A program started from the command line: one stage of the pipeline.
///
/// Conform a type to `Program`, declare its options as properties and mark it `@main`.
///
///     @main
///     struct BPEEncode: Program {
///       static let name = "bpe-encode"
///       static let abstract = "Turn cleaned text into shards of tokens."
///       @Argument(help: "cleaned text, one post a line", completion: .file) var corpus: String
///       @Option(help: "how many tokens to train", accepting: .atLeast(257)) var vocabSize = 16384
///       func run() throws { … }
///     }
///
/// What `run()` throws becomes one line on standard error and an exit status (``ExitStatus``).
public protocol Program: ArgumentGroup {
  /// The name the program is started by, such as `tg-dump`.
  static var name: String { get }

  /// What the program does, in a sentence.
  static var abstract: String { get }

  /// What the help says after the options: examples, files, what to know.
  static var discussion: String { get }

  /// Which options take less memory, as a sentence without its end; empty if none does.
  static var memoryAdvice: String { get }

  /// Checks what the options say together.
  func validate() throws

  /// Does the work.
  func run() throws
}

/// The version of all programs of the package.
public let packageVersion = "0.1.0"

extension Program {
  public static var discussion: String { "" }

  public static var memoryAdvice: String { "" }

  public func validate() throws {}

  /// Runs the program and ends the process.
  public static func main() {
    Log.programName = name
    // Errors of the calls that write instead: they unwind the program, so that nothing half done stays.
    for ignored in [SIGXFSZ, SIGPIPE] { signal(ignored, SIG_IGN) }
    reportLimits()
    let program = Self()
    let schema = CommandSchema(of: program)
    let help = HelpText(
      name: name, abstract: abstract, discussion: discussion, schema: schema,
      width: min(Terminal.width(of: STDOUT_FILENO), 100))
    do {
      switch try CommandLineParser(schema: schema).parse(Array(CommandLine.arguments.dropFirst())) {
      case .help: print(help.text, terminator: "")
      case .version: print("\(name) \(packageVersion)")
      case .completionScript(let shellName):
        guard let shell = CompletionScript.Shell(rawValue: shellName) else {
          throw UsageError(
            "--generate-completion-script: '\(shellName)' is not accepted; "
              + "expected one of bash, zsh, fish")
        }
        print(CompletionScript(name: name, schema: schema).text(for: shell), terminator: "")
      case .run:
        try program.validate()
        Interruption.install()
        try program.run()
      }
      try flushStandardOutput()
      ProcessEnd.end(ExitStatus.success.rawValue)
    } catch {
      // A signal that ends a wait for input shows itself as an error of the call that waited.
      let error = Interruption.behind(error) ?? error
      // Whoever read the output, such as head, wants no more of it.
      if (error as? FileError)?.code == EPIPE { ProcessEnd.end(128 + SIGPIPE) }
      Log.error(message(of: error, memoryAdvice))
      if error is UsageError { Log.raw("\(help.usageLine)\nTry '\(name) --help'.") }
      ProcessEnd.end(
        (error as? Interruption).map { 128 + $0.signal } ?? ExitStatus(of: error).rawValue)
    }
  }

  /// Lets messages about threads and memory that the system refuses reach the user.
  private static func reportLimits() {
    SystemLimits.onReport { Log.warning($0) }
    let advice = memoryAdvice
    SystemLimits.onEnd { error in
      Log.error(message(of: error, advice))
      // Other threads may be at work: nothing is cleaned up under their feet.
      _exit(ExitStatus(of: error).rawValue)
    }
    MemoryFault.install(program: name)
  }

  /// Brings out what was printed; `print` itself does not tell of a full disk.
  private static func flushStandardOutput() throws {
    guard fflush(stdout) == 0, ferror(stdout) == 0 else {
      throw FileError(path: "standard output", operation: .write)
    }
  }
}

/// The text of `error`, with `memoryAdvice` where memory is what is missing.
private func message(of error: any Error, _ memoryAdvice: String) -> String {
  let isMemory = error is MemoryError || (error as? FileError)?.code == ENOMEM
  return isMemory && !memoryAdvice.isEmpty ? "\(error). \(memoryAdvice)" : "\(error)"
}
