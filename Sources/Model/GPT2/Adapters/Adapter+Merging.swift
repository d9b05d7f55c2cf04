import CheckpointFormat
import FileSupport
import TensorKernels

extension Adapter {
  /// Writes what `AutoModelForCausalLM` loads into the folder `path`: the model in the folder or GGUF
  /// file `base`, merged with this adapter.
  ///
  /// The weights are in memory one tensor at a time. The written configuration and token ids are those
  /// of the base unless others are given.
  ///
  /// `progress` is called from time to time with the number of bytes written and that of all bytes.
  ///
  /// - Throws: ``FileError``; ``InputError`` if the base is damaged or of other sizes; what `progress`
  ///   throws.
  public func writeMerged(
    with base: String, as configuration: GPT2Configuration? = nil,
    generation: GenerationConfiguration? = nil, to path: String, threadPool: ThreadPool,
    progress: (_ done: Int, _ total: Int) throws -> Void = { _, _ in }
  ) throws {
    let stored = try StoredModel(folder: base, threadPool)
    let written = configuration ?? stored.configuration
    let model = ParameterLayout(stored.configuration)
    guard ParameterLayout(written).parameters.map(\.shape) == model.parameters.map(\.shape),
      AdapterLayout(plan, for: model).count == layout.count
    else { throw InputError(base, "the model has other sizes than the one that was adapted") }
    let sources = try ParameterSource.sources(stored, self, threadPool)
    try GPT2Model.writeConfiguration(written, generation ?? stored.generation, to: path)
    let floats = FloatArena(count: model.parameters.map(\.range.count).max() ?? 0)
    let tensors = model.parameters.map { parameter in
      SafetensorsWriter.Tensor(name: parameter.name, shape: parameter.shape) {
        let values = floats[0..<parameter.range.count]
        try sources[parameter.index].copy(to: values, threadPool)
        return UnsafeBufferPointer(values)
      }
    }
    let total = model.count * MemoryLayout<Float>.stride
    var done = 0
    try SafetensorsWriter.write(tensors, to: "\(path)/\(CheckpointFile.weights)") { count in
      done += count
      try progress(done, total)
    }
  }
}
