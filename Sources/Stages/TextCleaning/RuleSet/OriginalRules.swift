/// The first rule of the original recipe: `БУГУРТ-ТРЕД` out of the first line, wherever it stands.
public struct OriginalHeader: CleaningRule {
  public static let declaration = RuleDeclaration(
    "original-header", "БУГУРТ-ТРЕД is taken out of the first line, as often as it stands there"
  ) { _ in Self() }

  private let header = Array("БУГУРТ-ТРЕД".utf8)

  /// The rule.
  public init() {}

  public func apply(to draft: inout Draft) -> RuleOutcome {
    let replaced: [UInt8]? = draft.withLine(0) { line in
      guard var found = offset(of: header, in: line, from: 0) else { return nil }
      var rest: [UInt8] = []
      var start = 0
      while true {
        rest.append(contentsOf: line[start..<found])
        start = found + header.count
        guard let next = offset(of: header, in: line, from: start) else { break }
        found = next
      }
      rest.append(contentsOf: line[start...])
      return rest
    }
    guard let replaced else { return .unchanged }
    draft.replaceLine(0, with: replaced)
    return .changed
  }
}

/// The second rule of the original recipe: lines with `https` and lines `#БТnews` are emptied.
public struct OriginalLines: CleaningRule {
  public static let declaration = RuleDeclaration(
    "original-lines", "lines with https in them and lines that are #БТnews are emptied, but stay"
  ) { _ in Self() }

  private let link = Array("https".utf8)
  private let hashtag = Array("#БТnews".utf8)

  /// The rule.
  public init() {}

  public func apply(to draft: inout Draft) -> RuleOutcome {
    var outcome = RuleOutcome.unchanged
    for index in draft.lines.indices {
      let isEmptied = draft.withLine(index) { line in
        offset(of: link, in: line, from: 0) != nil || line.elementsEqual(hashtag)
      }
      guard isEmptied else { continue }
      let start = draft.lines[index].range.lowerBound
      draft.lines[index].range = start..<start
      outcome = .changed
    }
    return outcome
  }
}

/// The last rule of the original recipe: one space where a newline was, and nothing tidied.
public struct OriginalJoin: CleaningRule {
  public static let declaration = RuleDeclaration(
    "original-join", "each newline becomes a space; white space and separators stay as they are"
  ) { _ in Self() }

  private var joined: [UInt8] = []

  /// The rule.
  public init() {}

  public mutating func apply(to draft: inout Draft) -> RuleOutcome {
    guard draft.lines.count > 1 else { return .unchanged }
    joined.removeAll(keepingCapacity: true)
    joined.reserveCapacity(draft.byteCount)
    for (index, line) in draft.lines.enumerated() {
      if index > 0 { joined.append(0x20) }
      joined.append(contentsOf: draft.bytes[line.range])
    }
    draft.replaceText(with: &joined)
    return .changed
  }
}
