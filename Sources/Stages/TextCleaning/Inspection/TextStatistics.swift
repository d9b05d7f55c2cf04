import CorpusFormat
import FileSupport
import TextSupport

/// What a cleaned text is like: how much of it there is, how long posts are, in what alphabets they
/// are written, and how they begin.
public struct TextStatistics: Equatable, Sendable {
  /// A kind of characters.
  public enum Alphabet: Int, CaseIterable, Sendable {
    case cyrillic, latin, otherLetters, digits, punctuation, pictures

    fileprivate var name: String {
      ["Cyrillic", "Latin", "other letters", "digits", "punctuation", "emoji and signs"][rawValue]
    }
  }

  public private(set) var posts = 0
  /// Unicode scalars, including spaces.
  public private(set) var characters = 0
  /// Runs of characters between spaces, except separators.
  public private(set) var words = 0
  /// The number of posts with up to each of ``lengthBounds`` characters, and with more.
  public private(set) var lengths = [Int](repeating: 0, count: lengthBounds.count + 1)
  /// The number of characters in each alphabet; spaces and separators belong to none.
  public func count(of alphabet: Alphabet) -> Int { alphabets[alphabet.rawValue] }
  private var alphabets = [Int](repeating: 0, count: Alphabet.allCases.count)
  /// How many posts each word begins.
  private var firstWords: [String: Int] = [:]

  /// The greatest length in each class of lengths, except the last class.
  public static let lengthBounds = [25, 50, 100, 150, 200, 300, 500, 1000, 2000]
  /// The number of first words that are shown.
  private static let shownFirstWords = 10
  /// Beyond this number of first words, rare ones are forgotten.
  private static let mostFirstWords = 1 << 17

  /// The beginning of a line that may continue.
  private var line: [UInt8] = []

  public init() {}

  /// Adds `text`, which is the next part of a cleaned text, cut anywhere.
  public mutating func add(_ text: Span<UInt8>) {
    guard let last = text.indices.last(where: { text[$0] == 0x0A }) else {
      return line.append(text)
    }
    let lines = text.extracting(...last)
    if line.isEmpty {
      addPosts(of: lines)
    } else {
      line.append(lines)
      finish()
    }
    line.append(text.extracting((last + 1)...))
  }

  /// Adds the last line, if no newline ends it.
  public mutating func finish() {
    let rest = line
    line = []
    addPosts(of: rest.span)
  }

  private mutating func addPosts(of lines: Span<UInt8>) {
    lines.withUnsafeBytes { bytes in
      _ = CorpusReader.forEachPost(in: bytes) { _, post in addPost(lines.extracting(post)) }
    }
  }

  private mutating func addPost(_ post: Span<UInt8>) {
    posts += 1
    var count = 0
    post.forEachScalar { value, _ in
      count += 1
      if value != 0x20, value != 0x40, let alphabet = Self.alphabet(of: value) {
        alphabets[alphabet.rawValue] += 1
      }
    }
    characters += count
    lengths[Self.lengthBounds.firstIndex { count <= $0 } ?? Self.lengthBounds.count] += 1
    countWords(of: post)
  }

  private mutating func countWords(of post: Span<UInt8>) {
    var isFirst = true
    var start = 0
    while start < post.count {
      let end = post.end(from: start) { $0 != 0x20 }
      if post.end(from: start, while: { $0 == 0x40 }) < end {
        words += 1
        if isFirst { countFirst(post.extracting(start..<end).string) }
        isFirst = false
      }
      start = end + 1
    }
  }

  private mutating func countFirst(_ word: String) {
    firstWords[word, default: 0] += 1
    guard firstWords.count > Self.mostFirstWords else { return }
    firstWords = firstWords.filter { $0.value > 1 }
    // Many words occur more than once, so those that occur up to eight times do not matter either.
    if firstWords.count > Self.mostFirstWords { firstWords = firstWords.filter { $0.value > 8 } }
  }

  /// The words that begin most posts, the most frequent first.
  public var commonFirstWords: [(word: String, count: Int)] {
    firstWords.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
      .prefix(Self.shownFirstWords).map { ($0.key, $0.value) }
  }

  private static func alphabet(of scalar: UInt32) -> Alphabet? {
    switch scalar {
    case 0x400...0x52F, 0x1C80...0x1C8F, 0x2DE0...0x2DFF, 0xA640...0xA69F: return .cyrillic
    case 0x41...0x5A, 0x61...0x7A, 0xC0...0xD6, 0xD8...0xF6, 0xF8...0x24F: return .latin
    case 0x30...0x39: return .digits
    case 0x21...0x7E: return .punctuation
    default: break
    }
    guard let properties = Unicode.Scalar(scalar)?.properties else { return nil }
    switch properties.generalCategory {
    case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter,
      .nonspacingMark, .spacingMark:
      return .otherLetters
    case .decimalNumber, .letterNumber, .otherNumber: return .digits
    case .connectorPunctuation, .dashPunctuation, .openPunctuation, .closePunctuation,
      .initialPunctuation, .finalPunctuation, .otherPunctuation:
      return .punctuation
    default: return .pictures
    }
  }

  // MARK: - As a table

  /// The statistics as a table to read.
  ///
  ///     posts               551  of 12.3 words, 78 characters each
  ///       up to 25 characters 3    0.5 %  #
  ///       …
  ///     Cyrillic         32,110   91.2 %
  ///     …
  ///     first words          40    7.3 %  КОГДА
  public var table: String {
    var table = TextTable(rightAligned: [1])
    func add(_ name: String, _ count: Int, _ note: String = "") {
      table.rows.append([name, NumberText.count(count), note])
    }
    // Padded, because the longer note about posts is in the same column.
    func percent(_ count: Int, of total: Int) -> String {
      let text = NumberText.percent(count, of: total)
      return String(repeating: " ", count: 7 - text.count) + text
    }
    let each = Double(max(posts, 1))
    let wordsEach = NumberText.decimal(Double(words) / each, digits: 1)
    let charactersEach = NumberText.decimal(Double(characters) / each, digits: 0)
    add("posts", posts, "of \(wordsEach) words, \(charactersEach) characters each")
    let largest = max(lengths.max() ?? 0, 1)
    for (index, count) in lengths.enumerated() where count > 0 {
      let bar = String(repeating: "#", count: (count * 24 + largest - 1) / largest)
      add(
        index < Self.lengthBounds.count
          ? "  up to \(Self.lengthBounds[index]) characters" : "  longer",
        count, percent(count, of: posts) + "  " + bar)
    }
    add("words", words)
    add("characters", characters)
    let known = alphabets.reduce(0, +)
    for alphabet in Alphabet.allCases where count(of: alphabet) > 0 {
      let count = count(of: alphabet)
      add("  " + alphabet.name, count, percent(count, of: known))
    }
    for (index, first) in commonFirstWords.enumerated() {
      add(
        index == 0 ? "first words" : "", first.count,
        percent(first.count, of: posts) + "  " + excerpt(first.word))
    }
    return String(table.text().dropLast())
  }
}
