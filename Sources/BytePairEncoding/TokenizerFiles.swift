import FileSupport

/// What the files of a tokenizer say, before it is checked that they agree.
struct TokenizerFiles {
  /// A line of `merges.txt` or an element of `merges`, and where it stands.
  struct MergeLine {
    let left: String
    let right: String
    let place: InputError.Place
  }

  let folder: String
  /// The file with the vocabulary.
  private(set) var vocabularyPath = ""
  /// The file with the merges.
  private(set) var mergesPath = ""
  var vocabulary: [(text: String, id: Int)] = []
  var merges: [MergeLine] = []
  var addedTokens: [(token: AddedToken, path: String)] = []
  var roles: [TokenRole: String] = [:]
  /// Tokens the files call special, with their flags if they are given, to be found in the
  /// vocabulary.
  var specialTokens: [AddedToken] = []

  /// Reads what there is in `folder`; `tokenizer.json` goes before `vocab.json` and `merges.txt`.
  ///
  /// - Throws: ``InputError``; ``FileError``.
  init(folder: String) throws {
    self.folder = folder
    guard Folder.exists(folder) else {
      throw FileError(path: folder, operation: .open, code: 2)
    }
    func path(_ name: String) -> String? {
      let path = folder + "/" + name
      return Folder.hasFile(path) ? path : nil
    }
    if let whole = path("tokenizer.json") {
      (vocabularyPath, mergesPath) = (whole, whole)
      try readTokenizer(whole)
    } else if let vocabulary = path("vocab.json"), let merges = path("merges.txt") {
      (vocabularyPath, mergesPath) = (vocabulary, merges)
      try readVocabulary(vocabulary)
      try readMerges(merges)
    } else {
      throw InputError(
        folder, "no tokenizer here; expected vocab.json and merges.txt, or tokenizer.json")
    }
    if let path = path("added_tokens.json") { try readAddedTokens(path) }
    let config = try path("tokenizer_config.json").map { ($0, try JSONValue(path: $0)) }
    let map = try path("special_tokens_map.json").map { ($0, try JSONValue(path: $0)) }
    // A configuration that lists the added tokens is complete; an older one yields to the map.
    let isComplete = config?.1["added_tokens_decoder"] != nil
    for (path, value) in [isComplete ? map : config, isComplete ? config : map].compactMap({ $0 }) {
      try readSpecialTokens(path, value)
    }
  }

  // MARK: - vocab.json, merges.txt, added_tokens.json

  private mutating func readVocabulary(_ path: String) throws {
    var reader = JSONReader(try InputFile(path: path))
    try readVocabulary(&reader)
    try reader.finish()
  }

  private mutating func readVocabulary(_ reader: inout JSONReader) throws {
    var vocabulary: [(String, Int)] = []
    try reader.object { reader, text in
      let id = try reader.integer()
      guard 0..<(1 << 31) ~= id else { throw reader.failure("\(id) is no id of a token") }
      vocabulary.append((text, id))
    }
    self.vocabulary = vocabulary
  }

  private mutating func readMerges(_ path: String) throws {
    var merges: [MergeLine] = []
    var reader = try LineReader(path: path)
    try reader.forEachLine { number, line in
      guard let text = String(validating: line, as: UTF8.self) else {
        throw InputError(path, .line(number), "the line is not UTF-8")
      }
      var line = text[...]
      if line.unicodeScalars.last == "\r" { line.unicodeScalars.removeLast() }
      if line.isEmpty || number == 1 && line.hasPrefix("#version") { return }
      guard let merge = Self.merge(line, at: .line(number)) else {
        throw InputError(
          path, .line(number), "expected two tokens with a space between, found '\(line)'")
      }
      merges.append(merge)
    }
    self.merges = merges
  }

  private static func merge(_ text: Substring, at place: InputError.Place) -> MergeLine? {
    let parts = text.unicodeScalars.split(separator: " ", omittingEmptySubsequences: false)
    guard parts.count == 2, !parts[0].isEmpty, !parts[1].isEmpty else { return nil }
    return MergeLine(left: String(parts[0]), right: String(parts[1]), place: place)
  }

  private mutating func readAddedTokens(_ path: String) throws {
    for member in try Self.object(JSONValue(path: path), path) {
      guard let id = member.value.integer.flatMap(UInt32.init(exactly:)) else {
        throw InputError(path, "the id of '\(member.key)' is not a whole number")
      }
      addedTokens.append((AddedToken(member.key, id: id, isSpecial: false), path))
    }
  }

  // MARK: - tokenizer.json

