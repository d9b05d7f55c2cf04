import FileSupport
import JSONSupport

extension Tokenizer {
  /// Writes the tokenizer as a Hugging Face folder: `vocab.json`, `merges.txt`, `tokenizer.json`,
  /// `tokenizer_config.json`, `special_tokens_map.json`, and `added_tokens.json` where tokens stand
  /// outside of the vocabulary.
  ///
  /// The folder is created where it is missing; each file appears whole.
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
    try writeMerges(file("merges.txt"))
    try write(configuration, "tokenizer_config.json")
    try write(specialTokensMap, "special_tokens_map.json")
    let outside = addedTokens.filter { $0.id >= modelCount }
    if !outside.isEmpty {
      let members = outside.map { JSONValue.Member($0.content, .integer(Int($0.id))) }
      try write(JSONValue.object(members), "added_tokens.json")
    }
    try OutputFile.commit(files)
  }

  private func writeMerges(_ file: OutputFile) throws {
    try file.write("#version: 0.2\n")
    try file.write(mergeLines)
  }

  /// Writes `vocab.json`, an object on one line by ascending ids, and `tokenizer.json`, which has the
  /// same object in it.
  private func writeTokens(vocabulary: OutputFile, whole: OutputFile) throws {
    let both = [vocabulary, whole]
    // The two large values are written as bytes; the objects around them are left open for them.
    try whole.write(String(frame.text().dropLast()) + ",\"model\":")
    try whole.write(String(Self.model.text().dropLast()) + ",\"vocab\":")
    for file in both { try file.write("{") }
    try texts.lines.withUnsafeBytes { lines in
      try ByteBlock.forEach(of: 0..<modelCount) { id, block in
        if id > 0 { block.append(UInt8(ascii: ",")) }
        block.append(quoted: UnsafeRawBufferPointer(rebasing: lines[texts.range(id)]))
        block.append(UInt8(ascii: ":"))
        block.append(decimal: id)
      } _: { block in
        for file in both { try file.write(block) }
      }
    }
    for file in both { try file.write("}") }
    try whole.write(",\"merges\":[")
    try texts.lines.withUnsafeBytes { lines in
      func text(_ id: UInt32) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: lines[texts.range(Int(id))])
      }
      try ByteBlock.forEach(of: merges.indices) { rank, block in
        if rank > 0 { block.append(UInt8(ascii: ",")) }
        block.append(UInt8(ascii: "["))
        block.append(quoted: text(merges[rank].left))
        block.append(UInt8(ascii: ","))
        block.append(quoted: text(merges[rank].right))
        block.append(UInt8(ascii: "]"))
      } _: {
        try whole.write($0)
      }
    }
    try whole.write("]}}\n")
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
  /// The token as an object, as the files have it.
  fileprivate var members: [JSONValue.Member] {
    [
      .init("content", .string(content)), .init("lstrip", .boolean(stripsLeft)),
      .init("normalized", .boolean(isNormalized)), .init("rstrip", .boolean(stripsRight)),
      .init("single_word", .boolean(isSingleWord)),
    ]
  }
}
