import BytePairEncoding
import FileSupport
import GPT2
import JSONSupport
import Sampling
import TensorKernels
import TestSupport
import TokenShardFormat

/// A tokenizer that was trained on a few lines, and what goes with it.
enum SmallTokenizer {
  static func make() throws -> Tokenizer {
    var words = WordCounts()
    for line in ["КОТ КОТ КОТ", "ДОМ @ КОТ", "ДОМ @ ДОМ"] { try words.add(Array(line.utf8)) }
    return try BPETrainer(vocabularySize: 270).train(on: words)
  }

  static func tokens(_ text: String, _ tokenizer: Tokenizer) throws -> [Int32] {
    var encoder = Encoder(tokenizer)
    return try encoder.encode(text).map { Int32($0) }
  }

  /// A model of random weights for the tokens of `tokenizer`.
  static func model(_ tokenizer: Tokenizer, contextLength: Int = 32) -> InferenceModel {
    var configuration = GPT2Configuration(
      vocabularySize: tokenizer.count, contextLength: contextLength, embeddingSize: 16, layers: 2,
      heads: 2)
    configuration.initializerRange = 0.4
    return InferenceModel(GPT2Model(configuration, seed: 8, threadPool: ThreadPool(count: 1)))
  }

  /// Writes token shards of `posts` into `folder`; without `hasEnds` newlines separate them.
  static func writeShards(
    _ posts: [String], _ tokenizer: Tokenizer, to folder: TemporaryFolder, hasEnds: Bool = true
  ) throws {
    let end = tokenizer.endOfText ?? 0
    let writer = TokenShardWriter(
      folder: folder.path, split: .train, vocabularySize: tokenizer.count, endOfText: end,
      tokenizerDigest: tokenizer.digest, tokensPerShard: 64)
    for post in posts {
      let ids = try tokens(post + (hasEnds ? "" : "\n"), tokenizer).map { UInt32($0) }
      try writer.append(ids + (hasEnds ? [end] : []))
    }
    let manifest = TokenManifest(
      vocabularySize: tokenizer.count, tokenizerDigest: tokenizer.digest, endOfTextToken: "</s>",
      endOfText: end,
      splits: [.train: .init(posts: posts.count, textBytes: 0, shards: try writer.finish())],
      settings: .null)
    try Folder.create(folder.path(TokenManifest.tokenizerFolder))
    try tokenizer.write(to: folder.path(TokenManifest.tokenizerFolder))
    try manifest.write(to: folder.path)
  }
}
