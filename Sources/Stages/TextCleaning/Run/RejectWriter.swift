import FileSupport
import JSONSupport

/// Writes dropped posts, a JSON object a line: `{"id":7,"rule":"links","text":"…"}`; of a
/// post that another is nearly equal to, `kept` is the id of that one.
public final class RejectWriter {
  private let file: OutputFile

  /// Creates the file `path`, packed with gzip if its name ends in `.gz`; `-` is standard output.
  ///
  /// - Throws: `OutputBusy` if another process is writing it; `FileError`.
  public init(path: String) throws {
    file = try OutputFile(path: path, isPacked: path.hasSuffix(".gz"))
  }

  /// Appends `reject`.
  ///
  /// - Throws: `FileError`.
  public func write(_ reject: Reject) throws {
    var members: [JSONValue.Member] = [
      .init("id", .integer(reject.id)), .init("rule", .string(reject.rule)),
    ]
    if let id = reject.keptInstead { members.append(.init("kept", .integer(id))) }
    members.append(.init("text", .string(reject.text)))
    try file.write(JSONValue.object(members).text() + "\n")
  }

  /// Brings everything to the disk and gives the file its name.
  ///
  /// - Throws: `FileError`; the file then does not appear.
  public func commit() throws {
    try file.commit()
  }
}
