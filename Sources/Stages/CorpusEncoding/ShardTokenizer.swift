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

  /// The tokenizer of `shard`, the one in the folder `asked` or else the one beside the shard, and the id
  /// that ends a text.
  ///
  /// What the header of the shard leaves unsaid is said by the manifest beside it.
  static func tokenizer(
    of shard: TokenShard, asked: String?
  ) throws -> (tokenizer: Tokenizer, endOfText: UInt32?) {
    let parent = Folder.parent(of: shard.path)
    let manifest = try TokenManifest.exists(in: parent) ? TokenManifest(folder: parent) : nil
    guard asked != nil || manifest != nil else {
      throw InputError(
        shard.path,
        "there is no \(TokenManifest.fileName) beside it that leads to its tokenizer; "
          + "name one with --tokenizer")
    }
    // Whoever names another tokenizer may have a reason.
    func fail(_ error: InputError, _ remedy: String) throws {
      guard asked != nil else {
        throw InputError(error.path, error.place, error.problem + remedy)
      }
      Log.warning("\(error)")
    }
    do {
      try manifest?.check(shard, verifyingContents: false)
    } catch let error as InputError {
      try fail(error, "; to decode it nevertheless, name the tokenizer with --tokenizer")
    }
    let folder = Self.folder(of: asked ?? parent)
    let tokenizer = try Tokenizer(folder: folder)
    let description = shard.header.description
    if let digest = description?.tokenizerDigest ?? manifest?.tokenizerDigest,
      digest != tokenizer.digest
    {
      try fail(
        InputError(folder, "not the tokenizer that \(shard.path) was made with"),
        "; name it with --tokenizer")
    }
    let endOfText = description?.endOfText ?? manifest?.endOfText ?? tokenizer.endOfText
    return (tokenizer, endOfText)
  }
}
