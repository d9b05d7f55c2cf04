import CorpusFormat
import FileSupport
import TextSupport

/// What a cleaned text is like: how much of it there is, how long posts are, in what alphabet, and how
/// they begin.
public struct TextStatistics: Equatable, Sendable {
  /// A kind of characters.
  public enum Alphabet: Int, CaseIterable, Sendable {
    case cyrillic, latin, otherLetters, digits, punctuation, pictures

    var name: String {
      switch self {
      case .cyrillic: "Cyrillic"
      case .latin: "Latin"
      case .otherLetters: "other letters"
      case .digits: "digits"
      case .punctuation: "punctuation"
      case .pictures: "emoji and signs"
      }
    }
  }

  public private(set) var posts = 0
  /// Unicode scalars, spaces with them.
  public private(set) var characters = 0
  /// What spaces part; separators do not count.
  public private(set) var words = 0
  /// How many posts have up to each of ``lengthBounds`` characters, and more.
  public private(set) var lengths = [Int](repeating: 0, count: lengthBounds.count + 1)
  /// How many characters each alphabet has; spaces and separators belong to none.
  public func count(of alphabet: Alphabet) -> Int { alphabets[alphabet.rawValue] }
  private var alphabets = [Int](repeating: 0, count: Alphabet.allCases.count)
  /// How often each word begins a post.
  private var firstWords: [String: Int] = [:]

  /// The largest number of characters in each class of lengths but the last.
  public static let lengthBounds = [25, 50, 100, 150, 200, 300, 500, 1000, 2000]
  /// How many first words are told.
  static let firstWordsTold = 10
  /// Beyond so many first words, rare ones are forgotten.
  private static let mostFirstWords = 1 << 17

  /// The beginning of a line of which more may come.
  private var line: [UInt8] = []

  public init() {}

  /// Takes in `text`, which is cleaned text or a further part of it, cut anywhere.
  public mutating func take(_ text: UnsafeRawBufferPointer) {
    guard let last = text.lastIndex(of: 0x0A) else { return line.append(contentsOf: text) }
    let lines = text[...last]
    if line.isEmpty {
      addPosts(of: UnsafeRawBufferPointer(rebasing: lines))
    } else {
      line.append(contentsOf: lines)
      finish()
    }
    line.append(contentsOf: text[(last + 1)...])
  }

  /// Takes in the last line, if no newline ends it.
  public mutating func finish() {
    let rest = line
    line = []
    rest.withUnsafeBytes { addPosts(of: $0) }
  }

  private mutating func addPosts(of lines: UnsafeRawBufferPointer) {
    CorpusReader.forEachPost(in: lines) { _, post in
      add(UnsafeRawBufferPointer(rebasing: lines[post]))
    }
  }

  /// Takes in `post`, which is UTF-8.
  mutating func add(_ post: UnsafeRawBufferPointer) {
    posts += 1
    var count = 0
    var index = 0
    var wordStart = 0
    var isFirst = true
    func isSeparator(_ range: Range<Int>) -> Bool { post[range].allSatisfy { $0 == 0x40 } }
    func end(at end: Int, _ statistics: inout TextStatistics) {
      guard wordStart < end, !isSeparator(wordStart..<end) else { return }
      statistics.words += 1
      if isFirst { statistics.countFirst(String(decoding: post[wordStart..<end], as: UTF8.self)) }
      isFirst = false
    }
    while index < post.count {
      let (value, length) = scalar(at: index, of: post)
      count += 1
      if value == 0x20 {
        end(at: index, &self)
        wordStart = index + 1
      } else if value != 0x40, let alphabet = Self.alphabet(of: value) {
        alphabets[alphabet.rawValue] += 1
      }
      index += length
    }
    end(at: post.count, &self)
    characters += count
    lengths[Self.lengthBounds.firstIndex { count <= $0 } ?? Self.lengthBounds.count] += 1
  }

  private mutating func countFirst(_ word: String) {
    firstWords[word, default: 0] += 1
    guard firstWords.count > Self.mostFirstWords else { return }
    firstWords = firstWords.filter { $0.value > 1 }
    // All are frequent: nothing is forgotten that could matter.
    if firstWords.count > Self.mostFirstWords { firstWords = firstWords.filter { $0.value > 8 } }
  }

  /// The words that begin most posts, the most frequent first.
  public var commonFirstWords: [(word: String, count: Int)] {
    firstWords.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
      .prefix(Self.firstWordsTold).map { ($0.key, $0.value) }
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

  // MARK: - As lines

  /// The statistics as lines to read.
  ///
  ///     posts               551  of 12.3 words, 78 characters
  ///       up to 25            3   0.5 %  #
  ///       …
  ///     Cyrillic         32,110  91.2 %
  ///     …
  ///     first words          40   7.3 %  КОГДА
  public var lines: [String] {
    var rows: [(name: String, count: Int, note: String)] = []
    let each = posts > 0 ? posts : 1
    rows.append(
      (
        "posts", posts,
        "of \(Self.tenths(words * 10 / each)) words, \(characters / each) characters each"
      ))
    let largest = max(lengths.max() ?? 0, 1)
    for (index, count) in lengths.enumerated() where count > 0 {
      let name =
        index < Self.lengthBounds.count
        ? "  up to \(Self.lengthBounds[index]) characters" : "  longer"
      let bar = String(repeating: "#", count: (count * 24 + largest - 1) / largest)
      rows.append((name, count, Self.share(count, of: posts) + "  " + bar))
    }
    rows.append(("words", words, ""))
    rows.append(("characters", characters, ""))
    let known = alphabets.reduce(0, +)
    for alphabet in Alphabet.allCases where count(of: alphabet) > 0 {
      let count = count(of: alphabet)
      rows.append(("  " + alphabet.name, count, Self.share(count, of: known)))
    }
    for (index, first) in commonFirstWords.enumerated() {
      rows.append(
        (
          index == 0 ? "first words" : "", first.count,
          Self.share(first.count, of: posts) + "  " + first.word
        ))
    }
    let counts = rows.map { NumberText.count($0.count) }
    let nameWidth = rows.map(\.name.count).max() ?? 0
    let countWidth = counts.map(\.count).max() ?? 0
    return zip(rows, counts).map { row, count in
      let line =
        row.name + String(repeating: " ", count: nameWidth - row.name.count + 2)
        + String(repeating: " ", count: countWidth - count.count) + count
      return row.note.isEmpty ? line : line + "  " + row.note
    }
  }

  private static func tenths(_ value: Int) -> String { "\(value / 10).\(value % 10)" }

  private static func share(_ count: Int, of total: Int) -> String {
    let text = tenths(total > 0 ? (count * 2000 / total + 1) / 2 : 0) + " %"
    return String(repeating: " ", count: max(0, 7 - text.count)) + text
  }
}
