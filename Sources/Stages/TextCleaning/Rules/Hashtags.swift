/// Lines of nothing but hashtags: they file the post and say nothing in it.
///
/// A hashtag is `#` with letters, digits and underscores behind it, not all of them digits: `#13`
/// is none. `#БТnews` stays, as it is for the rule `channel-news` to decide.
public struct Hashtags: CleaningRule {
  public static let declaration = RuleDeclaration(
    "hashtags", "lines of nothing but hashtags file the post and say nothing in it",
    settings: [
      .list("keep", ["#БТnews"], "hashtags that stay, in any case")
    ]
  ) { Hashtags(keep: $0.list("keep")) }

  private let kept: [[UInt32]]

  /// A rule that leaves lines with one of the hashtags `keep`.
  public init(keep: [String] = ["#БТnews"]) {
    kept = keep.map(pattern)
  }

  public func apply(to draft: inout Draft) -> RuleOutcome {
    guard draft.mayContain(UInt8(ascii: "#")) else { return .unchanged }
    return draft.removeLines { line in
      guard let start = offsetOfVisible(in: line), line[start] == UInt8(ascii: "#") else {
        return false
      }
      return forEachWord(of: trimmed(line)) { word in
        isHashtags(word) && !kept.contains { end(of: $0, at: 0, in: word) == word.count }
      }
    }
  }

  /// Whether `word` is a hashtag, or several without a space between them.
  private func isHashtags(_ word: UnsafeRawBufferPointer) -> Bool {
    guard word[0] == UInt8(ascii: "#") else { return false }
    var index = 0
    var hasLetter = true
    while index < word.count {
      if word[index] == UInt8(ascii: "#") {
        guard hasLetter else { return false }
        hasLetter = false
      } else if word[index] == UInt8(ascii: "_") || isAlphanumeric(at: index, of: word) {
        if !(UInt8(ascii: "0")...UInt8(ascii: "9")).contains(word[index]) { hasLetter = true }
      } else {
        return false
      }
      index += scalarLength(lead: word[index])
    }
    return hasLetter
  }
}
