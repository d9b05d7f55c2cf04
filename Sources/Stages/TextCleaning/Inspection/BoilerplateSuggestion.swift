import FileSupport
import PostFormat
import TextSupport

/// Lines that head or end so many posts that they are probably boilerplate.
///
/// Posts are examined as the rules before `join-lines` leave them, so nothing is suggested that is
/// removed anyway. Lines are counted in lower case and without surrounding space. Single-line posts
/// count only as posts. Memory is bounded: for each end, the ``capacity`` most common lines are
/// kept (Misra and Gries, 1982), and no count is too low by more than a ``capacity``th of the
/// posts.
public struct BoilerplateSuggestion {
  /// A line and the number of posts that it heads or ends.
  public struct Line: Equatable, Sendable {
    /// The line, in lower case.
    public let text: String
    public let count: Int
  }

  /// How many lines are kept for each end.
  public static let capacity = 1 << 16
  /// Lines longer than this, in bytes, are not boilerplate.
  private static let longest = 400

  /// The number of posts that were not dropped by a rule before `join-lines`.
  public let postCount: Int
  /// The lines that head and that end at least ``fraction`` of the posts, the most common first.
  public let heads: [Line]
  public let tails: [Line]
  private let fraction: Double

  /// Examines the posts of the file `path`; `-` is standard input.
  ///
  /// - Throws: `InputError`, `FileError`; what `progress` throws.
  public init(
    path: String, rules: RuleSet, fraction: Double,
    progress: (_ bytesConsumed: Int) throws -> Void = { _ in }
  ) throws {
    var rules = rules.active.prefix { $0.name != JoinLinesRule.declaration.name }
      .compactMap(\.postRule)
    var draft = Draft()
    var heads = FrequentLines(capacity: Self.capacity)
    var tails = FrequentLines(capacity: Self.capacity)
    var count = 0
    try PostReader.forEach(path: path, progress: progress) { _, post in
      draft.load(post)
      for index in rules.indices where rules[index].apply(to: &draft) == .dropped { return }
      guard let first = draft.firstVisibleLine, let last = draft.lastVisibleLine else { return }
      count += 1
      guard first < last else { return }
      if let line = Self.countedText(of: first, draft) { heads.count(line) }
      if let line = Self.countedText(of: last, draft) { tails.count(line) }
    }
    postCount = count
    self.fraction = fraction
    // A line that occurs once is not boilerplate, however few the posts.
    let least = max(fraction * Double(count), 2)
    self.heads = heads.lines.filter { Double($0.count) >= least }
    self.tails = tails.lines.filter { Double($0.count) >= least }
  }

  private static func countedText(of line: Int, _ draft: Draft) -> String? {
    draft.withLine(line) { line in
      let text = line.extracting(line.visibleRange)
      let isSeparator = text.end(from: 0) { $0 == 0x40 } == text.count
      return isSeparator || text.count > longest ? nil : text.string.lowercased()
    }
  }

  /// The lines as a section of a rule file; `nil` if there are none.
  public var text: String? {
    let settings = [("heads", heads), ("tails", tails)].filter { !$0.1.isEmpty }
    guard !settings.isEmpty else { return nil }
    return "[\(BoilerplateRule.declaration.name)]\n"
      + settings.map { name, lines in
        "\(name) =\(SettingValue.list(lines.map(\.text)).text)\n"
      }.joined()
  }

  /// The counts, one per line, or a note that there are no such lines.
  public var report: [String] {
    let counts = [("begins", heads), ("ends", tails)].flatMap { verb, lines in
      lines.map { line in
        let fraction = NumberText.percent(line.count, of: postCount)
        return "\(verb) \(line.count) of \(postCount) posts (\(fraction)): \(printable(line.text))"
      }
    }
    return counts.isEmpty
      ? ["no line begins or ends at least \(NumberText.percent(fraction)) of \(postCount) posts"]
      : counts
  }
}

/// Counts the most common of many lines, in memory for ``capacity`` of them.
private struct FrequentLines {
  let capacity: Int
  var counts: [String: Int] = [:]

  mutating func count(_ line: String) {
    if counts[line] == nil, counts.count == capacity {
      // The line cancels one occurrence of each other line; those with none left make room.
      counts = counts.compactMapValues { $0 > 1 ? $0 - 1 : nil }
      return
    }
    counts[line, default: 0] += 1
  }

  /// The lines, the most common first.
  var lines: [BoilerplateSuggestion.Line] {
    counts.map { .init(text: $0.key, count: $0.value) }
      .sorted { ($1.count, $0.text) < ($0.count, $1.text) }
  }
}
