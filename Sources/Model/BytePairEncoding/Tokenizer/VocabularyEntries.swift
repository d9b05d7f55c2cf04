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

  /// Reads an object of tokens and their ids.
  ///
  /// - Throws: ``InputError``; ``FileError``.
  init(_ reader: inout JSONReader) throws {
    // At most: an entry is written as "":0, at the shortest. Memory that is not used costs nothing.
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
