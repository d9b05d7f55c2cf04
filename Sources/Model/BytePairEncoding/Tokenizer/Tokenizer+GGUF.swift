import CheckpointFormat
import FileSupport
import TextSupport

/// The kinds of tokens in a GGUF file, with their numbers there.
private enum GGUFTokenKind: Int32 {
  /// Written in byte symbols.
  case normal = 1
  case unknown = 2
  /// Written as it is, and found in a text only if special tokens are recognised.
  case control = 3
  /// Written as it is, and always found in a text.
  case userDefined = 4
  /// A row of the embedding that belongs to no token.
  case unused = 5
  case byte = 6
}

private enum GGUFTokenizerKey {
  static let model = "tokenizer.ggml.model"
  static let preTokenizer = "tokenizer.ggml.pre"
  static let tokens = "tokenizer.ggml.tokens"
  static let kinds = "tokenizer.ggml.token_type"
  static let merges = "tokenizer.ggml.merges"
  static let addsBeginning = "tokenizer.ggml.add_bos_token"
  /// The keys of ids, and the role of each.
  static let ids: [(role: TokenRole, key: String)] = [
    (.beginning, "tokenizer.ggml.bos_token_id"), (.end, "tokenizer.ggml.eos_token_id"),
    (.unknown, "tokenizer.ggml.unknown_token_id"), (.padding, "tokenizer.ggml.padding_token_id"),
    (.mask, "tokenizer.ggml.mask_token_id"),
  ]
}

// MARK: - Reading

extension Tokenizer {
  /// The names of pre-tokenizers that split a text as GPT-2's does.
  private static let sameSplits: Set = [
    "gpt-2", "mpt", "olmo", "jais", "phi-2", "trillion", "exaone4", "jina-de", "modern-bert",
    "granite-docling", "gigachat", "mellum",
  ]

  /// Reads the tokenizer of the model at `path`, a GGUF file or a Hugging Face folder.
  ///
  /// - Throws: ``InputError`` if it is damaged or not of GPT-2's kind; ``FileError``.
  public init(model path: String) throws {
    if GGUFFile.isGGUF(path) {
      try self.init(gguf: GGUFFile(path: path))
    } else {
      try self.init(folder: path)
    }
  }

  /// Reads the tokenizer in the metadata of `file`.
  ///
  /// Unused tokens at the end, which only give names to rows of the embedding, are left out.
  ///
  /// - Throws: ``InputError`` if it is not a byte-level tokenizer of GPT-2's kind, or is damaged.
  public init(gguf file: GGUFFile) throws {
    let model = try file.string(GGUFTokenizerKey.model)
    guard model == "gpt2" else {
      throw InputError(
        file.path,
        "\(GGUFTokenizerKey.model) is \(model.map { "'\(excerpt($0))'" } ?? "missing"); expected "
          + "'gpt2', a byte-level BPE tokenizer")
    }
    if let name = try file.string(GGUFTokenizerKey.preTokenizer),
      !Self.sameSplits.contains(name)
    {
      throw InputError(
        file.path,
        "\(GGUFTokenizerKey.preTokenizer) is '\(excerpt(name))', which splits texts in another way; "
          + "expected 'gpt-2'")
    }
    let count = try file.stringCount(GGUFTokenizerKey.tokens)
    let kinds = try Self.kinds(file, count: count)
    let usedCount = (kinds.lastIndex { $0 != .unused } ?? -1) + 1
    var entries = VocabularyEntries()
    try file.forEachString(GGUFTokenizerKey.tokens) { text, _ in
      if entries.count < usedCount { entries.append(text) }
    }
    let tokens = try TokenList(entries, path: file.path)
    let byteIDs = try Self.byteIDs(of: tokens, path: file.path)
    var mergeEntries = MergeEntries(placesIn: .bytes)
    try file.forEachString(GGUFTokenizerKey.merges) { text, offset in
      let isMerge = mergeEntries.append(at: offset) { lines in
        text.withUnsafeBytes { lines.append(contentsOf: $0) }
      }
      guard isMerge else {
        throw InputError(
          file.path, .byte(offset), "expected a merge of two tokens separated by a space")
      }
    }
    var added = (0..<usedCount).filter { [.unknown, .control, .userDefined].contains(kinds[$0]) }
      .map { id in
        AddedToken(
          tokens.texts.string(id), id: UInt32(id), isSpecial: kinds[id] != .userDefined)
      }
    var roles: [TokenRole: String] = [:]
    let merges = try Self.merges(mergeEntries, tokens, path: file.path)
    let results = Set(merges.map(\.result))
    for (role, key) in GGUFTokenizerKey.ids {
      // A reader ignores ids outside of the vocabulary, as llama.cpp does.
      guard let id = try file.integer(key, in: 0...Int(UInt32.max)), id < usedCount else {
        continue
      }
      let text = tokens.texts.string(id)
      roles[role] = text
      // Files without kinds of tokens say only here which are special.
      let isOrdinary = results.contains(UInt32(id)) || byteIDs.contains(UInt32(id))
      if kinds[id] == .normal, !isOrdinary, !added.contains(where: { $0.id == UInt32(id) }) {
        added.append(AddedToken(text, id: UInt32(id)))
      }
    }
    self.init(
      texts: tokens.texts, index: tokens.index, modelCount: usedCount, merges: merges,
      byteIDs: byteIDs, addedTokens: added, roles: roles)
  }

