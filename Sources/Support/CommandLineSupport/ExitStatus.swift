import FileSupport
import Glibc
import Synchronization

/// The exit status of a program, using the numbers of `sysexits.h`.
public enum ExitStatus: Int32, Sendable {
  case success = 0
  /// The command line is wrong.
  case usage = 64
  /// The input is not valid.
  case data = 65
  /// An input does not exist or cannot be read.
  case noInput = 66
  /// The machine lacks something, such as memory.
  case unavailable = 69
  /// A bug in the program.
  case software = 70
  /// An output cannot be created.
  case cannotCreate = 73
  /// Reading or writing failed.
  case inputOutput = 74
  /// A server did not answer, or another program is writing the output; trying again later may
  /// help.
  case temporaryFailure = 75
  /// A server gave an answer that the program does not understand.
  case protocolViolation = 76
  /// The user is not permitted to do this.
  case noPermission = 77

  /// What users are told of the statuses, which are the same in all programs.
  static let meanings = [
    ("0", "The work is done."),
    ("64", "The command line is wrong."),
    ("65", "The input is not valid; the message names the place."),
    ("66", "An input does not exist or cannot be read."),
    (
      "69",
      "The machine lacks something, such as memory, a library or instructions of the processor."
    ),
    ("70", "A bug in the program."),
    ("73", "An output cannot be created."),
    ("74", "Reading or writing failed, for instance because the disk is full."),
    ("75", "A server did not answer, or another program is writing the output; try again later."),
    ("76", "A server gave an answer that the program does not understand."),
    ("77", "You are not permitted to do this."),
    ("129, 130, 143", "The terminal was closed, Ctrl-C was pressed, or SIGTERM was received."),
    ("141", "The reader of the output is gone (a broken pipe); there is no message."),
    ("152", "The limit of processor time (ulimit -S -t) was reached."),
  ]

  /// The status for `error`.
  package init(of error: any Error) {
    switch error {
    case is UsageError: self = .usage
    case is InputError: self = .data
    case let error as any StatusError: self = error.exitStatus
    case is MemoryError, is SharedLibrary.LoadError: self = .unavailable
    case let error as OutputBusy: self = error.isThisProcess ? .usage : .temporaryFailure
    case let error as FileError:
      switch error.operation {
      case _ where error.code == ENOMEM: self = .unavailable
      // The system refuses a process.
      case .create where error.code == EAGAIN: self = .unavailable
      // These limits can be hit wherever a file is opened, or bytes or names are written.
      case _ where [ENOSPC, EDQUOT, EFBIG, EMFILE, ENFILE].contains(error.code):
        self = .inputOutput
      case .open, .list: self = .noInput
      case .read: self = error.code == EISDIR ? .noInput : .inputOutput
      case .create, .rename, .remove: self = .cannotCreate
      case .write, .synchronize: self = .inputOutput
      }
    default: self = .software
    }
  }

  /// The number with which a process exits because of `error`, which may be a signal.
  package static func number(for error: any Error) -> Int32 {
    switch error {
    case let error as Interruption: 128 + error.signal
    case let error as PeerFailure: error.status
    default: ExitStatus(of: error).rawValue
    }
  }
}

/// A mistake on the command line.
public struct UsageError: Error, CustomStringConvertible {
  public let description: String

  public init(_ description: String) {
    self.description = description
  }
}

/// A program's own error that has an exit status.
public protocol StatusError: Error {
  /// The status for this error.
  var exitStatus: ExitStatus { get }
}

/// How the process exits.
public enum ProcessExit {
  private static let skipsCleanUp = Atomic(false)
  private static let handler = Mutex<(@Sendable (Int32) -> Void)?>(nil)

  /// Makes the process exit without running the cleanup of libraries: some have their own threads,
  /// which may abort during it.
  public static func skipCleanUp() {
    skipsCleanUp.store(true, ordering: .relaxed)
  }

  /// Makes the process call `handler` with its exit status before it exits.
  package static func onExit(_ handler: @escaping @Sendable (Int32) -> Void) {
    self.handler.withLock { $0 = handler }
  }

  static func exit(_ status: Int32) -> Never {
    handler.withLock { $0 }?(status)
    if skipsCleanUp.load(ordering: .relaxed) { _exit(status) }
    Glibc.exit(status)
  }
}
