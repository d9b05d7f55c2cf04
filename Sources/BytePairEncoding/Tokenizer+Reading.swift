import FileSupport

extension Tokenizer {
  /// Reads the tokenizer of a Hugging Face folder: `tokenizer.json`, or `vocab.json` with
  /// `merges.txt`; what is special is read from `tokenizer_config.json`, `special_tokens_map.json`
  /// and `added_tokens.json` too, where they are there.
  ///
  /// - Throws: ``InputError`` if a file is damaged, the files contradict each other or the tokenizer
  ///   is not of GPT-2's kind; ``FileError``.
  public init(folder: String) throws {
    let files = try TokenizerFiles(folder: folder)
    let (texts, addedTokens) = try Self.tokens(of: files)
    let modelCount = try Self.modelCount(of: files)
    let merges = try Self.merges(of: files)
    self.init(
      texts: texts, modelCount: modelCount, merges: merges, byteIDs: try Self.byteIDs(of: files),
      addedTokens: addedTokens, roles: files.roles)
  }

  private static func byteIDs(of files: TokenizerFiles) throws -> [UInt32] {
    let ids = Dictionary(files.vocabulary.map { ($0.text, UInt32($0.id)) }) { $1 }
    return try ByteSymbols.scalars.enumerated().map { byte, symbol in
      guard let id = ids[String(symbol)] else {
        throw InputError(
          files.vocabularyPath,
          "byte \(byte) has no token ('\(symbol)'): the vocabulary is not byte-level, as GPT-2's is"
        )
      }
      return id
    }
  }

  /// How many tokens the vocabulary has without the added ones; they are the first.
  private static func modelCount(of files: TokenizerFiles) throws -> Int {
    let count = files.vocabulary.count
    if let token = files.vocabulary.first(where: { $0.id >= count }) {
      let ids = Set(files.vocabulary.map(\.id))
      let gap = (0..<count).first { !ids.contains($0) } ?? 0
      throw InputError(
        files.vocabularyPath,
        "'\(token.text)' has the id \(token.id), but there is none with the id \(gap); "
          + "the ids must run from 0 without a gap")
    }
    return count
  }

  /// The texts of all tokens by id, and the added tokens.
  private static func tokens(
    of files: TokenizerFiles
  ) throws -> (texts: [String], addedTokens: [AddedToken]) {
    var textOfID: [Int: String] = [:]
    var idOfText: [String: Int] = [:]
    func note(_ text: String, _ id: Int, _ path: String) throws {
      if let other = textOfID.updateValue(text, forKey: id), other != text {
        throw InputError(path, "both '\(other)' and '\(text)' have the id \(id)")
      }
      if let other = idOfText.updateValue(id, forKey: text), other != id {
        throw InputError(path, "'\(text)' has both the id \(other) and the id \(id)")
      }
    }
    for token in files.vocabulary { try note(token.text, token.id, files.vocabularyPath) }
    var added: [UInt32: AddedToken] = [:]
    for (token, path) in files.addedTokens {
      try note(token.content, Int(token.id), path)
      // A bare id in added_tokens.json says less than a list with flags that came before.
      if added[token.id] == nil || path.hasSuffix("tokenizer_config.json") {
        added[token.id] = token
      }
    }
    for token in files.specialTokens {
      guard let id = idOfText[token.content].map(UInt32.init) else { continue }
      var token = added[id] ?? token
      (token.id, token.isSpecial) = (id, true)
      added[id] = token
    }
    let texts = try (0..<textOfID.count).map { id in
      guard let text = textOfID[id] else {
        throw InputError(
          files.folder, "no token has the id \(id); the ids must run from 0 without a gap")
      }
      return text
    }
    return (texts, Array(added.values))
  }

  private static func merges(of files: TokenizerFiles) throws -> [Merge] {
    let ids = Dictionary(files.vocabulary.map { ($0.text, UInt32($0.id)) }) { $1 }
    return try files.merges.map { line in
      func id(_ text: String) throws -> UInt32 {
        if let id = ids[text] { return id }
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
