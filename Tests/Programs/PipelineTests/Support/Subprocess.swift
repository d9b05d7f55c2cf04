import Foundation
import TestSupport

/// The result of a process.
struct Ended {
  /// The exit status; 128 plus the signal if a signal ended the process, as in a shell.
  var status: Int32
  /// What it wrote to standard output.
  var output: String
  /// What it wrote to standard error.
  var log: String
}

/// A process in a process group of its own, killed with the object if nobody has waited for it.
///
/// Its output goes to files, so that it never waits for a reader.
final class Subprocess {
  /// Why there is no `Ended`.
  struct Failure: Error, CustomStringConvertible {
    let description: String
  }

  let processID: pid_t
  private let folder: TemporaryFolder
  private var hasEnded = false

  /// The environment of all processes.
  ///
  /// It has little of that of the tests, to which `make test` adds its variables.
  static var environment: [String: String] {
    let inherited = ProcessInfo.processInfo.environment
    return ["PATH": inherited["PATH"] ?? "/usr/bin:/bin", "HOME": "/nonexistent", "LC_ALL": "C"]
  }

  /// Starts the program at `path`, or with this name in `PATH`, in the folder `directory`.
  ///
  /// `input`, `output` and `log` are files for the standard streams; what goes to the latter two is
  /// part of the result if they are left out.
  init(
    _ path: String, _ arguments: [String], in directory: String, input: String = "/dev/null",
    output: String? = nil, log: String? = nil, environment: [String: String] = environment
  ) throws {
    folder = try TemporaryFolder()
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, input, O_RDONLY, 0)
    let flags = O_WRONLY | O_CREAT | O_APPEND | O_NOCTTY
    posix_spawn_file_actions_addopen(
      &actions, STDOUT_FILENO, output ?? folder.path(Stream.output.rawValue), flags, 0o644)
    posix_spawn_file_actions_addopen(
      &actions, STDERR_FILENO, log ?? folder.path(Stream.log.rawValue), flags, 0o644)
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    // A shell ignores SIGINT for what it starts in the background, and children inherit that.
    var signals = sigset_t()
    sigemptyset(&signals)
    posix_spawnattr_setsigmask(&attributes, &signals)
    for signal in [SIGINT, SIGTERM, SIGHUP, SIGPIPE] { sigaddset(&signals, signal) }
    posix_spawnattr_setsigdefault(&attributes, &signals)
    posix_spawnattr_setflags(
      &attributes,
      Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK))
    var words = (["env", "-C", directory, path] + arguments).map { strdup($0) } + [nil]
    var variables = environment.map { strdup("\($0)=\($1)") } + [nil]
    defer { (words + variables).forEach { free($0) } }
    var processID: pid_t = 0
    let code = posix_spawnp(&processID, "env", &actions, &attributes, &words, &variables)
    guard code == 0 else {
      throw Failure(description: "\(path): cannot start: \(String(cString: strerror(code)))")
    }
    self.processID = processID
  }

  deinit {
    guard !hasEnded else { return }
    kill(-processID, SIGKILL)
    waitpid(processID, nil, 0)
  }

  /// Sends `signal` to the process and its children, as a terminal does.
  func signalGroup(_ signal: Int32) {
    kill(-processID, signal)
  }

  /// Waits for the end.
  func wait() throws -> Ended {
    var status: Int32 = 0
    try poll("the end of process \(processID)") {
      waitpid(processID, &status, WNOHANG) == processID
    }
    hasEnded = true
    let signal = status & 0x7F
    let end: Int32 = signal == 0 ? status >> 8 & 0xFF : 128 + signal
    return Ended(status: end, output: try text(of: .output), log: try text(of: .log))
  }

  /// A stream to which a process writes.
  enum Stream: String {
    case output, log
  }

  /// What was written to `stream` so far.
  func text(of stream: Stream) throws -> String {
    let name = stream.rawValue
    return FileManager.default.fileExists(atPath: folder.path(name))
      ? try folder.text(of: name) : ""
  }

  /// Whether the process waits for something, such as input.
  var isAsleep: Bool { state == "S" }
  /// Whether the process has ended and nobody has waited for it.
  var isZombie: Bool { state == "Z" }

  private var state: Character? {
    guard let stat = try? fact("stat") else { return nil }
    return stat[(stat.lastIndex(of: ")") ?? stat.startIndex)...].dropFirst(2).first
  }

  /// Whether the process handles `signal`, and so has passed the beginning of its `main`.
  func handles(_ signal: Int32) throws -> Bool {
    let line = try fact("status").split(separator: "\n").first { $0.hasPrefix("SigCgt:\t") }
    guard let mask = line.flatMap({ UInt64($0.dropFirst(8), radix: 16) }) else { return false }
    return mask >> UInt64(signal - 1) & 1 == 1
  }

  private func fact(_ name: String) throws -> String {
    try String(contentsOfFile: "/proc/\(processID)/\(name)", encoding: .utf8)
  }

  /// Returns when the process has worked for `milliseconds` more, or has ended.
  ///
  /// That is processor time: a busy machine does not change what the process has done by then.
  func work(milliseconds: Int) throws {
    var clock = clockid_t()
    guard clock_getcpuclockid(processID, &clock) == 0 else { return }
    func worked() -> Int? {
      var time = timespec()
      return clock_gettime(clock, &time) == 0 ? time.tv_sec * 1000 + time.tv_nsec / 1_000_000 : nil
    }
    guard let start = worked() else { return }
    try poll("\(milliseconds) ms of work") {
      guard !isZombie, let now = worked() else { return true }
      return now - start >= milliseconds
    }
  }

  /// Runs the program to its end.
  static func run(
    _ path: String, _ arguments: [String], in directory: String, input: String = "/dev/null",
    output: String? = nil, environment: [String: String] = environment
  ) throws -> Ended {
    try Subprocess(
      path, arguments, in: directory, input: input, output: output, environment: environment
    ).wait()
  }
}

/// Waits until `condition` holds.
///
/// - Throws: `Subprocess.Failure` when it has not for so long that even a busy machine is no reason.
func poll(_ what: String, until condition: () throws -> Bool) throws {
  let seconds = 300
  let end = ContinuousClock.now + .seconds(seconds)
  while try !condition() {
    guard ContinuousClock.now < end else {
      throw Subprocess.Failure(description: "waited \(seconds) s in vain for \(what)")
    }
    usleep(1000)
  }
}

/// The path of the built program `name`, which is in the folder of the tests.
func builtProgram(_ name: String) throws -> String {
  let tests = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
  return URL(filePath: tests).deletingLastPathComponent().appending(path: name).path
}

/// The names of all programs, in the order of the stages.
let programs = ["tg-dump", "bugurt-clean", "bpe-encode", "gpt-finetune", "gpt-sample"]
