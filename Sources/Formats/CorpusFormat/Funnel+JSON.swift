import FileSupport
import JSONSupport

extension Funnel {
  /// The number of the form that is written and read.
  static let version = 1

  /// The funnel as JSON, as it stands in its file.
  public var json: JSONValue {
    let badLines = badLines > 0 ? [JSONValue.Member("bad_lines", .integer(badLines))] : []
    return .object(
      [
        .init("version", .integer(Self.version)),
        .init("recipe", .string(recipe)),
        .init("one_post_a_line", .boolean(isOnePostALine)),
      ] + badLines + [
        .init("posts_in", .integer(postsIn)),
        .init("characters_in", .integer(charactersIn)),
        .init("bytes_in", .integer(bytesIn)),
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
            })),
        .init("posts_out", .integer(postsOut)),
        .init("characters_out", .integer(charactersOut)),
        .init("bytes_out", .integer(bytesOut)),
      ])
  }

  /// Writes the funnel to the file at `path`, whole or not at all.
  ///
  /// - Throws: `OutputBusy` if another process is writing it; `FileError`.
  public func write(to path: String) throws {
    try write(to: try OutputFile(path: path))
  }

  /// Writes the funnel to `file`, and commits that.
  ///
  /// - Throws: `FileError`.
  public func write(to file: OutputFile) throws {
    try file.write(json.text(indent: 2) + "\n")
    try file.commit()
  }

  /// Reads the funnel at `path`; keys it does not know are passed over.
  ///
  /// - Throws: `InputError` if it is no funnel or its counts contradict each other; `FileError`.
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
    badLines = fields.value["bad_lines"] == nil ? 0 : try fields.count("bad_lines")
    postsIn = try fields.count("posts_in")
    charactersIn = try fields.count("characters_in")
    bytesIn = try fields.count("bytes_in")
    postsOut = try fields.count("posts_out")
    charactersOut = try fields.count("characters_out")
    bytesOut = try fields.count("bytes_out")
    let dropped = steps.reduce(0) { $0 &+ $1.dropped }
    guard postsIn &- dropped == postsOut else {
      throw InputError(
        path,
        "\(postsIn) posts in less \(dropped) dropped are \(postsIn &- dropped), "
          + "but posts_out is \(postsOut)")
    }
  }

  /// The members of an object in the file, whose absence is an error.
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
