import FileSupport
import JSONSupport

/// A text that a model has written, as `gpt-sample --json` reports it.
struct ComparedText {
  /// What the text begins with.
  let prompt: String
  let text: String

  /// Reads the texts in the file at `path`, one JSON object per line.
  ///
  /// - Throws: ``InputError`` with the line that is not such an object; ``FileError``.
  static func read(_ path: String) throws -> [ComparedText] {
    var lines = try LineReader(path: path)
    var texts: [ComparedText] = []
    while let line = try lines.next() {
      var reader = JSONReader(bytes: line, path: path, place: .line(lines.lineNumber))
      let value = try JSONValue(&reader)
      try reader.finish()
      let object = try JSONObject(value, path: path, context: "line \(lines.lineNumber): ")
      texts.append(
        ComparedText(prompt: try object.string("prompt"), text: try object.string("text")))
    }
    return texts
  }
}
