/// Finds added tokens in a text, as the package `tokenizers` does.
///
/// Those that are not normalised are looked for first, then the others in what is left between.
/// In each of the two passes the leftmost is taken first, and of those that begin at the same place
/// the longest; what it covers is passed over even if it turns out to be no token there.
struct AddedTokenSplitter: Sendable {
  /// A part of a text, by the places of its bytes.
  enum Part: Equatable {
    case text(Range<Int>)
    case token(UInt32)
  }

  private let passes: [Pass]

  /// A splitter for `tokens`; `nil` if there are none that it would ever find.
  ///
  /// With `specialTokens` as text, names of special tokens are found only to be passed over.
  init?(_ tokens: [AddedToken], specialTokens: SpecialTokens) {
    let asText = specialTokens == .asText
    passes = [false, true].compactMap { isNormalized in
      Pass(tokens.filter { $0.isNormalized == isNormalized }, specialTokensAsText: asText)
    }
    if passes.isEmpty { return nil }
  }

  /// The tokens in `text[range]` and what stands between them, in order.
  func parts(of text: UnsafeBufferPointer<UInt8>, in range: Range<Int>) -> [Part] {
    passes.reduce(range.isEmpty ? [] : [.text(range)]) { parts, pass in
      parts.flatMap { part in
        guard case .text(let range) = part else { return [part] }
        return pass.parts(of: text, in: range)
      }
    }
  }
}

/// A search for some of the added tokens.
private struct Pass: Sendable {
  private let tokens: [AddedToken]
  /// Where the token that ends at a node of the trie is in `tokens`; the root is node 0.
  private var tokenAtNode: [Int?] = [nil]
  /// The node that a byte leads to, by node and byte.
  private var nextNode: [Int: Int] = [:]
  private var beginsToken = [Bool](repeating: false, count: 256)
  private let specialTokensAsText: Bool

  /// `nil` if it would find nothing.
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

  func parts(of text: UnsafeBufferPointer<UInt8>, in range: Range<Int>) -> [AddedTokenSplitter.Part]
  {
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
      // White space that a token before has taken is found again, but not by a token that takes
      // white space before it: nothing is left of that one.
      guard start < end else { continue }
      if textStart < start { parts.append(.text(textStart..<start)) }
      parts.append(.token(token.id))
      textStart = end
    }
    if textStart < range.upperBound { parts.append(.text(textStart..<range.upperBound)) }
    return parts
  }

  private func longestToken(
    in text: UnsafeBufferPointer<UInt8>, _ range: Range<Int>
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
    _ text: UnsafeBufferPointer<UInt8>, _ range: Range<Int>
  ) -> Bool {
    scalar(text, from: range).map(isWordCharacter) ?? false
  }

  private static func endsWithWord(
    _ text: UnsafeBufferPointer<UInt8>, _ range: Range<Int>
  ) -> Bool {
    scalar(text, before: range).map(isWordCharacter) ?? false
  }

  private static func whiteSpaceStart(
    _ text: UnsafeBufferPointer<UInt8>, _ range: Range<Int>
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
    _ text: UnsafeBufferPointer<UInt8>, _ range: Range<Int>
  ) -> Int {
    var end = range.lowerBound
    while let scalar = scalar(text, from: end..<range.upperBound), scalar.properties.isWhitespace {
      end += UTF8.width(scalar)
    }
    return end
  }

  /// The first character of `range`, U+FFFD where it is not UTF-8; `nil` at the end.
  private static func scalar(
    _ text: UnsafeBufferPointer<UInt8>, from range: Range<Int>
  ) -> Unicode.Scalar? {
    let bytes = text[range.prefix(4)]
    return String(decoding: bytes, as: UTF8.self).unicodeScalars.first
  }

  /// The last character of `range`, U+FFFD where it is not UTF-8; `nil` if there is none.
  private static func scalar(
    _ text: UnsafeBufferPointer<UInt8>, before range: Range<Int>
  ) -> Unicode.Scalar? {
    var start = range.upperBound
    while start > range.lowerBound, range.upperBound - start < 4 {
      start -= 1
      if text[start] & 0xC0 != 0x80 { break }
    }
    return String(decoding: text[start..<range.upperBound], as: UTF8.self).unicodeScalars.last
  }

  /// `\w` of UTS #18 in Unicode 16, which is what a word is made of to `tokenizers`.
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
