/// Turns ids from anywhere in a shard into text.
///
/// A character that is cut off at either end becomes U+FFFD; all bytes between are those of the
/// tokens.
/// The end-of-text token becomes a newline, as in the corpus.
///
///     var decoder = ExcerptDecoder(tokenizer, endOfText: 2)
///     decoder.append(ids, into: &bytes)
///     decoder.finish(into: &bytes)
public struct ExcerptDecoder: Sendable {
  private let tokenizer: Tokenizer
  private let endOfText: UInt32?
  /// The number of bytes so far that belong to a character that begins before the ids; `nil` once
  /// that character has ended.
  private var cutBytes: Int? = 0
  /// Bytes that may be the beginning of a character.
  private var held: [UInt8] = []

  private static let replacement: [UInt8] = [0xEF, 0xBF, 0xBD]

  /// A decoder of the tokens of `tokenizer`, among which `endOfText` separates the texts.
  public init(_ tokenizer: Tokenizer, endOfText: UInt32?) {
    self.tokenizer = tokenizer
    self.endOfText = endOfText
  }

  /// Appends the text of `ids`, which follow those of the previous call, to `bytes`.
  public mutating func append(_ ids: some Sequence<UInt32>, into bytes: inout [UInt8]) {
    var text = held[...]
    for id in ids {
      if id == endOfText {
        text.append(0x0A)
      } else {
        text += tokenizer.bytes(of: id)
      }
    }
    passCutCharacter(&text, into: &bytes)
    held = Array(text.suffix(UTF8Sequence.incompleteSuffix(of: text)))
    bytes += text.dropLast(held.count)
  }

  /// Appends what was held back at the end of the ids.
  public mutating func finish(into bytes: inout [UInt8]) {
    if let cutBytes, cutBytes > 0 { bytes += Self.replacement }
    if !held.isEmpty { bytes += Self.replacement }
    (cutBytes, held) = (nil, [])
  }

  /// Removes the character that is cut off at the beginning from `text`.
  private mutating func passCutCharacter(_ text: inout ArraySlice<UInt8>, into bytes: inout [UInt8])
  {
    guard var count = cutBytes else { return }
    // A character has at most three bytes after its first.
    while count < 3, let byte = text.first, byte & 0xC0 == 0x80 {
      text.removeFirst()
      count += 1
    }
    if text.isEmpty && count < 3 {
      cutBytes = count
    } else {
      if count > 0 { bytes += Self.replacement }
      cutBytes = nil
    }
  }
}
