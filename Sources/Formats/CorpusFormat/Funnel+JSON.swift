import FileSupport
import JSONSupport

extension Funnel {
  /// The version of the format that is written and read.
  static let version = 1

  /// The funnel as JSON, as it is in its file.
  public var json: JSONValue {
    func counts(_ keys: [CountKey]) -> [JSONValue.Member] {
      keys.map { .init($0.name, .integer(self[keyPath: $0.path])) }
    }
    return .object(
      [
        .init("version", .integer(Self.version)),
        .init("recipe", .string(recipe)),
        .init("one_post_a_line", .boolean(isOnePostALine)),
      ] + counts(badLines > 0 ? [Self.badLinesKey] : []) + counts(Self.keysIn) + [
        .init(
          "rules",
          .array(
            steps.map { step in
              .object([
                .init("name", .string(step.rule)),
                .init("settings", .object(step.settings)),
                .init("dropped", .integer(step.dropped)),
                .init("changed", .integer(step.changed)),
              ])
            }))
      ] + counts(Self.keysOut))
  }

  /// The key of a count in the file.
  private typealias CountKey = (name: String, path: WritableKeyPath<Funnel, Int>)

  private static var badLinesKey: CountKey { ("bad_lines", \.badLines) }
  private static var keysIn: [CountKey] {
    [("posts_in", \.postsIn), ("characters_in", \.charactersIn), ("bytes_in", \.bytesIn)]
  }
  private static var keysOut: [CountKey] {
    [("posts_out", \.postsOut), ("characters_out", \.charactersOut), ("bytes_out", \.bytesOut)]
  }

  /// Writes the funnel to the file at `path`, completely or not at all.
  ///
  /// - Throws: `OutputBusy` if another process is writing it; `FileError`.
  public func write(to path: String) throws {
    try write(to: try OutputFile(path: path))
  }

  /// Writes the funnel to `file`, and commits the file.
  ///
  /// - Throws: `FileError`.
  public func write(to file: OutputFile) throws {
    try file.write(json.text(indent: 2) + "\n")
    try file.commit()
  }

  /// Reads the funnel at `path`; unknown keys are ignored.
  ///
  /// - Throws: `InputError` if it is not a funnel or its counts contradict each other; `FileError`.
  public init(path: String) throws {
    let fields = Fields(path: path, value: try JSONValue(path: path))
    let version = try fields.count("version")
    guard version == Self.version else {
      throw InputError(
        path, "the funnel has version \(version); this program reads \(Self.version)")
    }
    let rules = try fields.value("rules", "an array", \.elements)
    self.init(
      recipe: try fields.value("recipe", "a string", \.string),
      isOnePostALine: try fields.value("one_post_a_line", "true or false", \.boolean),
      steps: try rules.enumerated().map { index, rule in
        let fields = Fields(path: path, value: rule, prefix: "rules[\(index)].")
        return Step(
          rule: try fields.value("name", "a string", \.string),
          settings: try fields.value("settings", "an object", \.members),
          dropped: try fields.count("dropped"), changed: try fields.count("changed"))
      })
    for key in Self.keysIn + Self.keysOut { self[keyPath: key.path] = try fields.count(key.name) }
    if fields.value["bad_lines"] != nil { badLines = try fields.count("bad_lines") }
    let dropped = steps.reduce(0) { $0 &+ $1.dropped }
    guard postsIn &- dropped == postsOut else {
      throw InputError(
        path,
        "\(postsIn) posts in minus \(dropped) dropped is \(postsIn &- dropped), "
          + "but posts_out is \(postsOut)")
    }
  }

  /// The members of an object in the file; a missing one is an error.
  private struct Fields {
    let path: String
    let value: JSONValue
    var prefix = ""

    func value<Value>(_ key: String, _ expected: String, _ read: (JSONValue) -> Value?) throws
      -> Value
    {
      guard let found = value[key].flatMap(read) else {
        throw InputError(path, "'\(prefix)\(key)' is missing or not \(expected)")
      }
      return found
    }

    func count(_ key: String) throws -> Int {
      try value(key, "a whole number of at least 0") { value in
        value.integer.flatMap { $0 >= 0 ? $0 : nil }
      }
    }
  }
}
