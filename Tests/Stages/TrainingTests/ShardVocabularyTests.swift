import BytePairEncoding
import FileSupport
import GPT2
import JSONSupport
import TestSupport
import Testing
import TokenShardFormat
import Training

@Suite("ShardVocabulary")
struct ShardVocabularyTests {
  private let folder: TemporaryFolder
  private let special = ["<pad>", "<s>", "</s>"]

  init() throws {
    folder = try TemporaryFolder()
  }

  /// The tokens of a vocabulary of three special tokens and the bytes, in GPT-2's symbols.
  private var tokens: [String] {
    let printable = Array(33...126) + Array(161...172) + Array(174...255)
    let symbols = (printable + Array(256..<324)).compactMap { Unicode.Scalar($0).map(String.init) }
    return special + symbols
  }

  /// Writes a tokenizer with this `tokenizer_config.json` into the folder `name`.
  private func writeTokenizer(_ configuration: String, to name: String, _ tokens: [String]) throws {
    let vocabulary = tokens.enumerated().map { JSONValue.Member($1, .integer($0)) }
    try folder.write(JSONValue.object(vocabulary).text(), to: "\(name)/vocab.json")
    try folder.write("#version: 0.2\n", to: "\(name)/merges.txt")
    try folder.write(configuration, to: "\(name)/tokenizer_config.json")
  }

  /// The vocabulary of shards whose texts end with `endOfText`.
  private func vocabulary(
    _ configuration: String = "{}", endOfText: UInt32 = 2, model: String? = nil
  ) throws -> ShardVocabulary {
    try writeTokenizer(configuration, to: "tokens/\(TokenManifest.tokenizerFolder)", tokens)
    let path = folder.path("tokens")
    let digest = try Tokenizer(folder: "\(path)/\(TokenManifest.tokenizerFolder)").digest
    let writer = TokenShardWriter(
      folder: path, split: .train, vocabularySize: tokens.count, endOfText: endOfText,
      tokenizerDigest: digest)
    try writer.append((0..<8).map { UInt32($0) })
    try TokenManifest(
      vocabularySize: tokens.count, tokenizerDigest: digest, endOfTextToken: "</s>",
      endOfText: endOfText,
      splits: [.train: .init(posts: 1, textBytes: 0, shards: try writer.finish())], settings: .null
    ).write(to: path)
    return try ShardVocabulary(
      TrainingData(folder: path, blockSize: 8), model: model.map(folder.path))
  }

  /// The ids for the beginning and end of a text and for padding that a configuration is given.
  private func ids(_ configuration: String, endOfText: UInt32) throws -> [Int?] {
    var model = GPT2Configuration(
      vocabularySize: tokens.count, contextLength: 4, embeddingSize: 4, layers: 1, heads: 1)
    model.paddingID = 7
    try vocabulary(configuration, endOfText: endOfText).setSpecialTokens(of: &model)
    return [model.beginOfTextID, model.endOfTextID, model.paddingID]
  }

  @Test("roles are texts or objects, and their ids are those of the added tokens")
  func roles() throws {
    let ids = try ids(
      """
      {"bos_token": "<s>", "eos_token": {"content": "</s>"}, "pad_token": "<pad>",
       "added_tokens_decoder": {"0": {"content": "<pad>"}, "1": {"content": "<s>"},
                                "2": {"content": "</s>"}}}
      """, endOfText: 2)
    #expect(ids == [1, 2, 0])
  }

  @Test("a text begins with the end of text if there is no other token for it, and nothing pads")
  func missingRoles() throws {
    #expect(try ids("{}", endOfText: 2) == [2, 2, nil])
    #expect(try ids(#"{"pad_token": null}"#, endOfText: 1) == [1, 1, nil])
  }

  @Test("a text can end with any token that is not ordinary text")
  func endsOfText() throws {
    let vocabulary = try vocabulary()
    #expect((0..<300).filter(vocabulary.canEndText) == [0, 1, 2])
    #expect(!vocabulary.canEndText(-1))
  }

  @Test("a model without a tokenizer gets a warning, one with another vocabulary is refused")
  func models() throws {
    try writeTokenizer("{}", to: "same", tokens)
    #expect(try vocabulary(model: "same").warnings == [])
    try folder.write("{}", to: "bare/config.json")
    #expect(
      try vocabulary(model: "bare").warnings == [
        "\(folder.path("bare")) has no tokenizer, so the tokens cannot be checked against the "
          + "model's vocabulary"
      ])
    try writeTokenizer("{}", to: "other", ["<s>", "<pad>"] + tokens.dropFirst(2))
    let error = #expect(throws: InputError.self) { try vocabulary(model: "other") }
    #expect(
      error?.description.hasPrefix(
        "\(folder.path("tokens")): the tokens are from a vocabulary other than the model's: token ")
        == true)
  }
}
