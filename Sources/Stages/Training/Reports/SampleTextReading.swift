import CheckpointFormat
import FileSupport
import JSONSupport

extension TrainerState.Samples.Text {
  /// Reads the texts in the file at `path`, one JSON object per line, as `gpt-sample --json` writes them.
  ///
  /// - Throws: ``InputError`` with the line that is not such an object; ``FileError``.
  static func read(_ path: String) throws -> [Self] {
    var lines = try LineReader(path: path)
    var texts: [Self] = []
    while let line = try lines.next() {
      var reader = JSONReader(bytes: line, path: path, place: .line(lines.lineNumber))
      let value = try JSONValue(&reader)
      try reader.finish()
      let object = try JSONObject(value, path: path, context: "line \(lines.lineNumber): ")
      texts.append(
        Self(prompt: try object.string("prompt"), text: try object.string("text")))
    }
    return texts
  }
}