  private mutating func readTokenizer(_ path: String) throws {
    var reader = JSONReader(try InputFile(path: path))
    var hasModel = false
    try reader.object { reader, key in
      switch key {
      case "added_tokens":
        for value in try JSONValue(&reader).elements ?? [] {
          let id = value["id"]?.integer.flatMap(UInt32.init(exactly:))
          guard let id, let token = AddedToken(value, id: id) else {
            throw reader.failure("an element of added_tokens lacks its content or its id")
          }
          addedTokens.append((token, path))
        }
      case "normalizer":
        guard try JSONValue(&reader) == .null else {
          throw reader.failure("the tokenizer has a normalizer; GPT-2's has none")
        }
      case "pre_tokenizer": try Self.check(preTokenizer: JSONValue(&reader), reader)
      case "model":
        hasModel = true
        try readModel(&reader)
      default: try reader.skip()
      }
    }
    try reader.finish()
    guard hasModel else { throw InputError(path, "there is no model in it") }
  }

  private static func check(preTokenizer value: JSONValue, _ reader: borrowing JSONReader) throws {
    guard value["type"]?.string == "ByteLevel", value["use_regex"]?.boolean ?? true else {
      throw reader.failure("the pre-tokenizer is not ByteLevel with GPT-2's split expression")
    }
    guard value["add_prefix_space"]?.boolean != true else {
      throw reader.failure("add_prefix_space is set; GPT-2's tokenizer puts no space before a text")
    }
  }

  private mutating func readModel(_ reader: inout JSONReader) throws {
    try reader.object { reader, key in
      switch key {
      case "type":
        let type = try reader.string()
        guard type == "BPE" else { throw reader.failure("the model is \(type), expected BPE") }
      case "vocab": try readVocabulary(&reader)
      case "merges": try readMerges(&reader)
      case "ignore_merges", "continuing_subword_prefix", "end_of_word_suffix":
        let value = try JSONValue(&reader)
        guard [.null, .string(""), .boolean(false)].contains(value) else {
          throw reader.failure("\(key) is \(value.text()), which GPT-2's tokenizer does not have")
        }
      default: try reader.skip()
      }
    }
  }

  private mutating func readMerges(_ reader: inout JSONReader) throws {
    var merges: [MergeLine] = []
    try reader.array { reader in
      let place = InputError.Place.byte(reader.byteOffset)
      var merge: MergeLine?
      if try reader.peek() == .string {
        merge = Self.merge(try reader.string()[...], at: place)
      } else {
        var parts: [String] = []
        try reader.array { parts.append(try $0.string()) }
        if parts.count == 2 { merge = MergeLine(left: parts[0], right: parts[1], place: place) }
      }
      guard let merge else { throw reader.failure("expected a merge of two tokens") }
      merges.append(merge)
    }
    self.merges = merges
  }

  // MARK: - special_tokens_map.json, tokenizer_config.json

  private mutating func readSpecialTokens(_ path: String, _ value: JSONValue) throws {
    for member in try Self.object(value, path) {
      switch member.key {
      case "added_tokens_decoder":
        for added in member.value.members ?? [] {
          guard let id = UInt32(added.key), let token = AddedToken(added.value, id: id) else {
            throw InputError(path, "'\(added.key)' of added_tokens_decoder is no id with a content")
          }
          addedTokens.append((token, path))
        }
      case "additional_special_tokens", "extra_special_tokens":
        specialTokens += (member.value.elements ?? []).compactMap { AddedToken($0, id: 0) }
      default:
        guard let role = TokenRole(rawValue: member.key),
          let token = AddedToken(member.value, id: 0)
        else { continue }
        roles[role] = token.content
        specialTokens.append(token)
      }
    }
  }

  private static func object(_ value: JSONValue, _ path: String) throws -> [JSONValue.Member] {
    guard let members = value.members else { throw InputError(path, "expected an object") }
    return members
  }
}

extension AddedToken {
  /// Reads a token given as its text or as an object; `nil` if it is neither.
  init?(_ value: JSONValue, id: UInt32) {
    guard let content = value.string ?? value["content"]?.string else { return nil }
    self.init(content, id: id, isSpecial: value["special"]?.boolean ?? (value.string != nil))
    stripsLeft = value["lstrip"]?.boolean ?? false
    stripsRight = value["rstrip"]?.boolean ?? false
    isSingleWord = value["single_word"]?.boolean ?? false
    isNormalized = value["normalized"]?.boolean ?? false
  }

  /// The token as an object, as the files have it.
  var members: [JSONValue.Member] {
    [
      .init("content", .string(content)), .init("lstrip", .boolean(stripsLeft)),
      .init("normalized", .boolean(isNormalized)), .init("rstrip", .boolean(stripsRight)),
      .init("single_word", .boolean(isSingleWord)),
    ]
  }
}
