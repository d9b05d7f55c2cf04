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
      ] + (sources.isEmpty ? [] : [.init("sources", .array(sources.map(\.json)))])
        + counts(Self.keysOut))
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
    let funnel = try JSONObject(path: path)
    let version = try funnel.count("version")
    guard version == Self.version else {
      throw InputError(
        path, "the funnel has version \(version); this program reads \(Self.version)")
    }
    self.init(
      recipe: try funnel.string("recipe"),
      isOnePostALine: try funnel.member("one_post_a_line", "true or false", \.boolean),
      steps: try funnel.objects("rules").map { rule in
        Step(
          rule: try rule.string("name"),
          settings: try rule.member("settings", "an object", \.members),
          dropped: try rule.count("dropped"), changed: try rule.count("changed"))
      })
    for key in Self.keysIn + Self.keysOut { self[keyPath: key.path] = try funnel.count(key.name) }
    if funnel["sources"] != nil {
      sources = try funnel.objects("sources").map { source in
        Source(
          path: try source.string("path"), postsIn: try source.count("posts_in"),
          postsOut: try source.count("posts_out"), bytesOut: try source.count("bytes_out"))
      }
    }
    if funnel["bad_lines"] != nil { badLines = try funnel.count("bad_lines") }
    let dropped = steps.reduce(0) { $0 &+ $1.dropped }
    guard postsIn &- dropped == postsOut else {
      throw InputError(
        path,
        "\(postsIn) posts in minus \(dropped) dropped is \(postsIn &- dropped), "
          + "but posts_out is \(postsOut)")
    }
  }
}

extension Funnel.Source {
  fileprivate var json: JSONValue {
    .object([
      .init("path", .string(path)), .init("posts_in", .integer(postsIn)),
      .init("posts_out", .integer(postsOut)), .init("bytes_out", .integer(bytesOut)),
    ])
  }
}

extension JSONObject {
  /// The whole number `key`, which may not be negative.
  fileprivate func count(_ key: String) throws -> Int {
    try member(key, "a whole number of at least 0") { value in
      value.integer.flatMap { $0 >= 0 ? $0 : nil }
    }
  }
}
