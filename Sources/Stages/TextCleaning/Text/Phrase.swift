import TextSupport

/// A text to look for in any case; only Latin and Russian letters have a case here.
struct Phrase: Sendable {
  /// The scalars of the text in lower case.
  fileprivate let scalars: [UInt32]

  init(_ text: String) {
    scalars = text.unicodeScalars.map { Self.lowercased($0.value) }
  }

  /// Where the phrase at `start` in `text` ends; `nil` if it is not there.
  func end(in text: Span<UInt8>, at start: Int) -> Int? {
    var index = start
    for wanted in scalars {
      guard index < text.count else { return nil }
      let (value, length) = text.scalar(at: index)
      guard Self.lowercased(value) == wanted else { return nil }
      index += length
    }
    return index
  }

  /// Whether the phrase is the whole of `text`.
  func isEqual(to text: Span<UInt8>) -> Bool { end(in: text, at: 0) == text.count }

  /// Whether the phrase occurs anywhere in `text`.
  func isContained(in text: Span<UInt8>) -> Bool {
    text.indices.contains { end(in: text, at: $0) != nil }
  }

  fileprivate static func lowercased(_ scalar: UInt32) -> UInt32 {
    switch scalar {
    case 0x41...0x5A, 0x410...0x42F: scalar + 0x20
    case 0x401: 0x451
    default: scalar
    }
  }
}

/// Phrases to look for together, by the scalar they begin with.
struct PhraseTable: Sendable {
  private let phrases: [UInt32: [Phrase]]

  init(_ phrases: [String]) {
    self.phrases = Dictionary(
      grouping: phrases.map(Phrase.init).filter { !$0.scalars.isEmpty }, by: { $0.scalars[0] })
  }

  /// Whether one of the phrases occurs in `text` at the beginning of a word.
  func hasMatch(in text: Span<UInt8>) -> Bool {
    var index = 0
    var followsLetter = false
    while index < text.count {
      let (value, length) = text.scalar(at: index)
      if !followsLetter, let candidates = phrases[Phrase.lowercased(value)],
        candidates.contains(where: { $0.end(in: text, at: index) != nil })
      {
        return true
      }
      followsLetter = text.isAlphanumeric(at: index)
      index += length
    }
    return false
  }
}
