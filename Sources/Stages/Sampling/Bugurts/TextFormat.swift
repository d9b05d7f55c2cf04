/// How a text is shown.
public enum TextFormat: String, CaseIterable, Sendable {
  /// Each part of a bugurt on a line of its own with a line `@` between, as the posts of the channel
  /// have it; parts without words are left out.
  case original
  /// All on one line with ` @ ` between the parts, as in the cleaned text.
  case plain
  /// The tokens as they are, special ones too.
  case raw

  /// The whole of `text` in this format.
  ///
  ///     TextFormat.original.text(of: "ПРИШЁЛ @ УВИДЕЛ @ УСНУЛ")  // ПРИШЁЛ⏎@⏎УВИДЕЛ⏎@⏎УСНУЛ
  public func text(of text: String) -> String {
    if self == .raw { return text }
    let words = text.unicodeScalars.split(whereSeparator: Self.isBlank).map(String.init)
    if self == .plain { return words.joined(separator: " ") }
    return words.split(separator: "@").map { $0.joined(separator: " ") }.joined(separator: "\n@\n")
  }

  /// Whether `scalar` parts words; a no-break space does not.
  static func isBlank(_ scalar: Unicode.Scalar) -> Bool {
    scalar == " " || scalar == "\n" || scalar == "\t" || scalar == "\r"
  }
}

/// Brings a text into a format while it is being written: what was given out stays.
///
/// All that is given out together is what ``TextFormat/text(of:)`` makes of the whole text. Blanks and
/// separators wait for the word behind them.
package struct FormatStream: Sendable {
  private let format: TextFormat
  private var hasWords = false
  private var isInWord = false
  /// Whether `@` stood between the last word and what comes.
  private var hasSeparator = false
  /// Whether a word that begins with `@` may still be a separator.
  private var holdsSeparator = false

  package init(_ format: TextFormat) {
    self.format = format
  }

  /// Takes in `text` and returns what can be shown by now.
  package mutating func append(_ text: String) -> String {
    if format == .raw { return text }
    var shown = String.UnicodeScalarView()
    for scalar in text.unicodeScalars {
      if TextFormat.isBlank(scalar) {
        endWord()
      } else if format == .original, scalar == "@", !isInWord, !holdsSeparator {
        holdsSeparator = true
      } else {
        if !isInWord { shown += beginWord().unicodeScalars }
        shown.append(scalar)
      }
    }
    return String(shown)
  }

  private mutating func endWord() {
    if holdsSeparator { hasSeparator = true }
    (isInWord, holdsSeparator) = (false, false)
  }

  /// What stands before the first letter of a word.
  private mutating func beginWord() -> String {
    let gap = hasWords ? hasSeparator ? "\n@\n" : " " : ""
    let held = holdsSeparator ? "@" : ""
    (hasWords, isInWord, hasSeparator, holdsSeparator) = (true, true, false, false)
    return gap + held
  }
}
