import BytePairEncoding
import CheckpointFormat
import CommandLineSupport
import FileSupport
import GPT2
import TensorKernels
import TextGeneration
import TextSupport
import Threading

/// A model with its tokenizer.
struct LoadedModel {
  let tokenizer: Tokenizer
  let model: InferenceModel

  /// The tokenizer of the model at `path`, which is checked to be one.
  ///
  /// - Throws: `FileError`; `InputError`, which names the remedy.
  static func tokenizer(ofModel path: String) throws -> Tokenizer {
    guard GGUFFile.isGGUF(path) else {
      try ModelFolder.check(path)
      return try Tokenizer(folder: path)
    }
    let file = try GGUFFile(path: path)
    for note in try Tokenizer.notes(gguf: file) { Log.info(note) }
    return try Tokenizer(gguf: file)
  }

  /// Reads both, with the progress if that takes a while, and merges `adapter` into the model.
  ///
  /// - Throws: `FileError`; `InputError`, which names the remedy.
  init(
    folder: String, adapter: AdapterFolder? = nil, _ machine: MachineOptions, isQuiet: Bool
  ) throws {
    let (weights, precision) = try machine.arithmetic()
    tokenizer = try Self.tokenizer(ofModel: folder)
    for path in [folder, adapter?.modelPath].compactMap(\.self) {
      guard let digest = ModelFolder.tokenizerDigest(of: path), digest != tokenizer.digest else {
        continue
      }
      Log.warning(
        "\(path): this is not the tokenizer that the model was trained with, so its texts may make "
          + "no sense")
    }
    var progress: Progress?
    model = try InferenceModel(
      folder: folder, adapter: adapter?.path, weights: weights, precision: precision,
      threadPool: ThreadPool(count: Processors.current.threadCount(requested: machine.threads))
    ) { done, total in
      try Interruption.check()
      if done == 0, !isQuiet {
        progress = Progress("reading \(folder)", total: total, unit: .bytes)
      }
      try progress?.update(done)
    }
    progress = nil
    for note in model.notes { Log.info(note) }
    let size = model.configuration.vocabularySize
    guard tokenizer.count <= size else {
      throw InputError(
        folder,
        "the tokenizer has \(tokenizer.count) tokens, the model \(size): they do not belong "
          + "together; copy the files of the model's own tokenizer here")
    }
  }

  /// How many of `wanted` texts fit into memory, with a message if not all do.
  func batchSize(wanted: Int, maximumLength: Int) -> Int {
    let length = min(maximumLength, model.configuration.contextLength)
    // The system counts mapped files as available memory.
    let available = AvailableMemory.byteCount.map { max(0, $0 - model.mappedByteCount) }
    let size = TextGenerator.batchSize(
      wanted: wanted, model.configuration, cache: model.cachePrecision, length: length,
      available: available)
    if size < wanted {
      let bytes =
        wanted
        * TextGenerator.byteCount(
          model.configuration, cache: model.cachePrecision, length: length)
      Log.info(
        "\(wanted) texts at a time would take \(NumberText.bytes(Double(bytes))) of memory, more "
          + "than half of what is free: \(size) at a time; the texts are the same")
    }
    return size
  }
}
