import PostFormat

/// Lines with a link: they lead away from the bugurt, and most are advertising.
///
/// A line goes if an address stands in it (`http://`, `https://`, `tg://`, `www.`, `t.me/`,
/// `telegram.me/`, in any case) or if something visible in it belongs to an entity `link` or
/// `text_link`. The words of a `text_link` ("press here") are advertising even though its address
/// does not show. A hidden link, set on a zero-width character to give a post a picture, takes
/// no line away.
public struct Links: CleaningRule {
  public static let declaration = RuleDeclaration(
    "links", "lines with a link lead away from the bugurt, most are advertising"
  ) { _ in Self() }

  /// The rule.
  public init() {}

  public func apply(to draft: inout Draft) -> RuleOutcome {
    guard !draft.entities.isEmpty || mayContainAddress(&draft) else { return .unchanged }
    let linked = draft.entities.compactMap { entity in
      entity.type == "link" || entity.type == "text_link" ? draft.byteRange(of: entity) : nil
    }
    func isLinked(_ line: Draft.Line) -> Bool {
      draft.bytes.withUnsafeBytes { bytes in
        containsAddress(UnsafeRawBufferPointer(rebasing: bytes[line.range]))
          || linked.contains { link in
            let shared = link.clamped(to: line.origin)
            return offsetOfVisible(in: UnsafeRawBufferPointer(rebasing: bytes[shared])) != nil
          }
      }
    }
    let kept = draft.lines.contains(where: isLinked) ? draft.lines.filter { !isLinked($0) } : nil
    guard let kept else { return .unchanged }
    draft.lines = kept
    return .changed
  }
}

/// Whether an address may stand in `draft`: every one has a `/` or a `w` in it.
func mayContainAddress(_ draft: inout Draft) -> Bool {
  draft.mayContain(UInt8(ascii: "/")) || draft.mayContain(UInt8(ascii: "w"))
    || draft.mayContain(UInt8(ascii: "W"))
}

/// Whether an address of the web or of Telegram stands in `line`.
///
/// With `ofTelegram` only one of Telegram counts. Every address has a `:` or a `.` in it, so these are looked for, and then around them.
func containsAddress(_ line: UnsafeRawBufferPointer, ofTelegram: Bool = false) -> Bool {
  for index in line.indices {
    switch line[index] {
    case UInt8(ascii: ":"):
      guard stands("//", at: index + 1, in: line) else { continue }
      if isWord("tg", endingAt: index, in: line) { return true }
      if !ofTelegram,
        stands("http", endingAt: index, in: line) || stands("https", endingAt: index, in: line)
      {
        return true
      }
    case UInt8(ascii: "."):
      if !ofTelegram, isWord("www", endingAt: index, in: line), index + 1 < line.count,
        line[index + 1] > 0x20, line[index + 1] != UInt8(ascii: ".")
      {
        return true
      }
      if stands("me/", at: index + 1, in: line),
        isWord("t", endingAt: index, in: line) || isWord("telegram", endingAt: index, in: line)
      {
        return true
      }
    default: continue
    }
  }
  return false
}

/// Whether `word`, in ASCII and lower case, ends before `index` and no longer Latin word does.
private func isWord(_ word: StaticString, endingAt index: Int, in line: UnsafeRawBufferPointer)
  -> Bool
{
  guard stands(word, endingAt: index, in: line) else { return false }
  let start = index - word.utf8CodeUnitCount
  guard start > 0 else { return true }
  switch line[start - 1] {
  case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
    UInt8(ascii: "0")...UInt8(ascii: "9"):
    return false
  default: return true
  }
}

/// Whether `word`, in ASCII and lower case, ends before `index` of `line`, whatever the case.
private func stands(_ word: StaticString, endingAt index: Int, in line: UnsafeRawBufferPointer)
  -> Bool
{
  let start = index - word.utf8CodeUnitCount
  return start >= 0 && stands(word, at: start, in: line)
}

/// Whether `word`, in ASCII and lower case, stands at `index` of `line`, whatever the case.
private func stands(
  _ word: StaticString, at index: Int, in line: UnsafeRawBufferPointer
) -> Bool {
  guard index + word.utf8CodeUnitCount <= line.count else { return false }
  return word.withUTF8Buffer { word in
    for offset in word.indices {
      let byte = line[index + offset]
      let isUpperCase = (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
      if (isUpperCase ? byte | 0x20 : byte) != word[offset] { return false }
    }
    return true
  }
}
