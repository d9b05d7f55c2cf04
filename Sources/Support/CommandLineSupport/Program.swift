import CSystem
import FileSupport
// The C library's `stdout` is a variable, although nothing changes it.
@preconcurrency import Glibc
import Threading

/// A program started from the command line: one stage of the pipeline.
///
/// Conform a type to `Program`, declare its options as properties and mark it `@main`.
///
///     @main
///     struct BPEEncode: Program {
///       static let name = "bpe-encode"
///       static let abstract = "Turn cleaned text into shards of tokens."
///       @Argument(help: "cleaned text, one post per line", completion: .file) var corpus: String
///       @Option(help: "how many tokens to learn", accepting: .atLeast(257)) var vocabSize = 16384
///       func run() throws { … }
///     }
///
/// An error that `run()` throws becomes a line on standard error and an exit status
/// (``ExitStatus``).
public protocol Program: ArgumentGroup {
  /// The name of the executable, such as `tg-dump`.
  static var name: String { get }

  /// What the program does, in a sentence.
  static var abstract: String { get }

  /// What the help says after the options: examples, files, background.
  static var discussion: String { get }

  /// Files and folders that it uses without being told their names, and what they hold.
  static var files: [(path: String, text: String)] { get }

  /// What `--version` shows besides the version, such as the libraries that compute.
  static var versionFacts: [String] { get }

  /// How to use less memory, as a sentence without its full stop; empty if nothing helps.
  static var memoryAdvice: String { get }

  /// Whether this is the first of the processes that a launcher has started with one command line, or the
  /// only one: it alone reports what is wrong with that.
  static var isFirstProcess: Bool { get }

  /// Checks combinations of options.
  func validate() throws

  /// Does the work.
  func run() throws
}

extension Program {
  public static var discussion: String { "" }

  public static var files: [(path: String, text: String)] { [] }

  public static var versionFacts: [String] { [] }

  public static var memoryAdvice: String { "" }

  public static var isFirstProcess: Bool { true }

  public func validate() throws {}

  /// The arguments of the process.
  ///
  /// - Throws: ``UsageError`` if one is not UTF-8: repaired, it would name another file.
  private static func arguments() throws -> [String] {
    let arguments = CommandLine.arguments
    for (index, argument) in arguments.enumerated() where index > 0 {
      guard let bytes = CommandLine.unsafeArgv[index], String(validatingCString: bytes) != nil
      else {
        throw UsageError("'\(argument)' is not UTF-8; rename the file, or convert the text")
      }
    }
    return Array(arguments.dropFirst())
  }

  /// Runs the program and ends the process.
  public static func main() {
    csystem_check_processor()
    Log.programName = name
    occupyStandardStreams()
    // The calls that write report these as errors, which unwind the program.
    for ignored in [SIGXFSZ, SIGPIPE] { signal(ignored, SIG_IGN) }
    reportLimits()
    let program = Self()
    let schema = CommandSchema(of: program)
    let help = HelpText(
      name: name, abstract: abstract, discussion: discussion, schema: schema,
      width: min(Terminal.width(of: STDOUT_FILENO), 100))
    var isStarted = false
    do {
      switch try CommandLineParser(schema: schema).parse(arguments()) {
      case .help: print(help.text, terminator: "")
      case .version: print(VersionText(name: name, facts: versionFacts).text)
      case .manualPage: print(ManualPage(help, files: files).text, terminator: "")
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
        isStarted = true
        try program.run()
      }
      try flushStandardOutput()
      ProcessExit.exit(ExitStatus.success.rawValue)
    } catch {
      let isTold = (error as? PeerFailure)?.description.isEmpty == true
      if isTold || !isStarted && !isFirstProcess {
        // The launcher ends all processes when one ends: that should be the one that tells the user why.
        sleep(1)
        ProcessExit.exit(ExitStatus.number(for: error))
      }
      // A signal that ends a wait for input shows up as an error of the call that waited.
      let error = Interruption.cause(of: error) ?? error
      // The reader of the output, such as head, does not want any more of it.
      if (error as? FileError)?.code == EPIPE { ProcessExit.exit(128 + SIGPIPE) }
      let text = message(of: error, memoryAdvice)
      if !text.isEmpty { Log.error(text) }
      if error is UsageError { Log.raw("\(help.usageLine)\nTry '\(name) --help'.") }
      ProcessExit.exit(ExitStatus.number(for: error))
    }
  }

  /// Opens standard streams that are closed, so that no file gets their numbers; using them is an error
  /// as before.
  private static func occupyStandardStreams() {
    for stream in [STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO] where fcntl(stream, F_GETFD) < 0 {
      _ = open("/dev/null", stream == STDIN_FILENO ? O_WRONLY : O_RDONLY)
    }
  }

  /// Passes messages about threads and memory that the system refuses on to the user.
  private static func reportLimits() {
    ThreadShortage.onReport { Log.warning($0) }
    let advice = memoryAdvice
    ProcessMemory.onEnd { error in
      Log.error(message(of: error, advice))
      // Other threads may still be running, so nothing is cleaned up.
      _exit(ExitStatus(of: error).rawValue)
    }
    MemoryFault.install(program: name)
  }

  /// Writes out what was printed; `print` itself does not report a full disk.
  private static func flushStandardOutput() throws {
    guard fflush(stdout) == 0, ferror(stdout) == 0 else {
      throw FileError(path: "standard output", operation: .write)
    }
  }
}

/// The text of `error`, with `memoryAdvice` if memory is short.
private func message(of error: any Error, _ memoryAdvice: String) -> String {
  let isMemory = error is MemoryError || (error as? FileError)?.code == ENOMEM
  return isMemory && !memoryAdvice.isEmpty ? "\(error). \(memoryAdvice)" : "\(error)"
}
