/// Lines of nothing but names of accounts: `@name`, several of them, signs between them.
///
/// A name has Latin letters, digits and underscores, four at least and a letter first, so that
/// `@ПИВО` and the separator `@` are none. Invitations (`t.me/…`) among names are as good as names.
public struct Mentions: CleaningRule {
  public static let declaration = RuleDeclaration(
    "mentions", "lines of nothing but @names and invitations lead away from the bugurt"
  ) { _ in Self() }

  /// The rule.
  public init() {}

  public func apply(to draft: inout Draft) -> RuleOutcome {
    guard draft.mayContain(UInt8(ascii: "@")), draft.mayContainLatin else { return .unchanged }
    return draft.removeLines { line in
      var hasName = false
      return forEachWord(of: line) { word in
        if isMention(word) || containsAddress(word, ofTelegram: true) {
          hasName = true
          return true
        }
        return !word.indices.contains {
          word[$0] & 0xC0 != 0x80 && isAlphanumeric(at: $0, of: word)
        }
      } && hasName
    }
  }
}

/// Whether `word` is the name of an account, such as `@name`, with signs around it or without.
func isMention(_ word: UnsafeRawBufferPointer) -> Bool {
  guard let sign = word.firstIndex(of: UInt8(ascii: "@")) else { return false }
  var index = sign + 1
  guard index < word.count, isLatin(word[index]) else { return false }
  while index < word.count, isLatinOrDigit(word[index]) || word[index] == UInt8(ascii: "_") {
    index += 1
  }
  func hasLetter(_ range: Range<Int>) -> Bool {
    range.contains { word[$0] & 0xC0 != 0x80 && isAlphanumeric(at: $0, of: word) }
  }
  return index - sign > 4 && !hasLetter(0..<sign) && !hasLetter(index..<word.count)
}
