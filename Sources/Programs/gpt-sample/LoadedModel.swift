import BytePairEncoding
import CheckpointFormat
import CommandLineSupport
import FileSupport
import GPT2
import Sampling
import TensorKernels
import TextSupport
import Threading

/// A model with its tokenizer.
struct LoadedModel {
  let folder: String
  let tokenizer: Tokenizer
  let model: InferenceModel

  /// Reads both, and says so if it takes long.
  ///
  /// - Throws: `FileError`; `InputError` with what to do.
  init(folder: String, _ machine: MachineOptions, isQuiet: Bool) throws {
    self.folder = folder
    let (weights, precision) = try machine.arithmetic()
    try ModelFolder.check(folder)
    tokenizer = try Tokenizer(folder: folder)
    if let digest = ModelFolder.tokenizerDigest(of: folder), digest != tokenizer.digest {
      Log.warning(
        "\(folder): the tokenizer here is not the one that the model was trained with, so its texts "
          + "may make no sense")
    }
    var notice = SlowNotice("reading \(folder)", isQuiet: isQuiet)
    model = try InferenceModel(
      folder: folder, weights: weights, precision: precision,
      threadPool: ThreadPool(count: machine.threads ?? Processors.current.threadCount)
    ) {
      try Interruption.check()
      notice.update()
    }
    for note in model.notes { Log.info(note) }
    let size = model.configuration.vocabularySize
    guard tokenizer.count <= size else {
      throw InputError(
        folder,
        "the tokenizer has \(tokenizer.count) tokens, the model \(size): they do not belong "
          + "together; copy the files of the model's own tokenizer here")
    }
  }

  /// How many of `wanted` texts the memory has room for; says so if it is fewer.
  func batchSize(wanted: Int, maximumLength: Int) -> Int {
    let length = min(maximumLength, model.configuration.contextLength)
    // The system counts what is mapped as available.
    let available = AvailableMemory.byteCount.map { max(0, $0 - model.byteCount) }
    let size = BatchMemory.batchSize(
      wanted: wanted, model.configuration, length: length, available: available)
    if size < wanted {
      let bytes = wanted * BatchMemory.byteCount(model.configuration, length: length)
      Log.info(
        "\(wanted) texts at a time would take \(NumberText.bytes(Double(bytes))) of memory, more "
          + "than half of what is free: \(size) at a time; the texts are the same")
    }
    return size
  }
}

/// Tells what is being done if it takes longer than a second.
private struct SlowNotice {
  private let text: String
  private var isDue: Bool
  private let start = ContinuousClock.now

  init(_ text: String, isQuiet: Bool) {
    self.text = text
    isDue = !isQuiet
  }

  mutating func update() {
    guard isDue, ContinuousClock.now - start > .seconds(1) else { return }
    isDue = false
    Log.info(text)
  }
}
