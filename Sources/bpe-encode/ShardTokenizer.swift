import BytePairEncoding
import CommandLineSupport
import FileSupport
import TokenShardFormat

/// Finds tokenizers: in folders of their own, of models and of token shards.
enum ShardTokenizer {
  /// The folder of the tokenizer that is meant by `folder`, which may be one of token shards.
  static func folder(of folder: String) -> String {
    TokenManifest.exists(in: folder) ? folder + "/" + TokenManifest.tokenizerFolder : folder
  }

  /// The tokenizer of `shard`: the one in the folder `asked`, else the one beside the shard.
  static func tokenizer(of shard: TokenShard, asked: String?) throws -> Tokenizer {
    let parent = Folder.parent(of: shard.path)
    guard asked != nil || TokenManifest.exists(in: parent) else {
      throw InputError(
        shard.path,
        "there is no \(TokenManifest.fileName) beside it that leads to its tokenizer; "
          + "name one with --tokenizer")
    }
    let folder = Self.folder(of: asked ?? parent)
    let tokenizer = try Tokenizer(folder: folder)
    if let description = shard.header.description, description.tokenizerDigest != tokenizer.digest {
      let problem = "not the tokenizer that \(shard.path) was made with"
      // Whoever names another may have a reason.
      guard asked != nil else { throw InputError(folder, problem + "; name it with --tokenizer") }
      Log.warning("\(folder): \(problem)")
    }
    return tokenizer
  }
}
