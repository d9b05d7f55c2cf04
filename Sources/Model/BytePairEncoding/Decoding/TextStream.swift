/// Turns ids into text as they arrive, in complete characters only.
///
/// A character may be spread over several tokens; its bytes are held back until it is complete.
/// Bytes that cannot become a character are returned as U+FFFD.
///
///     var stream = TextStream(tokenizer)
///     for id in ids { print(stream.append(id), terminator: "") }
///     print(stream.finish())
public struct TextStream: Sendable {
  private let tokenizer: Tokenizer
  private let skipsSpecialTokens: Bool
  private var pending: [UInt8] = []

  /// A stream of the tokens of `tokenizer`.
  public init(_ tokenizer: Tokenizer, skipsSpecialTokens: Bool = true) {
    self.tokenizer = tokenizer
    self.skipsSpecialTokens = skipsSpecialTokens
  }

  /// Adds the token `id` and returns the characters that it completes.
  public mutating func append(_ id: UInt32) -> String {
    if skipsSpecialTokens && tokenizer.isSpecial(id) { return "" }
    pending += tokenizer.bytes(of: id)
    let held = UTF8Sequence.incompleteSuffix(of: pending)
    defer { pending.removeFirst(pending.count - held) }
    return String(decoding: pending[..<(pending.count - held)], as: UTF8.self)
  }

  /// Returns what was held back, with U+FFFD for an incomplete character.
  public mutating func finish() -> String {
    defer { pending = [] }
    return String(decoding: pending, as: UTF8.self)
  }
}
