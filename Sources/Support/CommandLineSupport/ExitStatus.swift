import FileSupport
import Glibc

/// The exit status of a program, by the numbers of `sysexits.h`.
public enum ExitStatus: Int32, Sendable {
  case success = 0
  /// The command line is wrong.
  case usage = 64
  /// The input is not what it should be.
  case data = 65
  /// An input does not exist or cannot be read.
  case noInput = 66
  /// Something is missing on the machine, memory too.
  case unavailable = 69
  /// Our own mistake.
  case software = 70
  /// An output cannot be created.
  case cannotCreate = 73
  /// Reading or writing failed on the way.
  case inputOutput = 74
  /// A server did not answer, or another program writes the output; later it may be different.
  case temporaryFailure = 75
  /// A server answered in a way that is not understood.
  case protocolViolation = 76
  /// What was asked for is not allowed.
  case noPermission = 77

  /// The status that tells of `error`.
  package init(of error: any Error) {
    switch error {
    case is UsageError: self = .usage
    case is InputError: self = .data
    case let error as any StatusError: self = error.exitStatus
    case is MemoryError: self = .unavailable
    case let error as OutputBusy: self = error.isThisProcess ? .usage : .temporaryFailure
    case let error as FileError:
      switch error.operation {
      case _ where error.code == ENOMEM: self = .unavailable
      // A limit of the system shows itself wherever a file is opened, or bytes or names are written.
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
}

/// A mistake in how the program was started.
public struct UsageError: Error, CustomStringConvertible {
  public let description: String

  public init(_ description: String) {
    self.description = description
  }
}

/// An error of a program's own that names its exit status.
public protocol StatusError: Error {
  /// The status that tells of it.
  var exitStatus: ExitStatus { get }
}
