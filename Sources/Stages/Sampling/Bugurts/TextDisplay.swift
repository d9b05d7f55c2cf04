import BytePairEncoding

/// Turns tokens into text for the eye as they come: whole characters only, in a format.
///
///     var display = TextDisplay(tokenizer, .original)
///     for token in tokens { print(display.append(token), terminator: "") }
///     print(display.finish())
public struct TextDisplay: Sendable {
  private var characters: TextStream
  private var format: FormatStream

  public init(_ tokenizer: Tokenizer, _ format: TextFormat) {
    characters = TextStream(tokenizer, skipsSpecialTokens: format != .raw)
    self.format = FormatStream(format)
  }

  /// Takes in the next token and returns what can be shown by now.
  public mutating func append(_ token: Int32) -> String {
    format.append(characters.append(UInt32(bitPattern: token)))
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
    return tokens.reduce(into: "") { $0 += display.append($1) } + display.finish()
  }
}
