import FileSupport
import Glibc

/// Lines that were typed, kept between runs in a file that only its owner can read.
///
/// Several programs may add to the file at the same time.
public final class LineHistory {
  /// How many lines are kept.
  public static let limit = 1000

  /// The path of the file.
  public let path: String
  /// The lines, the most recent one last.
  public private(set) var lines: [String] = []

  /// `history` in the folder of the state of `program`; `nil` if there is no home folder.
  public static func defaultPath(of program: String) -> String? {
    Folder.state(of: program).map { $0 + "/history" }
  }

  /// The history in the file at `path`, which need not exist.
  ///
  /// - Throws: `FileError`; `InputError`.
  public init(path: String) throws {
    self.path = path
    guard Folder.hasFile(path) else { return }
    var reader = try LineReader(path: path)
    while let line = try reader.next() { lines.append(String(decoding: line, as: UTF8.self)) }
    // A file that has grown to twice the limit is shortened.
    let isLong = lines.count > 2 * Self.limit
    lines.removeFirst(max(0, lines.count - Self.limit))
    if isLong {
      do {
        let file = try OutputFile(path: path, isPrivate: true)
        for line in lines { try file.write(line + "\n") }
        try file.commit()
      } catch is OutputBusy {
        // Another program is shortening it.
      }
    }
  }

  /// Adds `line`, unless it is blank or equal to the last one, and returns whether it was added.
  ///
  /// - Throws: `FileError` if it cannot be written to the file; it is in ``lines`` anyway.
  public func append(_ line: String) throws -> Bool {
    guard line.contains(where: { !$0.isWhitespace }), line != lines.last else { return false }
    lines.append(line)
    let folder = Folder.parent(of: path)
    if !Folder.exists(folder) {
      try Folder.create(Folder.parent(of: folder))
      guard mkdir(folder, 0o700) == 0 || errno == EEXIST else {
        throw FileError(path: folder, operation: .create)
      }
    }
    let descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw FileError(path: path, operation: .create) }
    defer { close(descriptor) }
    let bytes = Array((line + "\n").utf8)
    // An older file may be readable by others. One call, so that lines of several programs stay
    // intact.
    guard fchmod(descriptor, 0o600) == 0, write(descriptor, bytes, bytes.count) == bytes.count
    else {
      throw FileError(path: path, operation: .write)
    }
    return true
  }
}
