import FileSupport

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
    var tokens = TokenList()
    for (text, id) in files.vocabulary { try tokens.add(text, id, files.vocabularyPath) }
    let modelCount = tokens.count
    try Self.checkIDs(of: files, count: modelCount)
    let byteIDs = try Self.byteIDs(of: tokens, files)
    let merges = try Self.merges(of: files, tokens)
    let addedTokens = try Self.addedTokens(of: files, &tokens)
    let texts = try (0..<tokens.count).map { id in
      guard let text = tokens.textOfID[id] else {
        throw InputError(
          files.folder, "no token has the id \(id); the ids must run from 0 without a gap")
      }
      return text
    }
    self.init(
      texts: texts, modelCount: modelCount, merges: merges, byteIDs: byteIDs,
      addedTokens: addedTokens, roles: files.roles, addsPrefixSpace: files.addsPrefixSpace)
  }

  /// Texts and ids, one to one.
  private struct TokenList {
    private(set) var textOfID: [Int: String] = [:]
    private(set) var idOfText: [ExactText: Int] = [:]

    var count: Int { textOfID.count }

    /// Adds a token of the file `path`, or adds it once more.
    mutating func add(_ text: String, _ id: Int, _ path: String) throws {
      if let other = textOfID.updateValue(text, forKey: id), ExactText(other) != ExactText(text) {
        throw InputError(path, "both '\(other)' and '\(text)' have the id \(id)")
      }
      if let other = idOfText.updateValue(id, forKey: ExactText(text)), other != id {
        throw InputError(path, "'\(text)' has both the id \(other) and the id \(id)")
      }
    }
  }

  private static func byteIDs(of tokens: TokenList, _ files: TokenizerFiles) throws -> [UInt32] {
    try ByteSymbols.scalars.enumerated().map { byte, symbol in
      guard let id = tokens.idOfText[ExactText(String(symbol))] else {
        throw InputError(
          files.vocabularyPath,
          "byte \(byte) has no token ('\(symbol)'): the vocabulary is not byte-level, as GPT-2's is"
        )
      }
      return UInt32(id)
    }
  }

  /// Checks that the tokens of the vocabulary without the added ones are the first `count`.
  private static func checkIDs(of files: TokenizerFiles, count: Int) throws {
    guard let token = files.vocabulary.first(where: { $0.id >= count }) else { return }
    let ids = Set(files.vocabulary.map(\.id))
    let gap = (0..<count).first { !ids.contains($0) } ?? 0
    throw InputError(
      files.vocabularyPath,
      "'\(token.text)' has the id \(token.id), but there is none with the id \(gap); "
        + "the ids must run from 0 without a gap")
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
      guard let id = tokens.idOfText[ExactText(named.content)].map(UInt32.init),
        !listed.contains(id)
      else { continue }
      var token = named
      (token.id, token.isSpecial) = (id, true)
      added[id] = token
    }
    return Array(added.values)
  }

  private static func merges(of files: TokenizerFiles, _ tokens: TokenList) throws -> [Merge] {
    try files.merges.map { line in
      func id(_ text: String) throws -> UInt32 {
        if let id = tokens.idOfText[ExactText(text)] { return UInt32(id) }
        let remedy =
          files.mergesPath == files.vocabularyPath
          ? "" : "; do merges.txt and vocab.json belong together?"
        throw InputError(
          files.mergesPath, line.place, "'\(text)' is not in the vocabulary" + remedy)
      }
      return Merge(
        left: try id(line.left), right: try id(line.right), result: try id(line.left + line.right))
    }
  }
}
