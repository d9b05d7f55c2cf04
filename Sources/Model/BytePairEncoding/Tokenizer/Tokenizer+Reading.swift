import FileSupport
import TextSupport

extension Tokenizer {
  /// Reads the tokenizer of a Hugging Face folder: `tokenizer.json`, or `vocab.json` with
  /// `merges.txt`; what is special is read from `tokenizer_config.json`, `special_tokens_map.json`
  /// and `added_tokens.json` too, where they are there.
  ///
  /// The tokens and their ids are those that transformers 5 and `tokenizers` find there. Where those
  /// would make up a token or give one another id than the files say, it is an error, or the token
  /// is left out if the files give it no id.
  ///
  /// - Throws: ``InputError`` if a file is damaged, the files contradict each other or the tokenizer
  ///   is not of GPT-2's kind; ``FileError``.
  public init(folder: String) throws {
    let files = try TokenizerFiles(folder: folder)
    var tokens = try TokenList(files.vocabulary, path: files.vocabularyPath)
    let modelCount = tokens.texts.count
    let byteIDs = try Self.byteIDs(of: tokens, files)
    let merges = try Self.merges(of: files, tokens)
    let addedTokens = try Self.addedTokens(of: files, &tokens)
    try tokens.join(folder: files.folder)
    self.init(
      texts: tokens.texts, index: tokens.index, modelCount: modelCount, merges: merges,
      mergeLines: files.merges.bytes, byteIDs: byteIDs, addedTokens: addedTokens,
      roles: files.roles,
      addsPrefixSpace: files.addsPrefixSpace)
  }

  private static func byteIDs(of tokens: TokenList, _ files: TokenizerFiles) throws -> [UInt32] {
    try ByteSymbols.scalars.enumerated().map { byte, symbol in
      guard let id = tokens.id(of: String(symbol)) else {
        throw InputError(
          files.vocabularyPath,
          "byte \(byte) has no token ('\(symbol)'): the vocabulary is not byte-level, as GPT-2's is"
        )
      }
      return UInt32(id)
    }
  }

  private static func addedTokens(
    of files: TokenizerFiles, _ tokens: inout TokenList
  ) throws -> [AddedToken] {
    var added: [UInt32: AddedToken] = [:]
    for listed in files.listedTokens {
      try tokens.add(listed.token.content, Int(listed.token.id), listed.path)
      added[listed.token.id] = listed.token
    }
    let listed = Set(added.keys)
    for named in files.namedTokens {
      guard let id = tokens.id(of: named.content).map(UInt32.init), !listed.contains(id) else {
        continue
      }
      var token = named
      (token.id, token.isSpecial) = (id, true)
      added[id] = token
    }
    return Array(added.values)
  }

  private static func merges(of files: TokenizerFiles, _ tokens: TokenList) throws -> [Merge] {
    let lines = files.merges
    return try lines.bytes.withUnsafeBytes { bytes in
      var joined = ByteBlock()
      var expected = 0
      return try (0..<lines.count).map { number in
        func id(_ text: UnsafeRawBufferPointer) throws -> UInt32 {
          if let id = tokens.id(of: text) { return UInt32(id) }
          let remedy =
            files.mergesPath == files.vocabularyPath
            ? "" : "; do merges.txt and vocab.json belong together?"
          throw InputError(
            files.mergesPath, lines.place(number),
            "'\(excerpt(String(decoding: text, as: UTF8.self)))' is not in the vocabulary" + remedy)
        }
        let ranges = lines.ranges(number)
        let left = UnsafeRawBufferPointer(rebasing: bytes[ranges.left])
        let right = UnsafeRawBufferPointer(rebasing: bytes[ranges.right])
        let (leftID, rightID) = (try id(left), try id(right))
        joined.removeAll()
        joined.append(left)
        joined.append(right)
        // Most merges lead to the token behind that of the merge before.
        let result = try joined.withBytes { text in
          tokens.texts.equals(text, expected) ? UInt32(expected) : try id(text)
        }
        expected = Int(result) + 1
        return Merge(left: leftID, right: rightID, result: result)
      }
    }
  }
}

/// The tokens of the files, texts and ids one to one.
private struct TokenList {
  /// The tokens by id, from 0.
  private(set) var texts: TokenTexts
  private(set) var index: TokenIndex
  /// The added tokens with greater ids, until ``join(folder:)``.
  private var outside: [Int: ExactText] = [:]
  private var idsOutside: [ExactText: Int] = [:]

