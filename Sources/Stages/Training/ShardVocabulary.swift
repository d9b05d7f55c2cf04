import BytePairEncoding
import CheckpointFormat
import FileSupport
import GPT2
import TokenShardFormat

/// The vocabulary of the token shards that a model is trained on.
public struct ShardVocabulary {
  /// Warnings about it for the user, as complete sentences.
  public private(set) var warnings: [String] = []
  let tokenizer: Tokenizer
  /// The id of the token that ends a text in the shards.
  let endOfText: Int

  /// The vocabulary of the shards of `data`; `model` is the folder or GGUF file of a model to be
  /// fine-tuned, in which the ids must have the same meaning.
  ///
  /// - Throws: ``InputError`` if the tokenizer beside the shards is not the one they were made with
  ///   or not the model's; ``FileError``.
  public init(_ data: TrainingData, model: String?) throws {
    tokenizer = try Tokenizer(folder: data.tokenizerFolder)
    endOfText = Int(data.manifest.endOfText)
    try data.manifest.checkTokenizer(digest: tokenizer.digest, in: data.folder)
    if let model, Folder.exists(model) || GGUFFile.isGGUF(model) {
      try check(againstModel: model, data.folder)
    }
  }

  /// Whether the token `id` can end a text: it exists and is not an ordinary token.
  public func canEndText(_ id: Int) -> Bool {
    UInt32(exactly: id).map(tokenizer.canEndText) ?? false
  }

  /// Replaces the ids of special tokens in `configuration` with those of the tokenizer.
  ///
  /// If the tokenizer has no token that begins a text, the one that ends texts is used.
  public func setSpecialTokens(of configuration: inout GPT2Configuration) {
    configuration.beginOfTextID = id(of: .beginning) ?? endOfText
    configuration.endOfTextID = endOfText
    configuration.paddingID = id(of: .padding)
  }

  /// The id of the added token for `role`; an ordinary token with that name does not count.
  private func id(of role: TokenRole) -> Int? {
    tokenizer.addedTokens.first { $0.content == tokenizer.roles[role] }.map { Int($0.id) }
  }

  /// The number of bytes of the text of the tokens `ids`; the token that ends a text has none.
  func byteCount(of ids: some Sequence<UInt32>) -> Int {
    ids.reduce(0) { $0 + ($1 == endOfText ? 0 : tokenizer.bytes(of: $1).count) }
  }

  /// Whether `shards` are of Russian text, judging by their first tokens: most letters are Russian,
  /// and few are those that other languages add to the Cyrillic alphabet.
  func isRussian(_ shards: TokenShards) -> Bool {
    let ids = shards.ids(in: 0..<min(shards.count, 10_000)).filter {
      $0 != endOfText && $0 < tokenizer.count
    }
    let text = String(decoding: ids.flatMap { tokenizer.bytes(of: $0) }, as: UTF8.self)
    let letters = text.unicodeScalars.filter(\.properties.isAlphabetic)
    func isRussian(_ letter: Unicode.Scalar) -> Bool {
      "А"..."я" ~= letter || letter == "Ё" || letter == "ё"
    }
    let russian = letters.count(where: isRussian)
    let otherCyrillic = letters.count { "\u{400}"..."\u{52F}" ~= $0 && !isRussian($0) }
    return russian > letters.count / 2 && otherCyrillic <= letters.count / 100
  }

  private mutating func check(againstModel model: String, _ folder: String) throws {
    let files = ["tokenizer.json", "vocab.json", "merges.txt"]
    guard GGUFFile.isGGUF(model) || files.contains(where: { Folder.hasFile("\(model)/\($0)") })
    else {
      warnings.append(
        "\(model) has no tokenizer, so the tokens cannot be checked against the model's vocabulary")
      return
    }
    let own: Tokenizer
    do {
      own = try Tokenizer(model: model)
    } catch let error as InputError {
      throw InputError(
        error.path, error.place,
        "\(error.problem); the tokens cannot be checked against the model's vocabulary: if you know "
          + "that they belong to it, move the files of the tokenizer out of the model's folder")
    }
    if let digest = ModelFolder.tokenizerDigest(of: model), digest != own.digest {
      warnings.append("\(model): this tokenizer is not the one the model was trained with")
    }
    guard let difference = tokenizer.difference(from: own) else { return }
    throw InputError(
      folder,
      "the tokens are from a vocabulary other than the model's: \(difference) in \(model); encode the "
        + "corpus with bpe-encode --tokenizer \(model)")
  }
}
