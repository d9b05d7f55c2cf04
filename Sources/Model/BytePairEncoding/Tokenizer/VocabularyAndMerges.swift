import FileSupport
import JSONSupport
import TextSupport

/// The tokens of a vocabulary and their ids, in the order of the file.
struct VocabularyEntries {
  private(set) var texts = TokenTexts()
  private(set) var ids: [Int] = []

  var count: Int { ids.count }

  /// No tokens.
  init() {}

  /// Adds the token `text`, whose id is the number of tokens before it.
  mutating func append(_ text: RawSpan) {
    texts.append(text)
    ids.append(ids.count)
  }

  /// Reads an object of tokens and their ids.
  ///
  /// - Throws: ``InputError``; ``FileError``.
  init(_ reader: inout JSONReader) throws {
    // The shortest entry is `"":0,`. Memory that is not used costs nothing.
    let size = min(reader.remainingCount ?? 0, 1 << 26)
    texts.reserveCapacity(size / 5, byteCount: size)
    ids.reserveCapacity(size / 5)
    try reader.members { reader in
      try texts.append { try reader.key(appendingTo: &$0) }
      let id = try reader.integer()
      guard 0..<(1 << 31) ~= id else {
        throw reader.failure(
          "'\(excerpt(texts.string(ids.count)))' has the id \(id); expected 0 to \(1 << 31 - 1)")
      }
      ids.append(id)
    }
  }
}

/// The merges of a file, as the texts of their tokens: the lines of `merges.txt` after its first,
/// or the list in `tokenizer.json`.
struct MergeEntries {
  /// How places in the file are counted.
  enum Unit {
    case lines
    case bytes
  }

  /// The left and the right text of each merge in turn.
  private(set) var texts = TokenTexts()
  private var places: [Int] = []
  private let unit: Unit

  /// No merges yet, of a file of about `size` bytes in which places are counted in `unit`.
  init(placesIn unit: Unit, size: Int = 0) {
    self.unit = unit
    // The shortest merge is "a b" and a newline. Memory that is not used costs nothing.
    let size = min(size, 1 << 26)
    texts.reserveCapacity(size / 2, byteCount: size)
    places.reserveCapacity(size / 4)
  }

  /// The number of merges.
  var count: Int { places.count }

  /// The place of the merge `index` in its file.
  func place(_ index: Int) -> InputError.Place {
    switch unit {
    case .lines: .line(places[index])
    case .bytes: .byte(places[index])
    }
  }

  /// Adds the merge written as the single text that `body` appends to the bytes it is given.
  ///
  /// - Returns: Whether the text is two texts separated by a space.
  mutating func append(at place: Int, _ body: (inout [UInt8]) throws -> Void) rethrows -> Bool {
    try texts.append(body)
    places.append(place)
    return texts.splitLast()
  }

  /// Adds the merge whose texts `body` appends to those it is given.
  ///
  /// - Returns: Whether there are two.
  mutating func appendTexts(
    at place: Int, _ body: (inout TokenTexts) throws -> Void
  ) rethrows -> Bool {
    try body(&texts)
    places.append(place)
    return texts.count == places.count * 2
  }
}
