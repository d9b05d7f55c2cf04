/// Makes one line of a post, tidy: its lines joined by one space, so that separators read ` @ `.
///
/// White space of any kind and length becomes one space, at the ends none. Characters that take no
/// room (zero-width ones, byte order marks, soft hyphens, marks of direction, control codes) go,
/// but not the joiner inside an emoji. Words of nothing but `@` are separators: several in a row
/// become one, and those at the ends go, as they part nothing (any more).
public struct JoinLines: CleaningRule {
  public static let declaration = RuleDeclaration(
    "join-lines", "one post a line: lines joined by a space, white space and separators tidied"
  ) { _ in Self() }

  private var writer = WordWriter()

  /// The rule.
  public init() {}

  public mutating func apply(to draft: inout Draft) -> RuleOutcome {
    writer.begin(capacity: draft.byteCount)
    draft.bytes.withUnsafeBytes { bytes in
      for line in draft.lines {
        writer.appendWords(of: UnsafeRawBufferPointer(rebasing: bytes[line.range]))
      }
    }
    if draft.lines.count <= 1, draft.withText({ isSame(writer.output, $0) }) { return .unchanged }
    draft.replaceText(with: &writer.output)
    return .changed
  }
}

/// Writes words with one space between them, and separators where they part something.
private struct WordWriter {
  var output: [UInt8] = []
  private var isSeparatorPending = false

  mutating func begin(capacity: Int) {
    output.removeAll(keepingCapacity: true)
    output.reserveCapacity(capacity)
    isSeparatorPending = false
  }

  /// Appends the words of `line`; its end is the end of a word, too.
  mutating func appendWords(of line: UnsafeRawBufferPointer) {
    var index = 0
    while index < line.count {
      if isPlain(line[index]) {
        index = appendWord(of: line, from: index)
        continue
      }
      let (value, length) = scalar(at: index, of: line)
      // What is invisible before a word goes as it does in one.
      index = kind(of: value) == .visible ? appendWord(of: line, from: index) : index + length
    }
  }

  /// Appends the word that begins at `start` and returns where it ends.
  ///
  /// Words parted as they should be are taken along with it, to be copied in one piece.
  private mutating func appendWord(of line: UnsafeRawBufferPointer, from start: Int) -> Int {
    let outputStart = output.count
    let mayTakeFurther = line[start] != UInt8(ascii: "@")
    if !mayTakeFurther, start + 1 == line.count || line[start + 1] == 0x20 {
      // A separator with nothing before it parts nothing.
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
      index = plainEnd(in: line, from: index)
      guard index < line.count else { break }
      if mayTakeFurther, line[index] == 0x20, index + 1 < line.count, isPlain(line[index + 1]),
        line[index + 1] != UInt8(ascii: "@")
      {
        index += 2
        continue
      }
      let (value, length) = scalar(at: index, of: line)
      switch kind(of: value) {
      case .visible: break
      case .joiner where isInsideEmoji(index, length, line): break
      case .whiteSpace: break scan
      case .invisible, .joiner:
        output.append(contentsOf: UnsafeRawBufferPointer(rebasing: line[copied..<index]))
        copied = index + length
      }
      index += length
    }
    output.append(contentsOf: UnsafeRawBufferPointer(rebasing: line[copied..<index]))
    let isSeparator =
      (wordStart == output.count || output[wordStart] == UInt8(ascii: "@"))
      && output[wordStart...].allSatisfy { $0 == UInt8(ascii: "@") }
    if isSeparator {
      output.removeSubrange(outputStart...)
      isSeparatorPending = outputStart > 0
    } else {
      isSeparatorPending = false
    }
    return index
  }

  /// Whether the joiner at `index` stands between two pictographs.
  private func isInsideEmoji(_ index: Int, _ length: Int, _ line: UnsafeRawBufferPointer) -> Bool {
    var previous = index - 1
    while previous > 0, line[previous] & 0xC0 == 0x80 { previous -= 1 }
    let next = index + length
    return previous >= 0 && next < line.count && isPictorial(scalar(at: previous, of: line).value)
      && isPictorial(scalar(at: next, of: line).value)
  }
}
