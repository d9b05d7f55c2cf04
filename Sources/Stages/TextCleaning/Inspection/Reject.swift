import FileSupport
import JSONSupport

/// A post that a rule dropped.
public struct Reject: Equatable, Sendable {
  public let id: Int
  /// The name of the rule.
  public let rule: String
  /// The text as posted.
  public let text: String
  /// The id of the nearly equal post that is kept in place of this one.
  public var keptInstead: Int?
}

/// Writes dropped posts, one JSON object per line: `{"id":7,"rule":"links","text":"…"}`; for a near
/// duplicate, `kept` is the id of the post that is kept in its place.
public final class RejectWriter {
  private let file: OutputFile

  /// Creates the file `path`, compressed with gzip if its name ends in `.gz`; `-` is standard
  /// output.
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

  /// Writes everything to the disk and gives the file its name.
  ///
  /// - Throws: `FileError`; the file then does not appear.
  public func commit() throws {
    try file.commit()
  }
}
