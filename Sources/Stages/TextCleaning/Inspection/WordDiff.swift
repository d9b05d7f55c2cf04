/// The difference between two texts, word by word; newlines are words of their own.
///
///     WordDiff("КОТ\n@\nДОМ", "КОТ @ ДОМ").parts
///     // same КОТ, removed \n, same @, removed \n, same ДОМ
public struct WordDiff: Equatable, Sendable {
  /// What became of a run of words.
  public enum Change: Sendable {
    case same, removed, added
  }

  /// A run of words with the same change.
  public struct Part: Equatable, Sendable {
    public let change: Change
    public var words: [String]
  }

  public private(set) var parts: [Part] = []

  /// The greatest number of words that are compared; in longer texts, all words count as replaced.
  private static let mostWords = 2000

  /// The difference between `before` and `after`.
  public init(_ before: String, _ after: String) {
    let (a, b) = (Self.words(of: before), Self.words(of: after))
    var start = 0
    while start < min(a.count, b.count), Self.areSame(a[start], b[start]) { start += 1 }
    var (endA, endB) = (a.count, b.count)
    while endA > start, endB > start, Self.areSame(a[endA - 1], b[endB - 1]) {
      (endA, endB) = (endA - 1, endB - 1)
    }
    add(.same, a[..<start])
    let (middleA, middleB) = (a[start..<endA], b[start..<endB])
    if max(middleA.count, middleB.count) > Self.mostWords {
      add(.removed, middleA)
      add(.added, middleB)
    } else {
      addDifference(Array(middleA), Array(middleB))
    }
    add(.same, a[endA...])
  }

  /// Whether two words are the same, byte for byte: й is not the same as и with a breve.
  private static func areSame(_ a: String, _ b: String) -> Bool { a.utf8.elementsEqual(b.utf8) }

  /// The words of `text`; a newline is a word.
  static func words(of text: String) -> [String] {
    var words: [String] = []
    for (index, line) in text.unicodeScalars.split(
      separator: "\n", omittingEmptySubsequences: false
    ).enumerated() {
      if index > 0 { words.append("\n") }
      words += line.split(separator: " ").map { String($0) }
    }
    return words
  }

  /// Appends the shortest difference.
  private mutating func addDifference(_ a: [String], _ b: [String]) {
    var (removed, added): (Set<Int>, Set<Int>) = ([], [])
    for change in b.difference(from: a, by: Self.areSame) {
      switch change {
      case .remove(let offset, _, _): removed.insert(offset)
      case .insert(let offset, _, _): added.insert(offset)
      }
    }
    var (i, j) = (0, 0)
    while i < a.count || j < b.count {
      if removed.contains(i) {
        add(.removed, [a[i]])
        i += 1
      } else if added.contains(j) {
        add(.added, [b[j]])
        j += 1
      } else {
        add(.same, [a[i]])
        (i, j) = (i + 1, j + 1)
      }
    }
  }

  private mutating func add(_ change: Change, _ words: some Collection<String>) {
    guard !words.isEmpty else { return }
    if parts.last?.change == change {
      parts[parts.count - 1].words += words
    } else {
      parts.append(Part(change: change, words: Array(words)))
    }
  }

  /// The difference as text: removed words are in `[-…-]` and added ones in `{+…+}`; with color,
  /// they are red and struck through, and green, instead.
  public func text(hasColor: Bool) -> String {
    parts.map { part in
      let text = part.words.map { $0 == "\n" ? "⏎" : $0 }.joined(separator: " ")
      return switch part.change {
      case .same: text
      case .removed: hasColor ? "\u{1B}[9;31m\(text)\u{1B}[0m" : "[-\(text)-]"
      case .added: hasColor ? "\u{1B}[32m\(text)\u{1B}[0m" : "{+\(text)+}"
      }
    }.joined(separator: " ")
  }
}
