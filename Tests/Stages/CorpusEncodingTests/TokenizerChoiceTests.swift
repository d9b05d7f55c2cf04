import BytePairEncoding
import CorpusEncoding
import FileSupport
import TestSupport
import Testing
import TokenShardFormat

/// Which tokenizer and which end of text are used.
@Suite final class TokenizerChoiceTests: CorpusFolderSuite {
  @Test("ends texts with the token asked for, or with that of the files")
  func endOfText() throws {
    let tokenizer = Self.tokenizer
    let usual = try EndOfTextChoice(asked: nil, in: tokenizer, folder: "f")
    #expect(usual.id == tokenizer.id(of: "</s>"))
    #expect(usual.rejection == nil)
    #expect(
      try EndOfTextChoice(asked: "<mask>", in: tokenizer, folder: "f").id
        == tokenizer.id(of: "<mask>"))
    #expect(
      failure { _ = try EndOfTextChoice(asked: "<eos>", in: tokenizer, folder: "f") }
        == "f: --end-of-text: '<eos>' is not in the vocabulary")
    #expect(
      failure { _ = try EndOfTextChoice(asked: "!", in: tokenizer, folder: "f") }.hasPrefix(
        "f: --end-of-text: '!', id 5, is an ordinary token"))
  }

  @Test("says why the token of the files does not end texts")
  func rejectedEndOfText() throws {
    try Self.tokenizer.write(to: folder.path("tokenizer"))
    for name in ["tokenizer.json", "special_tokens_map.json"] {
      try Folder.remove(folder.path("tokenizer/\(name)"))
    }
    for (token, reason) in [("!", "an ordinary token"), ("<eos>", "not in the vocabulary")] {
      try folder.write(
        #"{"eos_token": "\#(token)", "tokenizer_class": "GPT2Tokenizer"}"#,
        to: "tokenizer/tokenizer_config.json")
      let tokenizer = try Tokenizer(folder: folder.path("tokenizer"))
      let choice = try EndOfTextChoice(asked: nil, in: tokenizer, folder: "f")
      #expect(choice.id == tokenizer.id(of: "</s>"))
      #expect(choice.rejection == "f: its eos_token '\(token)' is \(reason), so it is not used")
    }
  }

  @Test("decodes with the tokenizer beside the shard, and warns of another")
  func shardTokenizer() throws {
    try folder.write("КОТ\nПЁС\n", to: "corpus.txt")
    _ = try encode("corpus.txt")
    #expect(try tokenizerFolder(folder.path("tokens")) == folder.path("tokens/tokenizer"))
    let other = folder.path("other")
    try BPETrainer(vocabularySize: 261).train(on: WordCounts()).write(to: other)
    #expect(try tokenizerFolder(other) == other)
    let shard = folder.path("tokens/train-00000.bin")
    var warnings: [String] = []
    let decoding = try ShardDecoding(path: shard, asked: other) { warnings.append("\($0)") }
    #expect(warnings == ["\(other): not the tokenizer that \(shard) was made with"])
    // Its vocabulary lacks the merges.
    let message = failure { try decoding.decode(0..<decoding.shard.count) { _ in } }
    #expect(message.contains(" is not in the tokenizer's vocabulary of 261"))

    try Folder.remove(folder.path("tokens/manifest.json"))
    let alone = failure { _ = try ShardDecoding(path: shard, asked: nil) { _ in } }
    #expect(alone.contains("there is no manifest.json beside it"))
  }

  @Test("checks that the tokenizer is the one of the manifest")
  func verifiedTokenizer() throws {
    try folder.write("КОТ\n", to: "corpus.txt")
    let (manifest, _) = try encode("corpus.txt")
    let tokens = folder.path("tokens")
    #expect(try manifest.verifiedTokenizer(in: tokens).count == Self.tokenizer.count)
    try Folder.remove(folder.path("tokens/tokenizer"))
    try BPETrainer(vocabularySize: 261).train(on: WordCounts()).write(
      to: folder.path("tokens/tokenizer"))
    #expect(
      failure { _ = try manifest.verifiedTokenizer(in: tokens) }.hasPrefix(
        "tokens/tokenizer: the digest of the tokenizer is 0x"))
  }
}