  private static func kinds(_ file: GGUFFile, count: Int) throws -> [GGUFTokenKind] {
    let key = GGUFTokenizerKey.kinds
    guard let numbers = try file.integers(key, count: count) else {
      return [GGUFTokenKind](repeating: .normal, count: count)
    }
    return try numbers.map { number in
      guard let kind = Int32(exactly: number).flatMap(GGUFTokenKind.init(rawValue:)) else {
        throw InputError(file.path, "\(key) has \(number); expected 1 to 6")
      }
      return kind
    }
  }

  /// What the user should know about how llama.cpp would read the tokenizer of `file`, in whole
  /// sentences.
  public static func notes(gguf file: GGUFFile) throws -> [String] {
    var notes: [String] = []
    if !file.hasValue(GGUFTokenizerKey.preTokenizer) {
      notes.append(
        "\(GGUFTokenizerKey.preTokenizer) is missing, so texts are split as GPT-2 does; llama.cpp "
          + "would split some in another way")
    }
    if try file.flag(GGUFTokenizerKey.addsBeginning) == true {
      notes.append(
        "\(GGUFTokenizerKey.addsBeginning) is true: llama.cpp puts a token before each prompt; this "
          + "program does not")
    }
    return notes
  }
}

// MARK: - Writing

extension Tokenizer {
  /// The metadata of a GGUF file with this tokenizer, for an embedding of `rows`.
  ///
  /// Rows that belong to no token get names. `beginning`, `end` and `padding` are the ids that the
  /// model's configuration names; `otherEnd` is a second token that ends a text.
  ///
  /// - Throws: ``InputError`` about `path`, the tokenizer's files, if llama.cpp cannot encode texts
  ///   as this tokenizer does.
  public func ggufMetadata(
    rows: Int, beginning: Int?, end: Int, otherEnd: Int? = nil, padding: Int?, path: String
  ) throws -> [(key: String, value: GGUFWriter.Value)] {
    guard count <= rows else {
      throw InputError(
        path,
        "the tokenizer has \(count) tokens, the model \(rows): they do not belong together; copy the "
          + "files of the model's own tokenizer here")
    }
    guard !addsPrefixSpace else {
      throw InputError(
        path,
        "the tokenizer adds a space before a text (add_prefix_space), which a GGUF file "
          + "cannot say")
    }
    let stripping = addedTokens.first {
      !$0.isSpecial && ($0.stripsLeft || $0.stripsRight || $0.isSingleWord)
    }
    if let stripping {
      throw InputError(
        path,
        "the token '\(excerpt(stripping.content))' is found only as a whole word or with the white "
          + "space around it (lstrip, rstrip, single_word), which a GGUF file cannot say")
    }
    var tokens = (0..<count).map { Array(texts[$0]) }
    var kinds = (0..<count).map { ggufKind(of: UInt32($0)).rawValue }
    for row in count..<rows {
      var name = "[PAD\(row)]"
      // Of two equal tokens, llama.cpp dies.
      while id(of: name) != nil { name = "[\(name)]" }
      tokens.append(Array(name.utf8))
      kinds.append(GGUFTokenKind.unused.rawValue)
    }
    var metadata: [(key: String, value: GGUFWriter.Value)] = [
      (GGUFTokenizerKey.model, .string("gpt2")), (GGUFTokenizerKey.preTokenizer, .string("gpt-2")),
      (GGUFTokenizerKey.tokens, .strings(tokens)), (GGUFTokenizerKey.kinds, .int32s(kinds)),
      (
        GGUFTokenizerKey.merges,
        .strings(mergeLines.split(separator: 0x0A).map { Array($0) })
      ),
    ]
    // Without these two, llama.cpp takes token 11, which is an apostrophe or the like.
    let ids: [TokenRole: Int] = [.beginning: beginning ?? end, .end: end]
    for (role, key) in GGUFTokenizerKey.ids {
      let own = role == .padding ? padding : id(of: role).map { Int($0) }
      if let id = ids[role] ?? own { metadata.append((key, .uint32(id))) }
    }
    if let otherEnd { metadata.append(("tokenizer.ggml.eot_token_id", .uint32(otherEnd))) }
    metadata.append((GGUFTokenizerKey.addsBeginning, .boolean(false)))
    return metadata
  }

  /// Names of tokens that no text contains, although some folders do not call them special.
  private static let usualSpecialTokens: Set = [
    "<pad>", "<s>", "</s>", "<unk>", "<mask>", "<|endoftext|>",
  ]

  private func ggufKind(of id: UInt32) -> GGUFTokenKind {
    let text = texts[Int(id)]
    // The text of a token of another kind is not in byte symbols.
    guard bytes(of: id) == text else { return .normal }
    if isSpecial(id) { return .control }
    if addedTokens.contains(where: { $0.id == id }) { return .userDefined }
    guard !isOrdinary(id) else { return .normal }
    return Self.usualSpecialTokens.contains(String(decoding: text, as: UTF8.self))
      ? .control : .normal
  }
}
