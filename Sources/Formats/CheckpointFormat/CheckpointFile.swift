import FileSupport

/// The names of the files in a checkpoint folder.
public enum CheckpointFile {
  public static let configuration = "config.json"
  public static let generationConfiguration = "generation_config.json"
  public static let weights = "model.safetensors"
  /// Weights in the format of older versions of transformers; only read.
  public static let pyTorchWeights = "pytorch_model.bin"
  /// Appended to the name of the weights to name the index of weights in several files.
  public static let indexSuffix = ".index.json"
  /// What an adapter is, and its weights, as peft names them.
  public static let adapterConfiguration = "adapter_config.json"
  public static let adapterWeights = "adapter_model.safetensors"
  /// The same in torch's format; only read.
  public static let pyTorchAdapterWeights = "adapter_model.bin"
  /// The folder of a final model that holds the adapter it was merged from.
  public static let adapterFolder = "adapter"
  public static let trainerState = "trainer_state.json"
  /// The moments of AdamW: a tensor `exp_avg.<parameter>` and `exp_avg_sq.<parameter>` for each.
  public static let optimizer = "optimizer.safetensors"
  /// What resuming needs: the settings that must not change, and the running sums.
  public static let resumeState = "resume_state.json"
  /// What a final model is, for readers on the Hugging Face Hub.
  public static let card = "README.md"
  /// The files of a tokenizer; a folder has some of them.
  public static let tokenizer = [
    "tokenizer.json", "vocab.json", "merges.txt", "tokenizer_config.json",
    "special_tokens_map.json", "added_tokens.json",
  ]

  /// The paths of the files that the model, adapter or run at `path` consists of: weights,
  /// configurations, the tokenizer, the card, reports; `path` itself if it is a file.
  public static func parts(of path: String) -> [String] {
    guard Folder.exists(path) else { return [path] }
    let names =
      tokenizer + RunFolder.reports + [
        configuration, generationConfiguration, adapterConfiguration, trainerState, resumeState,
        card,
      ]
    return Folder.files(in: path, depth: 2).filter { file in
      names.contains(Folder.name(of: file))
        || [".safetensors", ".bin", indexSuffix].contains(where: file.hasSuffix)
    }
  }

  /// Copies the tokenizer files of the folder `source` to the folder `destination`.
  ///
  /// - Throws: ``FileError``; ``InputError`` if there are none.
  public static func copyTokenizer(from source: String, to destination: String) throws {
    let names = tokenizer.filter { Folder.hasFile("\(source)/\($0)") }
    guard !names.isEmpty else {
      throw InputError(source, "holds no tokenizer; expected tokenizer.json or vocab.json")
    }
    for name in names {
      let file = try MappedFile(path: "\(source)/\(name)")
      let copy = try OutputFile(path: "\(destination)/\(name)")
      try withExtendedLifetime(file) { try copy.write(file.bytes) }
      try copy.commit()
    }
  }
}
