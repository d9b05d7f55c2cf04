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
  public var checksum: UInt32 { threadPool.checksum(of: parameters.floats) }
}

extension StoredModel {
  /// The checksum that a ``GPT2Model`` with these weights has; one tensor at a time is in memory.
  ///
  /// - Throws: ``FileError``; ``InputError`` if something is damaged.
  func checksum(_ threadPool: ThreadPool) throws -> UInt32 {
    let memory = FloatArena(count: tensors.map(\.count).max() ?? 0)
    var checksum = CRC32()
    for tensor in tensors {
      let floats = memory[0..<tensor.count]
      try threadPool.copy([(tensor, to: floats)])
      threadPool.update(&checksum, with: floats)
    }
    return checksum.value
  }
}

extension ThreadPool {
  /// The CRC-32 of the bytes of `floats`.
  public func checksum(of floats: Floats) -> UInt32 {
    var checksum = CRC32()
    update(&checksum, with: floats)
    return checksum.value
  }

  /// Adds the bytes of `floats` to `checksum`.
  fileprivate func update(_ checksum: inout CRC32, with floats: Floats) {
    let length = 1 << 22
    let parts = Mutex(Array(repeating: CRC32(), count: floats.count.dividedRoundingUp(by: length)))
    forEachBlock(of: floats.count, length: length) { block, _ in
      var part = CRC32()
      part.update(UnsafeRawBufferPointer(floats[block].buffer))
      parts.withLock { [part] in $0[block.lowerBound / length] = part }
    }
    for (index, part) in parts.withLock({ $0 }).enumerated() {
      let count = min(length, floats.count - index * length)
      checksum.append(part, count: count * MemoryLayout<Float>.stride)
    }
  }
}
