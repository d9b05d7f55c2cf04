/// What is wanted of a source, whichever it is.
public struct SourceOptions: Equatable, Sendable {
  /// The chat, by name or id, where a source holds several.
  public var chat: String?
  /// The zone of dates that tell none.
  public var zone: LocalZone?
  /// Whether the question and the options of a poll are appended to the text of its post.
  public var includesPolls = false
  /// Whether the whole posts before the cut are taken of an export that is cut off.
  public var salvages = false

  public init() {}
}

/// A poll as text: the question and below it the options, each behind a dash.
///
///     Кто виноват?
///     – сосед
///     – кот
func pollText(question: String, options: [String]) -> String {
  ([question] + options.map { "– " + $0 }).joined(separator: "\n")
}
