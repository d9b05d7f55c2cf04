import FileSupport
import JSONSupport
import TextSupport

/// The contents of a `tokenizer.json`; only what GPT-2's tokenizer does is accepted.
///
/// Truncation, padding and the post-processor are ignored: they shorten, pad and frame the ids of a
/// text, which is not part of encoding here.
struct TokenizerJSON {
  private(set) var vocabulary = VocabularyEntries()
  private(set) var merges = MergeEntries(placesIn: .bytes)
  private(set) var addedTokens: [AddedToken] = []
  private(set) var addsPrefixSpace = false

  /// The expressions that split text as GPT-2 does.
  private static let splitExpressions = [
    #"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#,
    #"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#,
  ]

  /// - Throws: ``InputError`` if the file is damaged or asks for what GPT-2's tokenizer does not
  ///   do; ``FileError``.
  init(path: String) throws {
    var reader = JSONReader(try InputFile(path: path))
    var keys: Set<String> = []
    try reader.object { reader, key in
      keys.insert(key)
      let start = InputError.Place.byte(reader.byteOffset)
      func refuse(_ value: JSONValue, _ supported: String) -> InputError {
        InputError(path, start, "\(key) is \(value.excerpt); expected \(supported)")
      }
      switch key {
      case "version":
        let value = try JSONValue(&reader)
        guard value == "1.0" else { throw refuse(value, "\"1.0\"") }
      case "normalizer":
        let value = try JSONValue(&reader)
        guard value == .null || Self.isEmptySequence(value, of: "normalizers") else {
          throw refuse(value, "null: GPT-2's tokenizer changes no character")
        }
      case "pre_tokenizer":
        let value = try JSONValue(&reader)
        guard let addsPrefixSpace = Self.prefixSpace(of: value) else {
          throw refuse(
            value, "ByteLevel with use_regex, or GPT-2's Split with ByteLevel without either flag")
        }
        self.addsPrefixSpace = addsPrefixSpace
      case "decoder":
        let value = try JSONValue(&reader)
        guard value == .null || value["type"] == "ByteLevel" else {
          throw refuse(value, "ByteLevel")
        }
      case "added_tokens": addedTokens = try Self.addedTokens(JSONValue(&reader), path)
      case "model": try readModel(&reader, path)
      default: try reader.skip()
      }
    }
    try reader.finish()
    for key in ["model", "pre_tokenizer"] where !keys.contains(key) {
      throw InputError(path, "\(key) is missing; expected that of a byte-level BPE tokenizer")
    }
  }

  private static func isEmptySequence(_ value: JSONValue, of key: String) -> Bool {
    value["type"] == "Sequence" && value[key]?.elements?.isEmpty == true
  }

  /// Whether the pre-tokenizer puts a space before a text; `nil` if it is not GPT-2's.
  private static func prefixSpace(of value: JSONValue) -> Bool? {
    if value["type"] == "Sequence", let parts = value["pretokenizers"]?.elements {
      if parts.count == 1 { return prefixSpace(of: parts[0]) }
      guard parts.count == 2, isSplit(parts[0]), parts[1]["type"] == "ByteLevel",
        parts[1]["use_regex"] == false, flag("add_prefix_space", of: parts[1]) == false
      else { return nil }
      return false
    }
    guard value["type"] == "ByteLevel", value["use_regex"] ?? true == true else { return nil }
    return flag("add_prefix_space", of: value)
  }

  private static func flag(_ key: String, of value: JSONValue) -> Bool? {
    guard let value = value[key] else { return false }
    return value.boolean
  }

  private static func isSplit(_ value: JSONValue) -> Bool {
    guard value["type"] == "Split", let expression = value["pattern"]?["Regex"]?.string else {
      return false
    }
    return splitExpressions.contains(expression) && value["behavior"] == "Isolated"
      && value["invert"] ?? false == false
  }

  private static func addedTokens(_ value: JSONValue, _ path: String) throws -> [AddedToken] {
    let key = "added_tokens"
    if value == .null { return [] }
    guard let elements = value.elements else {
      throw InputError(path, "\(key) is \(value.excerpt); expected a list of tokens")
    }
    return try elements.map { value in
      guard let id = value["id"]?.integer.flatMap(UInt32.init(exactly:)) else {
        throw InputError(path, "\(key) has \(value.excerpt); expected a token with its id")
      }
      let context = InputErrorContext(path: path, key: key)
      return try AddedToken(value, id: id, isSpecial: false, context)
    }
  }

  // MARK: - The model

  private mutating func readModel(_ reader: inout JSONReader, _ path: String) throws {
    var keys: Set<String> = []
    try reader.object { reader, key in
      keys.insert(key)
      let start = InputError.Place.byte(reader.byteOffset)
      switch key {
      case "vocab": vocabulary = try VocabularyEntries(&reader)
      case "merges": merges = try Self.merges(&reader, path)
      default:
        guard let (accepted, supported) = Self.acceptedValues[key] else { return try reader.skip() }
        let value = try JSONValue(&reader)
        guard accepted.contains(value) else {
          throw InputError(path, start, "model: \(key) is \(value.excerpt); expected \(supported)")
        }
      }
    }
    for key in ["vocab", "merges"] where !keys.contains(key) {
      throw InputError(path, "model: \(key) is missing; expected that of a BPE model")
    }
  }

  /// The accepted values of a model's settings, and their description.
  ///
  /// What the model does with unknown symbols does not matter: all bytes are known.
  private static let acceptedValues: [String: ([JSONValue], String)] = [
    "type": (["BPE"], "\"BPE\""), "dropout": ([nil, 0, 0.0], "null"),
    "ignore_merges": ([nil, false], "false"),
    "continuing_subword_prefix": ([nil, ""], "null or an empty string"),
    "end_of_word_suffix": ([nil, ""], "null or an empty string"),
  ]

  private static func merges(_ reader: inout JSONReader, _ path: String) throws -> MergeEntries {
    var merges = MergeEntries(placesIn: .bytes, size: reader.remainingCount ?? 0)
    try reader.array { reader in
      let place = reader.byteOffset
      let isMerge: Bool
      if try reader.peek() == .string {
        isMerge = try merges.append(at: place) {
          try reader.string(appendingTo: &$0, validating: true)
        }
      } else {
        isMerge = try merges.appendTexts(at: place) { texts in
          try reader.array { reader in
            try texts.append { try reader.string(appendingTo: &$0, validating: true) }
          }
        }
      }
      guard isMerge else {
        throw InputError(
          path, .byte(place),
          "expected a merge of two tokens, as \"a b\" or [\"a\", \"b\"]")
      }
    }
    return merges
  }
}
