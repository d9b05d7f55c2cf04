import FileSupport
import TextSupport

extension Tokenizer {
  /// Reads the tokenizer of a Hugging Face folder: `tokenizer.json`, or `vocab.json` with
  /// `merges.txt`; special tokens are also read from `tokenizer_config.json`,
  /// `special_tokens_map.json` and `added_tokens.json` if they exist.
  ///
  /// The tokens and their ids are those that transformers 5 and `tokenizers` find there. It is an
  /// error if those would invent a token, or give one an id other than the files do; a token
  /// without an id in the files is left out.
  ///
  /// - Throws: ``InputError`` if a file is damaged, the files contradict each other, or the
  ///   tokenizer is not of GPT-2's kind; ``FileError``.
  public init(folder: String) throws {
    let files = try TokenizerFiles(folder: folder)
    var tokens = try TokenList(files.vocabulary, path: files.vocabularyPath)
    let modelCount = tokens.texts.count
    let byteIDs = try Self.byteIDs(of: tokens, path: files.vocabularyPath)
    let merges = try Self.merges(
      files.merges, tokens, path: files.mergesPath,
      remedy: files.mergesPath == files.vocabularyPath
        ? "" : "; do merges.txt and vocab.json belong together?")
    let addedTokens = try Self.addedTokens(of: files, &tokens)
    try tokens.join(folder: files.folder)
    self.init(
      texts: tokens.texts, index: tokens.index, modelCount: modelCount, merges: merges,
      byteIDs: byteIDs, addedTokens: addedTokens, roles: files.roles,
      addsPrefixSpace: files.addsPrefixSpace)
  }

  /// The id of each byte in `tokens`, which are those of the file `path`.
  static func byteIDs(of tokens: TokenList, path: String) throws -> [UInt32] {
    try ByteSymbols.scalars.enumerated().map { byte, symbol in
      guard let id = tokens.id(of: String(symbol)) else {
        throw InputError(
          path,
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

  /// The ids of the merges `entries` of the file `path`; `remedy` begins with `; ` or is empty.
  static func merges(
    _ entries: MergeEntries, _ tokens: TokenList, path: String, remedy: String = ""
  ) throws -> [Merge] {
    var expected = 0
    return try (0..<entries.count).map { rank in
      func id(_ text: ArraySlice<UInt8>) throws -> UInt32 {
        if let id = tokens.id(of: text) { return UInt32(id) }
        throw InputError(
          path, entries.place(rank),
          "'\(excerpt(String(decoding: text, as: UTF8.self)))' is not in the vocabulary" + remedy)
      }
      let (left, right) = (entries.texts[rank * 2], entries.texts[rank * 2 + 1])
      let (leftID, rightID) = (try id(left), try id(right))
      let joined = left + right
      // Most merges produce the token after that of the previous merge.
      let isExpected = tokens.texts.equals(joined.span.bytes, expected)
      let result = isExpected ? UInt32(expected) : try id(joined)
      expected = Int(result) + 1
      return Merge(left: leftID, right: rightID, result: result)
    }
  }
}

/// The tokens of the files, each text with one id.
struct TokenList {
  /// The tokens by id, from 0.
  private(set) var texts: TokenTexts
  private(set) var index: TokenIndex
  /// The added tokens with larger ids, until ``join(folder:)``.
  private var outside: [Int: ExactText] = [:]
  private var idsOutside: [ExactText: Int] = [:]

  /// The tokens of the vocabulary `entries` of the file `path`.
  ///
  /// - Throws: ``InputError`` unless their ids run from 0 without a gap.
  init(_ entries: VocabularyEntries, path: String) throws {
    texts = entries.texts
    index = TokenIndex(capacity: entries.count)
    // If several entries have the same id, the last one; -1 if none has it.
    var entryOfID = [Int](repeating: -1, count: entries.count)
    for (entry, id) in entries.ids.enumerated() {
      if id < entryOfID.count {
        if case let other = entryOfID[id], other >= 0, texts[other] != texts[entry] {
          throw Self.twoTexts(texts.string(other), texts.string(entry), id, path)
        }
        entryOfID[id] = entry
      }
      if let other = index.insert(entry, of: texts), entries.ids[other] != id {
        throw Self.twoIDs(texts.string(entry), entries.ids[other], id, path)
      }
    }
    let order = Array(entryOfID.prefix { $0 >= 0 })
    if let entry = entries.ids.firstIndex(where: { $0 >= order.count }) {
      throw InputError(
        path,
        "'\(excerpt(texts.string(entry)))' has the id \(entries.ids[entry]), but no token has "
          + "the id \(order.count); the ids must run from 0 without a gap")
    }
    if order.count < entries.count || !zip(order, 0...).allSatisfy({ $0 == $1 }) {
      texts = texts.picked(order)
      index = TokenIndex(texts)
    }
  }

  /// The id of the token `text`.
  func id(of text: String) -> Int? {
    index.find(text, in: texts) ?? idsOutside[ExactText(text)]
  }

  /// The id of the token of the vocabulary whose text is `text`.
  func id(of text: ArraySlice<UInt8>) -> Int? { index.find(text.span.bytes, in: texts) }

  /// Adds a token of the file `path`, which may already be present.
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

  /// Puts the added tokens after the others.
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

/// A text as a key that is equal only to texts with the same bytes.
///
/// Strings are equal if they are canonically equivalent, such as й and и with a breve; to a
/// tokenizer those are two different texts.
struct ExactText: Hashable {
  let text: String

  init(_ text: some StringProtocol) {
    self.text = String(text)
  }

  static func == (a: ExactText, b: ExactText) -> Bool {
    a.text.utf8.elementsEqual(b.text.utf8)
  }

  func hash(into hasher: inout Hasher) {
    for byte in text.utf8 { hasher.combine(byte) }
    hasher.combine(0xFF as UInt8)
  }
}
