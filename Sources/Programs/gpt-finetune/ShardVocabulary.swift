import BytePairEncoding
import CheckpointFormat
import CommandLineSupport
import FileSupport
import TokenShardFormat
import Training

/// The vocabulary of token shards, by whose ids a model is to be trained.
struct ShardVocabulary {
  private let tokenizer: Tokenizer

  /// The vocabulary of the shards `data` in `folder`; `model` is the folder of a model that is to be
  /// fine-tuned, where the ids must mean the same.
  ///
  /// - Throws: `InputError` if the tokenizer beside the shards is not theirs, or not the model's;
  ///   `FileError`.
  init(_ data: TrainingData, folder: String, model: String?) throws {
    tokenizer = try Tokenizer(folder: data.tokenizerFolder)
    try data.manifest.checkTokenizer(digest: tokenizer.digest, in: folder)
    if let model, Folder.exists(model) { try check(againstModel: model, folder) }
  }

  /// Whether the token `id` can end a text: there is one, and it is not an ordinary one.
  func canEndText(_ id: Int) -> Bool {
    UInt32(exactly: id).map(tokenizer.canEndText) ?? false
  }

  private func check(againstModel model: String, _ folder: String) throws {
    let files = ["tokenizer.json", "vocab.json", "merges.txt"]
    guard files.contains(where: { Folder.hasFile("\(model)/\($0)") }) else {
      return Log.warning(
        "\(model) has no tokenizer, so whether the tokens are of the model's vocabulary is not checked"
      )
    }
    let own: Tokenizer
    do {
      own = try Tokenizer(folder: model)
    } catch let error as InputError {
      throw InputError(
        error.path, error.place,
        "\(error.problem); the tokens cannot be checked against the model's vocabulary: if you know "
          + "that they are of it, move the files of the tokenizer out of the model's folder")
    }
    if let digest = ModelFolder.tokenizerDigest(of: model), digest != own.digest {
      Log.warning("\(model): the tokenizer here is not the one that the model was trained with")
    }
    guard let difference = tokenizer.difference(from: own) else { return }
    throw InputError(
      folder,
      "the tokens are of another vocabulary than the model's: \(difference) in \(model); encode the "
        + "corpus with bpe-encode --tokenizer \(model)")
  }
}
