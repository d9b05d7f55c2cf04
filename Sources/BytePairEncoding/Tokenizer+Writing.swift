import FileSupport

extension Tokenizer {
  /// Writes the tokenizer as a Hugging Face folder: `vocab.json`, `merges.txt`, `tokenizer.json`,
  /// `tokenizer_config.json`, `special_tokens_map.json`, and `added_tokens.json` where tokens stand
  /// outside of the vocabulary.
  ///
  /// The folder is created where it is missing; each file appears whole.
  ///
  /// - Throws: ``FileError``.
  public func write(to folder: String) throws {
    func write(_ contents: [UInt8], _ name: String) throws {
      try replaceFile(at: folder + "/" + name, with: contents)
    }
    func write(_ value: JSONValue, _ name: String) throws {
      try write(Array((value.text(indent: 2) + "\n").utf8), name)
    }
    try write(vocabularyJSON, "vocab.json")
    try write(Array("#version: 0.2\n".utf8) + mergeLines, "merges.txt")
    try write(tokenizerJSON, "tokenizer.json")
    try write(configuration, "tokenizer_config.json")
    try write(specialTokensMap, "special_tokens_map.json")
    let outside = addedTokens.filter { $0.id >= modelCount }
    if !outside.isEmpty {
      let members = outside.map { JSONValue.Member($0.content, .integer(Int($0.id))) }
      try write(JSONValue.object(members), "added_tokens.json")
    }
  }

  /// The vocabulary as an object on one line, by ascending ids.
  private var vocabularyJSON: [UInt8] {
    var output = [UInt8(ascii: "{")]
    for (id, text) in texts[..<modelCount].enumerated() {
      if id > 0 { output.append(UInt8(ascii: ",")) }
      output.appendJSONString(text)
      output.append(UInt8(ascii: ":"))
      output += String(id).utf8
    }
    output.append(UInt8(ascii: "}"))
    return output
  }

  private var mergesJSON: [UInt8] {
    var output = [UInt8(ascii: "[")]
    for (rank, merge) in merges.enumerated() {
      if rank > 0 { output.append(UInt8(ascii: ",")) }
      output.append(UInt8(ascii: "["))
      output.appendJSONString(texts[Int(merge.left)])
      output.append(UInt8(ascii: ","))
      output.appendJSONString(texts[Int(merge.right)])
      output.append(UInt8(ascii: "]"))
    }
    output.append(UInt8(ascii: "]"))
    return output
  }

  private var tokenizerJSON: [UInt8] {
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
    let frame: JSONValue = [
      "version": "1.0", "truncation": nil, "padding": nil, "added_tokens": .array(added),
      "normalizer": nil,
      "pre_tokenizer": byteLevel(addPrefixSpace: addsPrefixSpace, trimOffsets: true),
      "post_processor": byteLevel(addPrefixSpace: true, trimOffsets: false),
      "decoder": byteLevel(addPrefixSpace: true, trimOffsets: true),
    ]
    let model: JSONValue = [
      "type": "BPE", "dropout": nil, "unk_token": nil, "continuing_subword_prefix": "",
      "end_of_word_suffix": "", "fuse_unk": false, "byte_fallback": false, "ignore_merges": false,
    ]
    // The two large values are written as bytes; the objects around them are left open for them.
    return Array(frame.text().utf8.dropLast()) + Array(",\"model\":".utf8)
      + Array(model.text().utf8.dropLast()) + Array(",\"vocab\":".utf8) + vocabularyJSON
      + Array(",\"merges\":".utf8) + mergesJSON + Array("}}\n".utf8)
  }

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
  /// The token as an object, as the files have it.
  fileprivate var members: [JSONValue.Member] {
    [
      .init("content", .string(content)), .init("lstrip", .boolean(stripsLeft)),
      .init("normalized", .boolean(isNormalized)), .init("rstrip", .boolean(stripsRight)),
      .init("single_word", .boolean(isSingleWord)),
    ]
  }
}
