/// How a generated text is shown.
public enum BugurtFormat {
  /// Each separator on a line of its own, as the posts of the channel have it.
  ///
  ///     BugurtFormat.lines("ПРИШЁЛ @ УВИДЕЛ @ УСНУЛ")  // ПРИШЁЛ⏎@⏎УВИДЕЛ⏎@⏎УСНУЛ
  public static func lines(_ text: String) -> String {
    text.split(separator: " ", omittingEmptySubsequences: true)
      .split(separator: "@", omittingEmptySubsequences: false)
      .map { $0.joined(separator: " ") }
      .filter { !$0.isEmpty }
      .joined(separator: "\n@\n")
  }
}
