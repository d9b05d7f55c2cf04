import CommandLineSupport
import FileSupport
import Glibc
import Testing

// Testing has an ExitStatus of its own.
private typealias ExitStatus = CommandLineSupport.ExitStatus

@Suite("ExitStatus")
struct ExitStatusTests {
  struct Mishap: Error {}

  @Test("distinguishes mistakes on the command line, in the input and of ours")
  func kinds() {
    #expect(ExitStatus(of: UsageError("no")) == .usage)
    #expect(ExitStatus(of: InputError("a.txt", "no")) == .data)
    #expect(ExitStatus(of: Mishap()) == .software)
  }

  @Test(
    "goes by what the system refused",
    arguments: [
      (.open, ENOENT, .noInput), (.list, ENOTDIR, .noInput), (.read, EISDIR, .noInput),
      (.read, EIO, .inputOutput), (.create, EACCES, .cannotCreate), (.create, ENOSPC, .inputOutput),
      (.rename, EACCES, .cannotCreate), (.rename, ENOSPC, .inputOutput),
      (.rename, EDQUOT, .inputOutput), (.remove, EBUSY, .cannotCreate),
      (.write, ENOSPC, .inputOutput), (.synchronize, EIO, .inputOutput),
      (.write, EFBIG, .inputOutput), (.open, EMFILE, .inputOutput), (.create, EROFS, .cannotCreate),
    ] as [(FileError.Operation, Int32, ExitStatus)])
  fileprivate func fileErrors(_ operation: FileError.Operation, _ code: Int32, _ status: ExitStatus)
  {
    #expect(ExitStatus(of: FileError(path: "a", operation: operation, code: code)) == status)
  }

  @Test("has the numbers of sysexits.h")
  func numbers() {
    let statuses: [ExitStatus] = [
      .success, .usage, .data, .noInput, .unavailable, .software, .cannotCreate, .inputOutput,
    ]
    #expect(statuses.map(\.rawValue) == [0, 64, 65, 66, 69, 70, 73, 74])
  }
}
