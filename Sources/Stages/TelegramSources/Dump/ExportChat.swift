import FileSupport

/// A chat of an export that may hold several.
protocol ExportChat {
  /// The chat in words.
  var title: String { get }
  /// The size of the chat, by which a list is sorted, and its unit in words.
  var size: (count: Int, unit: String) { get }

  /// Whether `choice` names this chat.
  func isNamed(_ choice: String) -> Bool

  /// What chats can be chosen by, and what is unique to each.
  static var names: (all: String, unique: String) { get }
}

extension Array where Element: ExportChat {
  /// The index of the one chat that `choice` names; without a choice, that of the only chat.
  ///
  /// - Throws: `InputError` with a list of the chats of the export at `path` if there is not
  ///   exactly one.
  func index(ofChosen choice: String?, in path: String, howTo: String) throws -> Int {
    guard !isEmpty else { throw InputError(path, "the export holds no chats; \(howTo)") }
    let matches = indices.filter { index in choice.map(self[index].isNamed) ?? true }
    if matches.count == 1 { return matches[0] }
    let listed = Self.lines(of: matches.isEmpty ? self : matches.map { self[$0] })
    guard let choice else {
      throw InputError(
        path,
        "the export holds \(count) chats; name one by its \(Element.names.all) with --chat:\n\(listed)"
      )
    }
    throw InputError(
      path,
      matches.isEmpty
        ? "the export holds no chat '\(choice)'; name one by its \(Element.names.all):\n\(listed)"
        : "the export holds \(matches.count) chats '\(choice)'; name one by its "
          + "\(Element.names.unique):\n\(listed)")
  }

  /// The chats as lines, the largest first.
  private static func lines(of chats: [Element]) -> String {
    let shown = 40
    let sorted = chats.sorted { $0.size.count > $1.size.count }
    var lines = sorted.prefix(shown).map { "  \($0.title): \($0.size.count) \($0.size.unit)" }
    if chats.count > shown { lines.append("  and \(chats.count - shown) more") }
    return lines.joined(separator: "\n")
  }
}
