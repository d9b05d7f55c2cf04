import BytePairEncoding
import CheckpointFormat
import FileSupport
import TestSupport
import Testing

@Suite("the tokenizer in a GGUF file")
struct TokenizerGGUFTests {
  private let folder: TemporaryFolder
  private static let merges = ["Ð º", "Ð ¾", "Ñ Ĥ", "Ðº Ð¾", "ÐºÐ¾ ÑĤ", "Ġ @", "a b"]

  init() throws {
    folder = try TemporaryFolder()
  }

  /// A tokenizer with an ordinary vocabulary, tokens that its files call special, and one that they
  /// do not.
  private func tokenizer() throws -> Tokenizer {
    try TokenizerFixture.write(
      merges: Self.merges, special: ["<pad>", "<s>", "</s>", "<unk>", "<odd>"], to: folder)
    try folder.write(
      #"{"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}"#,
      to: "special_tokens_map.json")
    let count = 5 + 256 + Self.merges.count
    try folder.write(#"{"<nl>": \#(count)}"#, to: "added_tokens.json")
    return try Tokenizer(folder: folder.path)
  }

  private func metadata(
    of tokenizer: Tokenizer, rows: Int? = nil
  ) throws -> [(key: String, value: GGUFWriter.Value)] {
    try tokenizer.ggufMetadata(
      rows: rows ?? tokenizer.count, beginning: nil, end: 2, otherEnd: 1, padding: 0,
      path: folder.path)
  }

  /// The file with `metadata`.
  private func file(_ metadata: [(key: String, value: GGUFWriter.Value)]) throws -> GGUFFile {
    let output = try OutputFile(path: folder.path("model.gguf"))
    _ = try GGUFWriter(metadata: metadata, tensors: [], to: output)
    try output.commit()
    return try GGUFFile(path: output.path)
  }

  @Test("has the kinds of tokens and the ids that llama.cpp expects")
  func metadata() throws {
    let tokenizer = try tokenizer()
    let file = try file(try metadata(of: tokenizer, rows: tokenizer.count + 2))
    #expect(try file.string("tokenizer.ggml.model") == "gpt2")
    #expect(try file.string("tokenizer.ggml.pre") == "gpt-2")
    var tokens: [String] = []
    try file.forEachString("tokenizer.ggml.tokens") { text, _ in
      tokens.append(text.withUnsafeBytes { String(decoding: $0, as: UTF8.self) })
    }
    let count = tokenizer.count
    #expect(
      tokens
        == (0..<UInt32(count)).map { tokenizer.text(of: $0) } + [
          "[PAD\(count)]", "[PAD\(count + 1)]",
        ]
    )
    // <pad> is called special by its usual name, <odd> by nobody; <nl> is added, but not special.
    #expect(
      try file.integers("tokenizer.ggml.token_type", count: tokens.count)
        == [3, 3, 3, 3, 1] + [Int](repeating: 1, count: count - 6) + [4, 5, 5])
    var merges: [String] = []
    try file.forEachString("tokenizer.ggml.merges") { text, _ in
      merges.append(text.withUnsafeBytes { String(decoding: $0, as: UTF8.self) })
    }
    #expect(merges == Self.merges)
    for (key, id) in [("bos", 2), ("eos", 2), ("eot", 1), ("unknown", 3), ("padding", 0)] {
      let name = "tokenizer.ggml.\(key)_token_id"
      #expect(try file.integer(name, in: 0...count) == id, "\(name)")
    }
    #expect(!file.hasValue("tokenizer.ggml.mask_token_id"))
    #expect(try file.flag("tokenizer.ggml.add_bos_token") == false)
  }

  @Test("is read as the tokenizer that was written")
  func roundTrip() throws {
    let tokenizer = try tokenizer()
    let path = try file(try metadata(of: tokenizer, rows: tokenizer.count + 7)).path
    let read = try Tokenizer(model: path)
    #expect(read.count == tokenizer.count)
    #expect(read.digest == tokenizer.digest)
    #expect(read.difference(from: tokenizer) == nil)
    #expect(read.id(of: .end) == 2 && read.id(of: .unknown) == 3)
    #expect(read.isSpecial(2) && !read.isSpecial(5))
    var (ours, theirs) = (Encoder(tokenizer), Encoder(read))
    var generator = FixedGenerator(state: 7)
    for _ in 0..<200 {
      let text = generator.text(
        of: ["кот", " @ ", "</s>", "<nl>", "<odd>", "ab", "\n", "  ", "1", "'s", "😀"], upTo: 12)
      #expect(try theirs.encode(text) == ours.encode(text), "\(text)")
    }
  }

  @Test("without kinds of tokens, those with a role are special")
  func withoutKinds() throws {
    let tokenizer = try tokenizer()
    let file = try file(
      try metadata(of: tokenizer).filter { $0.key != "tokenizer.ggml.token_type" })
    let read = try Tokenizer(gguf: file)
    #expect((0..<UInt32(read.count)).filter(read.isSpecial) == [0, 2, 3])
  }

  @Test("names of rows without a token differ from all tokens")
  func paddingNames() throws {
    let tokens = 1 + 256
    let tokenizer = try TokenizerFixture.tokenizer(merges: [], special: ["[PAD\(tokens)]"])
    let file = try file(try metadata(of: tokenizer, rows: tokens + 1))
    var last = ""
    try file.forEachString("tokenizer.ggml.tokens") { text, _ in
      last = text.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
    }
    #expect(last == "[[PAD\(tokens)]]")
  }

  @Test("is not written if llama.cpp would encode texts in another way")
  func refusedToWrite() throws {
    let tokenizer = try tokenizer()
    func problem(_ file: String, _ text: String, rows: Int = 1000) throws -> String? {
      try folder.write(text, to: file)
      let changed = try Tokenizer(folder: folder.path)
      try folder.write("{}", to: file)
      return #expect(throws: InputError.self) { try metadata(of: changed, rows: rows) }?.problem
    }
    #expect(
      try problem("tokenizer_config.json", #"{"add_prefix_space": true}"#)
        == "the tokenizer adds a space before a text (add_prefix_space), which a GGUF file cannot "
        + "say")
    let added = #"{"added_tokens_decoder": {"4": {"content": "<odd>", "lstrip": true}}}"#
    #expect(
      try problem("tokenizer_config.json", added)
        == "the token '<odd>' is found only as a whole word or with the white space around it "
        + "(lstrip, rstrip, single_word), which a GGUF file cannot say")
    let error = #expect(throws: InputError.self) { try metadata(of: tokenizer, rows: 7) }
    #expect(
      error?.problem.hasPrefix("the tokenizer has \(tokenizer.count) tokens, the model 7: they ")
        == true)
  }

  private static let refused: [(key: String, value: GGUFWriter.Value?, problem: String)] = [
    (
      "model", .string("llama"),
      "tokenizer.ggml.model is 'llama'; expected 'gpt2', a byte-level BPE tokenizer"
    ),
    ("model", nil, "tokenizer.ggml.model is missing; expected 'gpt2', a byte-level BPE tokenizer"),
    (
      "pre", .string("llama-bpe"),
      "tokenizer.ggml.pre is 'llama-bpe', which splits texts in another way; expected 'gpt-2'"
    ),
    ("tokens", nil, "tokenizer.ggml.tokens is missing; expected an array of strings"),
    (
      "tokens", .string("a"), "tokenizer.ggml.tokens is 'a'; expected an array of strings"
    ),
    (
      "token_type", .int32s([1]),
      "tokenizer.ggml.token_type is an array of 1; expected an array of 269 whole numbers"
    ),
    (
      "token_type", .int32s([Int32](repeating: 7, count: 269)),
      "tokenizer.ggml.token_type has 7; expected 1 to 6"
    ),
    ("merges", nil, "tokenizer.ggml.merges is missing; expected an array of strings"),
    (
      "merges", .strings([Array("ab".utf8)]), "expected a merge of two tokens separated by a space"
    ),
    ("merges", .strings([Array("zz b".utf8)]), "'zz' is not in the vocabulary"),
    (
      "tokens", .strings([Array("a".utf8)] + [[UInt8]](repeating: Array("x".utf8), count: 268)),
      "'x' has both the id 1 and the id 2"
    ),
    (
      "tokens", .strings((0..<269).map { Array("\($0)".utf8) }),
      "byte 0 has no token ('Ā'): the vocabulary is not byte-level, as GPT-2's is"
    ),
    (
      "eos_token_id", .string("</s>"),
      "tokenizer.ggml.eos_token_id is '</s>'; expected a whole number from 0 to 4294967295"
    ),
  ]

  @Test("is refused if it is damaged or not GPT-2's", arguments: refused.indices)
  func refusedToRead(_ index: Int) throws {
    let (key, value, problem) = Self.refused[index]
    var metadata = try metadata(of: try tokenizer()).filter { $0.key != "tokenizer.ggml." + key }
    if let value { metadata.append(("tokenizer.ggml." + key, value)) }
    let file = try file(metadata)
    let error = #expect(throws: InputError.self) { try Tokenizer(gguf: file) }
    #expect(error?.problem == problem)
  }

  @Test("what llama.cpp would do in another way is noted")
  func notes() throws {
    let metadata = try metadata(of: try tokenizer())
    #expect(try Tokenizer.notes(gguf: file(metadata)) == [])
    let changed =
      metadata.filter { !["tokenizer.ggml.pre", "tokenizer.ggml.add_bos_token"].contains($0.key) }
      + [("tokenizer.ggml.add_bos_token", .boolean(true))]
    let notes = try Tokenizer.notes(gguf: file(changed))
    #expect(notes.count == 2)
    #expect(notes[0].hasPrefix("tokenizer.ggml.pre is missing, so texts are split as GPT-2 does"))
    #expect(notes[1].hasPrefix("tokenizer.ggml.add_bos_token is true: llama.cpp puts a token"))
  }
}
