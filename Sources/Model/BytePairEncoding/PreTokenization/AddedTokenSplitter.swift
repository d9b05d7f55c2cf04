/// Finds added tokens in a text, as the package `tokenizers` does.
///
/// Tokens that are not normalized are searched for first, then the others in the text between them.
/// In each pass, the leftmost token is taken first, and of those that begin at the same place, the
/// longest. Its bytes are skipped even if it turns out not to be a token there.
struct AddedTokenSplitter: Sendable {
  /// A part of a text, by the range of its bytes.
  enum Part: Equatable {
    case text(Range<Int>)
    case token(UInt32)
  }

  private let passes: [Pass]

  /// A splitter for `tokens`; `nil` if it would never find any.
  ///
  /// With `specialTokens` as text, the names of special tokens are found only to be skipped.
  init?(_ tokens: [AddedToken], specialTokens: SpecialTokens) {
    let asText = specialTokens == .asText
    passes = [false, true].compactMap { isNormalized in
      Pass(tokens.filter { $0.isNormalized == isNormalized }, specialTokensAsText: asText)
    }
    if passes.isEmpty { return nil }
  }

  /// The tokens in `text[range]` and the text between them, in order.
  func parts(of text: Span<UInt8>, in range: Range<Int>) -> [Part] {
    var parts: [Part] = range.isEmpty ? [] : [.text(range)]
    for pass in passes {
      var finer: [Part] = []
      for part in parts {
        if case .text(let range) = part {
          finer += pass.parts(of: text, in: range)
        } else {
          finer.append(part)
        }
      }
      parts = finer
    }
    return parts
  }
}

/// A search for some of the added tokens.
private struct Pass: Sendable {
  private let tokens: [AddedToken]
  /// The index in `tokens` of the token that ends at a node of the trie; node 0 is the root.
  private var tokenAtNode: [Int?] = [nil]
  /// The child of a node for a byte, by node and byte.
  private var nextNode: [Int: Int] = [:]
  private var beginsToken = [Bool](repeating: false, count: 256)
  private let specialTokensAsText: Bool

  /// `nil` if it would never find a token.
  init?(_ tokens: [AddedToken], specialTokensAsText: Bool) {
    let canFind = tokens.contains { !($0.isSpecial && specialTokensAsText) }
    guard canFind else { return nil }
    self.tokens = tokens
    self.specialTokensAsText = specialTokensAsText
    for (index, token) in tokens.enumerated() {
      var node = 0
      for byte in token.content.utf8 {
        if node == 0 { beginsToken[Int(byte)] = true }
        if let next = nextNode[node << 8 | Int(byte)] {
          node = next
        } else {
          nextNode[node << 8 | Int(byte)] = tokenAtNode.count
          node = tokenAtNode.count
          tokenAtNode.append(nil)
        }
      }
      tokenAtNode[node] = index
    }
  }

  func parts(of text: Span<UInt8>, in range: Range<Int>) -> [AddedTokenSplitter.Part] {
    var parts: [AddedTokenSplitter.Part] = []
    var textStart = range.lowerBound
    var index = range.lowerBound
    while index < range.upperBound {
      guard beginsToken[Int(text[index])],
        let (token, tokenEnd) = longestToken(in: text, index..<range.upperBound)
      else {
        index += 1
        continue
      }
      var (start, end) = (index, tokenEnd)
      index = tokenEnd
      if specialTokensAsText && token.isSpecial { continue }
      if token.isSingleWord,
        Self.endsWithWord(text, range.lowerBound..<start)
          || Self.beginsWithWord(text, end..<range.upperBound)
      {
        continue
      }
      if token.stripsLeft {
        start = max(Self.whiteSpaceStart(text, range.lowerBound..<start), textStart)
      }
      if token.stripsRight { end = Self.whiteSpaceEnd(text, end..<range.upperBound) }
      // White space that the previous token includes is found again, but nothing is left of a token
      // that includes the white space before it.
      guard start < end else { continue }
      if textStart < start { parts.append(.text(textStart..<start)) }
      parts.append(.token(token.id))
      textStart = end
    }
    if textStart < range.upperBound { parts.append(.text(textStart..<range.upperBound)) }
    return parts
  }

  private func longestToken(
    in text: Span<UInt8>, _ range: Range<Int>
  ) -> (AddedToken, end: Int)? {
    var found: (AddedToken, end: Int)?
    var node = 0
    for index in range {
      guard let next = nextNode[node << 8 | Int(text[index])] else { break }
      node = next
      if let token = tokenAtNode[node] { found = (tokens[token], index + 1) }
    }
    return found
  }

  // MARK: - Words and white space

  private static func beginsWithWord(
    _ text: Span<UInt8>, _ range: Range<Int>
  ) -> Bool {
    scalar(text, from: range).map(isWordCharacter) ?? false
  }

  private static func endsWithWord(
    _ text: Span<UInt8>, _ range: Range<Int>
  ) -> Bool {
    scalar(text, before: range).map(isWordCharacter) ?? false
  }

  private static func whiteSpaceStart(
    _ text: Span<UInt8>, _ range: Range<Int>
  ) -> Int {
    var start = range.upperBound
    while let scalar = scalar(text, before: range.lowerBound..<start),
      scalar.properties.isWhitespace
    {
      start -= UTF8.width(scalar)
    }
    return start
  }

  private static func whiteSpaceEnd(
    _ text: Span<UInt8>, _ range: Range<Int>
  ) -> Int {
    var end = range.lowerBound
    while let scalar = scalar(text, from: end..<range.upperBound), scalar.properties.isWhitespace {
      end += UTF8.width(scalar)
    }
    return end
  }

  /// The first character of `range`, or U+FFFD where it is not UTF-8; `nil` at the end.
  private static func scalar(
    _ text: Span<UInt8>, from range: Range<Int>
  ) -> Unicode.Scalar? {
    let bytes = range.prefix(4).map { text[$0] }
    return String(decoding: bytes, as: UTF8.self).unicodeScalars.first
  }

  /// The last character of `range`, or U+FFFD where it is not UTF-8; `nil` if there is none.
  private static func scalar(
    _ text: Span<UInt8>, before range: Range<Int>
  ) -> Unicode.Scalar? {
    var start = range.upperBound
    while start > range.lowerBound, range.upperBound - start < 4 {
      start -= 1
      if text[start] & 0xC0 != 0x80 { break }
    }
    let bytes = (start..<range.upperBound).map { text[$0] }
    return String(decoding: bytes, as: UTF8.self).unicodeScalars.last
  }

  /// `\w` of UTS #18 in Unicode 16, which defines the word characters of `tokenizers`.
  private static func isWordCharacter(_ scalar: Unicode.Scalar) -> Bool {
    let properties = scalar.properties
    guard let age = properties.age, age.major <= 16 else { return false }
    switch properties.generalCategory {
    case .nonspacingMark, .spacingMark, .enclosingMark, .decimalNumber, .connectorPunctuation:
      return true
    default: return properties.isAlphabetic || properties.isJoinControl
    }
  }
}
