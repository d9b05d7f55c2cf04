import PostFormat

/// Removes lines with a link: they lead away from the bugurt, and most are advertising.
///
/// A line is removed if it contains an address (`http://`, `https://`, `tg://`, `www.`, `t.me/`,
/// `telegram.me/`, in any case) or if something visible in it belongs to an entity `link` or
/// `text_link`: the words of a `text_link` ("press here") are advertising although its address does
/// not show. A hidden link, set on a zero-width character to give a post a picture, removes no
/// line.
public struct LinkRule: CleaningRule {
  public static let declaration = RuleDeclaration(
    Self.self, "links", "lines with a link lead away from the bugurt, and most are advertising")

  public init(_ settings: RuleSettings) {}

  public func apply(to draft: inout Draft) -> RuleOutcome {
    guard !draft.entities.isEmpty || draft.mayContainAddress else { return .unchanged }
    let links = draft.entities.filter { $0.type == "link" || $0.type == "text_link" }
      .map { draft.byteRange(of: $0) }
    return draft.removeLines { text, line in
      text.extracting(line.range).containsAddress()
        || links.contains { link in
          text.extracting(link.clamped(to: line.origin)).firstVisible() != nil
        }
    }
  }
}

extension Draft {
  /// Whether the text may contain an address: each has a `/` or a `w`.
  var mayContainAddress: Bool {
    mutating get {
      mayContain(UInt8(ascii: "/")) || mayContain(UInt8(ascii: "w"))
        || mayContain(UInt8(ascii: "W"))
    }
  }
}

extension Span<UInt8> {
  /// Whether the text contains a web or Telegram address, or only a Telegram address.
  ///
  /// Each has a `:` or a `.`, so these are found first, and then what surrounds them is checked.
  func containsAddress(ofTelegram: Bool = false) -> Bool {
    for index in indices {
      switch self[index] {
      case UInt8(ascii: ":"):
        guard has("//", at: index + 1) else { continue }
        if hasWord("tg", endingAt: index) { return true }
        if !ofTelegram, has("http", at: index - 4) || has("https", at: index - 5) { return true }
      case UInt8(ascii: "."):
        if !ofTelegram, hasWord("www", endingAt: index), index + 1 < count, self[index + 1] > 0x20,
          self[index + 1] != UInt8(ascii: ".")
        {
          return true
        }
        if has("me/", at: index + 1),
          hasWord("t", endingAt: index) || hasWord("telegram", endingAt: index)
        {
          return true
        }
      default: continue
      }
    }
    return false
  }

  /// Whether `word`, in ASCII and lower case, ends before `index` and is not the end of a longer
  /// Latin word.
  private func hasWord(_ word: StaticString, endingAt index: Int) -> Bool {
    let start = index - word.utf8CodeUnitCount
    guard has(word, at: start) else { return false }
    return start == 0 || !(self[start - 1].isLatin || self[start - 1].isDigit)
  }

  /// Whether `word`, in ASCII and lower case, is at `index`, in any case.
  private func has(_ word: StaticString, at index: Int) -> Bool {
    guard index >= 0, index + word.utf8CodeUnitCount <= count else { return false }
    return word.withUTF8Buffer { word in
      word.indices.allSatisfy { offset in
        let byte = self[index + offset]
        return (byte.isLatin ? byte | 0x20 : byte) == word[offset]
      }
    }
  }
}
