import FileSupport

/// Writes dropped posts, a JSON object a line: `{"id":7,"rule":"links","text":"…"}`.
public final class RejectWriter {
  private let file: OutputFile

  /// Creates the file `path`, packed with gzip if its name ends in `.gz`; `-` is standard output.
  ///
  /// - Throws: `FileError`.
  public init(path: String) throws {
    file = try OutputFile(path: path, isPacked: path.hasSuffix(".gz"))
  }

  /// Appends `reject`.
  ///
  /// - Throws: `FileError`.
  public func write(_ reject: Reject) throws {
    let value: JSONValue = [
      "id": .integer(reject.id), "rule": .string(reject.rule), "text": .string(reject.text),
    ]
    try file.write(value.text() + "\n")
  }

  /// Brings everything to the disk and gives the file its name.
  ///
  /// - Throws: `FileError`; the file then does not appear.
  public func commit() throws {
    try file.commit()
  }
}