  /// The tokens of the vocabulary `entries`, which the file `path` has.
  ///
  /// - Throws: ``InputError`` unless their ids are those from 0, without a gap.
  init(_ entries: VocabularyEntries, path: String) throws {
    texts = entries.texts
    index = TokenIndex(capacity: entries.count)
    var entryOfID = EntriesByID(count: entries.count)
    for (entry, id) in entries.ids.enumerated() {
      if let other = entryOfID.updateValue(entry, forID: id), texts[other] != texts[entry] {
        throw Self.twoTexts(texts.string(other), texts.string(entry), id, path)
      }
      if let other = index.insert(entry, of: texts), entries.ids[other] != id {
        throw Self.twoIDs(texts.string(entry), entries.ids[other], id, path)
      }
    }
    let order = entryOfID.firstEntries
    if let entry = entries.ids.firstIndex(where: { $0 >= entryOfID.idCount }) {
      throw InputError(
        path,
        "'\(excerpt(texts.string(entry)))' has the id \(entries.ids[entry]), but there is none with the id "
          + "\(order.count); the ids must run from 0 without a gap")
    }
    if order.count < entries.count || !zip(order, 0...).allSatisfy({ $0 == $1 }) {
      texts = texts.picked(order)
      index = TokenIndex(texts)
    }
  }

  /// The id of the token `text`.
  func id(of text: String) -> Int? {
    index.number(of: text, in: texts) ?? idsOutside[ExactText(text)]
  }

  /// The id of the token of the vocabulary that is `text`.
  func id(of text: UnsafeRawBufferPointer) -> Int? { index.number(of: text, in: texts) }

  /// Adds a token of the file `path`, or adds it once more.
  mutating func add(_ text: String, _ id: Int, _ path: String) throws {
    if let other = self.text(of: id), ExactText(other) != ExactText(text) {
      throw Self.twoTexts(other, text, id, path)
    }
    if let other = self.id(of: text), other != id { throw Self.twoIDs(text, other, id, path) }
    guard id >= texts.count else { return }
    outside[id] = ExactText(text)
    idsOutside[ExactText(text)] = id
  }

  private func text(of id: Int) -> String? {
    id < texts.count ? texts.string(id) : outside[id]?.text
  }

  /// Puts the added tokens behind the others.
  ///
  /// - Throws: ``InputError`` about `folder` if there is a gap between their ids.
  mutating func join(folder: String) throws {
    for id in texts.count..<texts.count + outside.count {
      guard let token = outside[id] else {
        throw InputError(folder, "no token has the id \(id); the ids must run from 0 without a gap")
      }
      texts.append(token.text)
      _ = index.insert(id, of: texts)
    }
    (outside, idsOutside) = ([:], [:])
  }

  private static func twoTexts(
    _ one: String, _ other: String, _ id: Int, _ path: String
  ) -> InputError {
    InputError(path, "both '\(excerpt(one))' and '\(excerpt(other))' have the id \(id)")
  }

  private static func twoIDs(_ text: String, _ one: Int, _ other: Int, _ path: String) -> InputError
  {
    InputError(path, "'\(excerpt(text))' has both the id \(one) and the id \(other)")
  }
}

/// Which entry of a vocabulary has an id, the last of several.
private struct EntriesByID {
  /// For the ids that a vocabulary without a gap has; -1 where there is no entry.
  private var entries: [Int]
  private var others: [Int: Int] = [:]
  /// How many ids have an entry.
  private(set) var idCount = 0

  init(count: Int) {
    entries = Array(repeating: -1, count: count)
  }

  /// Notes that `entry` has the id `id`, and returns the entry that had it before.
  mutating func updateValue(_ entry: Int, forID id: Int) -> Int? {
    let before: Int?
    if id < entries.count {
      before = entries[id] < 0 ? nil : entries[id]
      entries[id] = entry
    } else {
      before = others.updateValue(entry, forKey: id)
    }
    if before == nil { idCount += 1 }
    return before
  }

  /// The entries by id, up to the first id without one.
  var firstEntries: [Int] { Array(entries.prefix { $0 >= 0 }) }
}
