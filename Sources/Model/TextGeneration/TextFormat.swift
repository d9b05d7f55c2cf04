import BytePairEncoding

/// How a text is shown.
public enum TextFormat: String, CaseIterable, Sendable {
  /// Each part of a bugurt on a line of its own and a line `@` between parts, as in the channel's posts;
  /// parts without words are left out.
  case original
  /// All on one line with ` @ ` between parts, as in the cleaned text.
  case plain
  /// The tokens as they are, including special ones.
  case raw
}

/// Formats a text while it is being written.
///
/// What is shown does not depend on where the text is cut. Spaces and separators are held back
/// until the next word.
///
///     ПРИШЁЛ @ УВИДЕЛ @ УСНУЛ  →  ПРИШЁЛ⏎@⏎УВИДЕЛ⏎@⏎УСНУЛ
package struct FormatStream: Sendable {
  private let format: TextFormat
  private var hasWords = false
  private var isInWord = false
  /// Whether there was an `@` after the last word.
  private var hasSeparator = false
  /// Whether an `@` has been read that is a separator unless its word continues.
  private var holdsSeparator = false

  package init(_ format: TextFormat) {
    self.format = format
  }

  /// Adds `text` and returns what can now be shown.
  ///
  /// Bytes that a model wrote and that are no character are left out.
  package mutating func append(_ text: String) -> String {
    let scalars = text.unicodeScalars.lazy.filter { $0 != "\u{FFFD}" }
    var shown = String.UnicodeScalarView()
    if format == .raw {
      shown.append(contentsOf: scalars)
      return String(shown)
    }
    for scalar in scalars {
      // A no-break space does not separate words.
      if [" ", "\n", "\t", "\r"].contains(scalar) {
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

  /// What comes before the first letter of a word.
  private mutating func beginWord() -> String {
    let gap = hasWords ? hasSeparator ? "\n@\n" : " " : ""
    let held = holdsSeparator ? "@" : ""
    (hasWords, isInWord, hasSeparator, holdsSeparator) = (true, true, false, false)
    return gap + held
  }
}

/// Turns tokens into text as they are written: whole characters only, in a format.
///
///     var display = TextDisplay(tokenizer, .original)
///     for token in tokens { print(display.append([token]), terminator: "") }
///     print(display.finish())
public struct TextDisplay: Sendable {
  private var characters: TextStream
  private var format: FormatStream

  public init(_ tokenizer: Tokenizer, _ format: TextFormat) {
    characters = TextStream(tokenizer, skipsSpecialTokens: format != .raw)
    self.format = FormatStream(format)
  }

  /// Adds the next tokens and returns what can now be shown.
  public mutating func append(_ tokens: some Sequence<Int32>) -> String {
    tokens.reduce(into: "") { $0 += format.append(characters.append(UInt32(bitPattern: $1))) }
  }

  /// Returns what was held back.
  public mutating func finish() -> String {
    format.append(characters.finish())
  }

  /// The whole text of `tokens`.
  public static func text(
    of tokens: some Sequence<Int32>, _ tokenizer: Tokenizer, _ format: TextFormat
  ) -> String {
    var display = TextDisplay(tokenizer, format)
    return display.append(tokens) + display.finish()
  }
}
