import TextSupport

/// Turns a post into one tidy line: its lines are joined by a space, so that separators read ` @ `.
///
/// White space of any kind and length becomes one space, and none is left at the ends. Characters
/// that take up no room (zero-width ones, byte order marks, soft hyphens, direction marks, control
/// characters) are removed, except the joiner inside an emoji. Words that consist only of `@` are
/// separators: several in a row become one, and those at the ends, which separate nothing, are
/// removed.
public struct JoinLinesRule: CleaningRule {
  public static let declaration = RuleDeclaration(
    Self.self, "join-lines",
    "one post per line: lines joined by a space, white space and separators tidied")

  private var writer = WordWriter()

  public init(_ settings: RuleSettings) {}

  public mutating func apply(to draft: inout Draft) -> RuleOutcome {
    writer.begin(capacity: draft.byteCount)
    for index in draft.lines.indices {
      draft.withLine(index) { writer.appendWords(of: $0) }
    }
    if draft.lines.count <= 1, draft.withText({ $0.isEqual(to: writer.output.span) }) {
      return .unchanged
    }
    draft.replaceText(with: &writer.output)
    return .changed
  }
}

/// Writes words with one space between them, and separators where they separate something.
private struct WordWriter {
  var output: [UInt8] = []
  private var isSeparatorPending = false

  mutating func begin(capacity: Int) {
    output.removeAll(keepingCapacity: true)
    output.reserveCapacity(capacity)
    isSeparatorPending = false
  }

  /// Appends the words of `line`; its end also ends a word.
  mutating func appendWords(of line: Span<UInt8>) {
    var index = 0
    while index < line.count {
      if line[index].isPlain {
        index = appendWord(of: line, from: index)
        continue
      }
      let (value, length) = line.scalar(at: index)
      // Invisible characters before a word are removed like those within one.
      index =
        ScalarKind(of: value) == .visible ? appendWord(of: line, from: index) : index + length
    }
  }

  /// Appends the word that begins at `start` and returns where it ends.
  ///
  /// Words after it that are separated by single spaces are included, to be copied in one piece.
  private mutating func appendWord(of line: Span<UInt8>, from start: Int) -> Int {
    let outputStart = output.count
    let mayIncludeMore = line[start] != UInt8(ascii: "@")
    if !mayIncludeMore, start + 1 == line.count || line[start + 1] == 0x20 {
      // A separator with nothing before it separates nothing.
      isSeparatorPending = outputStart > 0
      return start + 1
    }
    if outputStart > 0 {
      output.append(0x20)
      if isSeparatorPending {
        output.append(UInt8(ascii: "@"))
        output.append(0x20)
      }
    }
    let wordStart = output.count
    var index = start
    var copied = start
    scan: while true {
      index = line.endOfPlain(from: index)
      guard index < line.count else { break }
      if mayIncludeMore, line[index] == 0x20, index + 1 < line.count, line[index + 1].isPlain,
        line[index + 1] != UInt8(ascii: "@")
      {
        index += 2
        continue
      }
      let (value, length) = line.scalar(at: index)
      switch ScalarKind(of: value) {
      case .visible: break
      case .joiner where Self.isInsideEmoji(index..<index + length, line): break
      case .selector where Self.endsEmoji(index..<index + length, line): break
      case .whiteSpace: break scan
      case .invisible, .joiner, .selector:
        output.append(line.extracting(copied..<index))
        copied = index + length
      }
      index += length
    }
    output.append(line.extracting(copied..<index))
    let isSeparator =
      (wordStart == output.count || output[wordStart] == UInt8(ascii: "@"))
      && output[wordStart...].allSatisfy { $0 == UInt8(ascii: "@") }
    if isSeparator { output.removeSubrange(outputStart...) }
    isSeparatorPending = isSeparator && outputStart > 0
    return index
  }

  /// Whether the joiner at `range` is between two pictographs.
  private static func isInsideEmoji(_ range: Range<Int>, _ line: Span<UInt8>) -> Bool {
    guard range.upperBound < line.count, let previous = line.scalar(before: range.lowerBound) else {
      return false
    }
    let next = line.scalar(at: range.upperBound).value
    return isPictorial(previous.value) && isPictorial(next) && next != 0xFE0F
  }

  /// Whether the selector or tag at `range` belongs to an emoji before it.
  private static func endsEmoji(_ range: Range<Int>, _ line: Span<UInt8>) -> Bool {
    let tags: ClosedRange<UInt32> = 0xE0020...0xE007F
    var base = line.scalar(before: range.lowerBound)
    guard tags.contains(line.scalar(at: range.lowerBound).value) else {
      guard let base = base?.value else { return false }
      if base > 0x39 { return Unicode.Scalar(base)?.properties.isEmoji == true }
      // Digits, # and * are emoji only as keycaps.
      return range.upperBound < line.count && line.scalar(at: range.upperBound).value == 0x20E3
    }
    // The tags of a flag follow a black one.
    while let tag = base, tags.contains(tag.value) { base = line.scalar(before: tag.start) }
    return base?.value == 0x1F3F4
  }

  /// Whether `scalar` may be beside a joiner in an emoji: a pictograph or a variation selector.
  private static func isPictorial(_ scalar: UInt32) -> Bool {
    switch scalar {
    case 0x2190..<0x2E80, 0xFE0F, 0x1F000..<0x20000: scalar != 0x2800
    default: false
    }
  }
}
