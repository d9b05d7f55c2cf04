import TextSupport

/// Removes lines that consist only of account names: one `@name` or several, perhaps with signs
/// between them.
///
/// A name is at least four Latin letters, digits and underscores, the first a letter, so `@ПИВО`
/// and the separator `@` are not names. An invitation (`t.me/…`) among names counts as a name.
public struct MentionRule: CleaningRule {
  public static let declaration = RuleDeclaration(
    Self.self, "mentions", "lines of nothing but @names and invitations lead away from the bugurt")

  public init(_ settings: RuleSettings) {}

  public func apply(to draft: inout Draft) -> RuleOutcome {
    guard draft.mayContain(UInt8(ascii: "@")), draft.mayContainLatin else { return .unchanged }
    return draft.removeLines { line in
      var hasName = false
      return line.allWordsSatisfy { word in
        if word.isMention || word.containsAddress(ofTelegram: true) {
          hasName = true
          return true
        }
        return !word.hasAlphanumeric(in: word.indices)
      } && hasName
    }
  }
}

extension Span<UInt8> {
  /// Whether this word is the name of an account, such as `@name`, with or without signs around it.
  var isMention: Bool {
    guard let sign = indices.first(where: { self[$0] == UInt8(ascii: "@") }), sign + 1 < count,
      self[sign + 1].isLatin
    else { return false }
    var end = sign + 1
    while end < count, self[end].isLatin || self[end].isDigit || self[end] == UInt8(ascii: "_") {
      end += 1
    }
    return end - sign > 4 && !hasAlphanumeric(in: 0..<sign) && !hasAlphanumeric(in: end..<count)
  }
}

/// Removes lines that consist only of hashtags: they classify the post and are not part of what it
/// says.
///
/// A hashtag is `#` followed by letters, digits and underscores, not all of them digits: `#13` is
/// not a hashtag. `#БТnews` stays, because it is left to the rule `channel-news`.
public struct HashtagRule: CleaningRule {
  public static let declaration = RuleDeclaration(
    Self.self, "hashtags", "lines of nothing but hashtags classify the post and say nothing in it",
    settings: [.list("keep", ["#БТnews"], "hashtags that stay, in any case")])

  private let kept: [Phrase]

  public init(_ settings: RuleSettings) {
    kept = settings.list("keep").map(Phrase.init)
  }

  public func apply(to draft: inout Draft) -> RuleOutcome {
    guard draft.mayContain(UInt8(ascii: "#")) else { return .unchanged }
    return draft.removeLines { line in
      guard let start = line.firstVisible(), line[start] == UInt8(ascii: "#") else { return false }
      return line.extracting(line.visibleRange).allWordsSatisfy { word in
        Self.areHashtags(word) && !kept.contains { $0.isEqual(to: word) }
      }
    }
  }

  /// Whether `word` is a hashtag, or several with no space between them.
  private static func areHashtags(_ word: Span<UInt8>) -> Bool {
    guard word[0] == UInt8(ascii: "#") else { return false }
    var index = 0
    var hasLetter = true
    while index < word.count {
      if word[index] == UInt8(ascii: "#") {
        guard hasLetter else { return false }
        hasLetter = false
      } else if word[index] == UInt8(ascii: "_") || word.isAlphanumeric(at: index) {
        hasLetter = hasLetter || !word[index].isDigit
      } else {
        return false
      }
      index += scalarLength(lead: word[index])
    }
    return hasLetter
  }
}
