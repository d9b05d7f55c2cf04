import FileSupport
import JSONSupport

extension Tokenizer {
  /// Writes the tokenizer as a Hugging Face folder: `vocab.json`, `merges.txt`, `tokenizer.json`,
  /// `tokenizer_config.json`, `special_tokens_map.json`, and `added_tokens.json` if there are
  /// tokens outside the vocabulary.
  ///
  /// The folder is created if it is missing; each file appears only once it is complete.
  ///
  /// - Throws: ``FileError``.
  public func write(to folder: String) throws {
    var files: [OutputFile] = []
    func file(_ name: String) throws -> OutputFile {
      files.append(try OutputFile(path: folder + "/" + name))
      return files[files.count - 1]
    }
    func write(_ value: JSONValue, _ name: String) throws {
      try file(name).write(value.text(indent: 2) + "\n")
    }
    try writeTokens(vocabulary: file("vocab.json"), whole: file("tokenizer.json"))
    try file("merges.txt").write("#version: 0.2\n".utf8 + mergeLines)
    try write(configuration, "tokenizer_config.json")
    try write(specialTokensMap, "special_tokens_map.json")
    let outside = addedTokens.filter { $0.id >= modelCount }
    if !outside.isEmpty {
      let members = outside.map { JSONValue.Member($0.content, .integer(Int($0.id))) }
      try write(JSONValue.object(members), "added_tokens.json")
    }
    try OutputFile.commit(files)
  }

  /// Writes `vocab.json`, an object on one line in ascending order of ids, and `tokenizer.json`,
  /// which contains the same object.
  private func writeTokens(vocabulary: OutputFile, whole: OutputFile) throws {
    var entries: [UInt8] = [UInt8(ascii: "{")]
    for id in 0..<modelCount {
      if id > 0 { entries.append(UInt8(ascii: ",")) }
      texts[id].withUnsafeBytes { entries.appendJSONString($0) }
      entries += ":\(id)".utf8
    }
    entries.append(UInt8(ascii: "}"))
    try vocabulary.write(entries)
    // The two large values are written as bytes, so the objects around them are left open.
    try whole.write(String(frame.text().dropLast()) + ",\"model\":")
    try whole.write(String(Self.model.text().dropLast()) + ",\"vocab\":")
    try whole.write(entries)
    entries = Array(",\"merges\":[".utf8)
    for (rank, merge) in merges.enumerated() {
      if rank > 0 { entries.append(UInt8(ascii: ",")) }
      entries.append(UInt8(ascii: "["))
      texts[Int(merge.left)].withUnsafeBytes { entries.appendJSONString($0) }
      entries.append(UInt8(ascii: ","))
      texts[Int(merge.right)].withUnsafeBytes { entries.appendJSONString($0) }
      entries.append(UInt8(ascii: "]"))
    }
    try whole.write(entries + "]}}\n".utf8)
  }

  /// `tokenizer.json` without its model.
  private var frame: JSONValue {
    func byteLevel(addPrefixSpace: Bool, trimOffsets: Bool) -> JSONValue {
      [
        "type": "ByteLevel", "add_prefix_space": .boolean(addPrefixSpace),
        "trim_offsets": .boolean(trimOffsets), "use_regex": true,
      ]
    }
    let added = addedTokens.map { token in
      JSONValue.object(
        [.init("id", .integer(Int(token.id)))] + token.members
          + [.init("special", .boolean(token.isSpecial))])
    }
    return [
      "version": "1.0", "truncation": nil, "padding": nil, "added_tokens": .array(added),
      "normalizer": nil,
      "pre_tokenizer": byteLevel(addPrefixSpace: addsPrefixSpace, trimOffsets: true),
      "post_processor": byteLevel(addPrefixSpace: true, trimOffsets: false),
      "decoder": byteLevel(addPrefixSpace: true, trimOffsets: true),
    ]
  }

  /// The model of `tokenizer.json` without its vocabulary and merges.
  private static let model: JSONValue = [
    "type": "BPE", "dropout": nil, "unk_token": nil, "continuing_subword_prefix": "",
    "end_of_word_suffix": "", "fuse_unk": false, "byte_fallback": false, "ignore_merges": false,
  ]

  private var roleMembers: [JSONValue.Member] {
    TokenRole.allCases.compactMap { role in
      roles[role].map { JSONValue.Member(role.rawValue, .string($0)) }
    }
  }

  private var configuration: JSONValue {
    let decoder = addedTokens.map { token in
      JSONValue.Member(
        String(token.id),
        .object(token.members + [.init("special", .boolean(token.isSpecial))]))
    }
    return .object(
      [
        .init("add_prefix_space", .boolean(addsPrefixSpace)),
        .init("added_tokens_decoder", .object(decoder)),
      ]
        + roleMembers
        + [
          .init("clean_up_tokenization_spaces", false), .init("errors", "replace"),
          .init("tokenizer_class", "GPT2Tokenizer"),
        ])
  }

  private var specialTokensMap: JSONValue {
    .object(
      TokenRole.allCases.compactMap { role in
        roles[role].map { text in
          let token = addedTokens.first { $0.content == text }
          return .init(role.rawValue, token.map { .object($0.members) } ?? .string(text))
        }
      })
  }
}

extension AddedToken {
  /// The members of the token as an object of the files.
  fileprivate var members: [JSONValue.Member] {
    [
      .init("content", .string(content)), .init("lstrip", .boolean(stripsLeft)),
      .init("normalized", .boolean(isNormalized)), .init("rstrip", .boolean(stripsRight)),
      .init("single_word", .boolean(isSingleWord)),
    ]
  }
}
