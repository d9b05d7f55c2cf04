import CheckpointFormat
import FileSupport
import JSONSupport
import Synchronization
import TensorKernels

extension GPT2Model {
  /// The model in the Hugging Face folder `path`: `config.json` and weights of any kind that
  /// ``WeightFiles`` reads.
  ///
  /// `progress` is called from time to time during reading.
  ///
  /// - Throws: ``FileError``; ``InputError`` if something is missing, damaged or not supported;
  ///   what `progress` throws.
  public convenience init(
    folder path: String, threadPool: ThreadPool, progress: () throws -> Void = {}
  ) throws {
    let stored = try StoredModel(folder: path, threadPool)
    self.init(stored.configuration, threadPool: threadPool)
    generation = stored.generation
    notes = stored.notes
    try threadPool.copy(
      zip(layout.parameters, stored.tensors).map { ($1, to: parameters[$0.range]) },
      progress: progress)
  }

  /// Writes what `AutoModelForCausalLM` loads into the folder `path`.
  ///
  /// - Throws: ``FileError``.
  public func write(to path: String) throws {
    try Self.writeConfiguration(configuration, generation, to: path)
    try SafetensorsWriter.write(
      trainable.tensors(of: parameters), to: "\(path)/\(CheckpointFile.weights)")
  }

  /// Writes `config.json` and `generation_config.json` into the folder `path`.
  static func writeConfiguration(
    _ configuration: GPT2Configuration, _ generation: GenerationConfiguration?, to path: String
  ) throws {
    try replaceFile(
      at: "\(path)/\(CheckpointFile.configuration)",
      with: configuration.json.text(indent: 2) + "\n")
    try replaceFile(
      at: "\(path)/\(CheckpointFile.generationConfiguration)",
      with: (generation ?? GenerationConfiguration(configuration)).json.text(indent: 2) + "\n")
  }

  /// The CRC-32 of all parameters, which distinguishes two sets of weights.
  public var checksum: UInt32 {
    let floats = parameters.floats
    let piece = 1 << 22
    let pieces = (floats.count + piece - 1) / piece
    @Sendable func range(_ index: Int) -> Range<Int> {
      index * piece..<min((index + 1) * piece, floats.count)
    }
    let checksums = Mutex([CRC32](repeating: CRC32(), count: pieces))
    threadPool.run(pieces) { index, _ in
      var part = CRC32()
      part.update(UnsafeRawBufferPointer(floats[range(index)].buffer))
      checksums.withLock { [part] in $0[index] = part }
    }
    var checksum = CRC32()
    for (index, part) in checksums.withLock({ $0 }).enumerated() {
      checksum.append(part, count: range(index).count * MemoryLayout<Float>.stride)
    }
    return checksum.value
  }
}
