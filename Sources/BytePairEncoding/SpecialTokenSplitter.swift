/// Finds the tokens in a text that stand outside of the vocabulary's merges.
///
/// The leftmost is taken first, and of those that begin at the same place the longest.
struct SpecialTokenSplitter: Sendable {
  enum Part: Equatable {
    case text(Range<Int>)
    case token(UInt32)
  }

  private struct Candidate: Sendable {
    let bytes: [UInt8]
    let token: AddedToken
  }

  /// The tokens by their first byte, longest first.
  private let candidates: [UInt8: [Candidate]]

  init(_ tokens: [AddedToken]) {
    let all = tokens.map { Candidate(bytes: Array($0.content.utf8), token: $0) }
    candidates = Dictionary(
      grouping: all.filter { !$0.bytes.isEmpty }.sorted { $0.bytes.count > $1.bytes.count },
      by: { $0.bytes[0] })
  }

  /// The tokens in `text` and what stands between them.
  func parts(of text: [UInt8]) -> [Part] {
    var parts: [Part] = []
    var textStart = 0
    var index = 0
    while index < text.count {
      guard let found = candidates[text[index]]?.first(where: { matches($0, text, at: index) })
      else {
        index += 1
        continue
      }
      var (start, end) = (index, index + found.bytes.count)
      if found.token.stripsLeft { start = Self.whiteSpaceStart(before: start, in: text, textStart) }
      if found.token.stripsRight { end = Self.whiteSpaceEnd(after: end, in: text) }
      if start > textStart { parts.append(.text(textStart..<start)) }
      parts.append(.token(found.token.id))
      textStart = end
      index = end
    }
    if textStart < text.count { parts.append(.text(textStart..<text.count)) }
    return parts
  }

  private func matches(_ candidate: Candidate, _ text: [UInt8], at index: Int) -> Bool {
    guard text[index...].starts(with: candidate.bytes) else { return false }
    guard candidate.token.isSingleWord else { return true }
    let before = String(decoding: text[..<index], as: UTF8.self).unicodeScalars.last
    let end = index + candidate.bytes.count
    let after = String(decoding: text[end...], as: UTF8.self).unicodeScalars.first
    return ![before, after].contains { $0.map(Self.isWordCharacter) ?? false }
  }

  private static func isWordCharacter(_ scalar: Unicode.Scalar) -> Bool {
    scalar == "_" || scalar.properties.isAlphabetic || scalar.properties.numericType != nil
  }

  private static func whiteSpaceStart(before end: Int, in text: [UInt8], _ lowest: Int) -> Int {
    let scalars = String(decoding: text[lowest..<end], as: UTF8.self).unicodeScalars
    return scalars.reversed().prefix { $0.properties.isWhitespace }
      .reduce(end) { $0 - UTF8.width($1) }
  }

  private static func whiteSpaceEnd(after start: Int, in text: [UInt8]) -> Int {
    let scalars = String(decoding: text[start...], as: UTF8.self).unicodeScalars
    return scalars.prefix { $0.properties.isWhitespace }.reduce(start) { $0 + UTF8.width($1) }
  }
}
