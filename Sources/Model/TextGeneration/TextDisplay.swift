import BytePairEncoding

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
