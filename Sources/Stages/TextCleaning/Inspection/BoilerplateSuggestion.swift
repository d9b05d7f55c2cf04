import FileSupport
import PostFormat

/// Lines that head or end so many posts that they are probably boilerplate.
///
/// Posts are looked at as the rules before `join-lines` leave them, so that nothing is suggested
/// that goes anyway. Lines are counted in lower case and without space at their ends. Posts of one
/// line count only as posts. The memory is bounded: of each end the ``capacity`` most usual lines are
/// kept (Misra and Gries, 1982), and no count is too low by more than a ``capacity``th of the posts.
public struct BoilerplateSuggestion {
  /// A line with how many posts it heads or ends.
  public struct Line: Equatable, Sendable {
    /// The line, in lower case.
    public let text: String
    public let count: Int
  }

  /// How many lines are kept of each end.
  public static let capacity = 1 << 16
  /// Lines longer than this, in bytes, are no boilerplate.
  private static let longest = 400

  /// How many posts came as far as the joining of their lines.
  public private(set) var postCount = 0
  /// The lines that head and that end at least the wanted share of posts, the most usual first.
  public private(set) var heads: [Line] = []
  public private(set) var tails: [Line] = []

  /// Looks at the posts of the file `path`; `-` is standard input.
  ///
  /// - Throws: `InputError`, `FileError`; what `progress` throws.
  public init(
    path: String, rules: RuleSet, share: Double,
    progress: (_ bytesConsumed: Int) throws -> Void = { _ in }
  ) throws {
    var before: [any CleaningRule] = []
    for rule in rules.active {
      guard rule.name != JoinLines.declaration.name, case .post(let make) = rule.scope else {
        break
      }
      before.append(make(rule.settings))
    }
    var draft = Draft()
    var heads = FrequentLines(capacity: Self.capacity)
    var tails = FrequentLines(capacity: Self.capacity)
    var count = 0
    try PostReader.forEach(path: path, progress: progress) { _, post in
      draft.load(post)
      for index in before.indices where before[index].apply(to: &draft) == .dropped { return }
      guard let first = draft.firstVisibleLine, let last = draft.lastVisibleLine else { return }
      count += 1
      guard first < last else { return }
      if let line = Self.counted(first, draft) { heads.count(line) }
      if let line = Self.counted(last, draft) { tails.count(line) }
    }
    postCount = count
    // What stands once is no boilerplate, however few the posts.
    let least = max(share * Double(count), 2)
    self.heads = heads.lines.filter { Double($0.count) >= least }
    self.tails = tails.lines.filter { Double($0.count) >= least }
  }

  private static func counted(_ line: Int, _ draft: Draft) -> String? {
    draft.withLine(line) { line in
      let text = trimmed(line)
      let isSeparator = text.allSatisfy { $0 == UInt8(ascii: "@") }
      if isSeparator || text.count > longest { return nil }
      return String(decoding: text, as: UTF8.self).lowercased()
    }
  }

  /// The lines as a section of a file of rules; `nil` if there are none.
  public var text: String? {
    guard !heads.isEmpty || !tails.isEmpty else { return nil }
    let rule = Boilerplate.declaration.name
    return "[\(rule)]\n"
      + [("heads", heads), ("tails", tails)].filter { !$0.1.isEmpty }.map { name, lines in
        "\(name) =\(SettingValue.list(lines.map(\.text)).text)\n"
      }.joined()
  }
}

/// Counts of the most usual of many lines, in memory for some.
private struct FrequentLines {
  private var counts: [String: Int] = [:]
  private let capacity: Int

  init(capacity: Int) {
    self.capacity = capacity
  }

  mutating func count(_ line: String) {
    if counts[line] == nil, counts.count == capacity {
      // The line cancels one of each other's; what has none left makes room.
      counts = counts.compactMapValues { $0 > 1 ? $0 - 1 : nil }
      return
    }
    counts[line, default: 0] += 1
  }

  /// The lines, the most usual first.
  var lines: [BoilerplateSuggestion.Line] {
    counts.map { .init(text: $0.key, count: $0.value) }
      .sorted { ($1.count, $0.text) < ($0.count, $1.text) }
  }
}
