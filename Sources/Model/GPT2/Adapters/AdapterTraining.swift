import CheckpointFormat
import FileSupport
import JSONSupport
import TensorKernels

/// The training of an adapter: an ``AdaptedModel``, and how it is saved.
///
/// A checkpoint holds the adapter as peft loads it. A final model holds it in the folder
/// ``CheckpointFile/adapterFolder`` and, if that is wanted, is the model merged with it.
public final class AdapterTraining: CheckpointableModel {
  /// What the adapter is; for PiSSA, before it is converted to an adapter of the unchanged model.
  public let adapter: AdapterConfiguration
  private let model: AdaptedModel
  private let base: StoredModel
  private let weights: WeightType
  /// The CRC-32 of the adapter that is trained further; `nil` for a new one.
  private let origin: UInt32?
  /// The factors that were subtracted from the model's matrices (PiSSA).
  private let initial: Adapter?
  private let merges: Bool

  /// Prepares to train a new adapter of the model `base`, whose matrices are kept as `weights`.
  ///
  /// `merges` tells whether the final model is merged. `progress` is called from time to time.
  ///
  /// - Throws: ``FileError``; ``InputError`` if the model is damaged or not supported, or the adapter
  ///   does not fit it; what `progress` throws.
  public convenience init(
    _ adapter: AdapterConfiguration, base: StoredModel, weights: WeightType, merges: Bool,
    seed: UInt64, threadPool: ThreadPool, progress: () throws -> Void = {}
  ) throws {
    let initial: Adapter?
    let start: AdapterStart
    switch adapter.initialWeights {
    case .pissa:
      let principal = try Adapter.principal(adapter, for: base, threadPool: threadPool)
      (initial, start) = (principal, .principal(principal.parameters))
    case .gaussian: (initial, start) = (nil, .gaussian(seed: seed))
    case .standard, .random, .orthogonal: (initial, start) = (nil, .uniform(seed: seed))
    }
    try self.init(
      adapter, base: base, weights: weights, merges: merges, start, initial, origin: nil,
      threadPool,
      progress)
  }

  /// Prepares to train the adapter in the folder `path` further.
  ///
  /// - Throws: ``FileError``; ``InputError`` if the model or the adapter is damaged or not supported,
  ///   or they do not fit together; what `progress` throws.
  public convenience init(
    from path: String, base: StoredModel, weights: WeightType, merges: Bool, threadPool: ThreadPool,
    progress: () throws -> Void = {}
  ) throws {
    let adapter = try Adapter(folder: path, for: base, threadPool: threadPool)
    var configuration = adapter.configuration
    configuration.initialWeights = .standard
    try self.init(
      configuration, base: base, weights: weights, merges: merges, .given(adapter.parameters), nil,
      origin: threadPool.checksum(of: adapter.parameters.floats), threadPool, progress)
  }

  private init(
    _ adapter: AdapterConfiguration, base: StoredModel, weights: WeightType, merges: Bool,
    _ start: AdapterStart, _ initial: Adapter?, origin: UInt32?, _ threadPool: ThreadPool,
    _ progress: () throws -> Void
  ) throws {
    (self.adapter, self.base, self.weights, self.merges) = (adapter, base, weights, merges)
    (self.initial, self.origin) = (initial, origin)
    model = try AdaptedModel(
      base,
      AdapterPlan(
        adapter, for: base.configuration, path: CheckpointFile.adapterConfiguration),
      start, weights: weights, threadPool: threadPool, progress: progress)
  }

  /// The ``GPT2Model/checksum`` of the model without the adapter.
  ///
  /// - Throws: ``FileError``; ``InputError`` if something is damaged.
  public func baseChecksum() throws -> UInt32 { try base.checksum(threadPool) }

  /// The number of bytes of a merged model of `configuration`.
  public static func mergedSize(of configuration: GPT2Configuration) -> Int {
    ParameterLayout(configuration).count * MemoryLayout<Float>.stride
  }

  // MARK: - The model

  public var configuration: GPT2Configuration {
    get { model.configuration }
    set { model.configuration = newValue }
  }

  public var generation: GenerationConfiguration? {
    get { model.generation }
    set { model.generation = newValue }
  }

  public var resumeKey: JSONValue {
    var adapter = adapter
    // The model stays the same when it is moved.
    adapter.baseModel = nil
    return [
      "kind": "lora", "configuration": .string(adapter.text),
      "base_weights": .string(weights.rawValue),
      "adapter": origin.map { .integer(Int($0)) } ?? nil,
    ]
  }

  public var initialFactors: FloatArena? { initial?.parameters }

  public func takeInitialFactors(progress: () throws -> Void) throws {
    guard let initial else { return }
    try model.subtract(initial.parameters, progress: progress)
  }

  public var notes: [String] { model.notes + adapter.notes }

  public var threadPool: ThreadPool { model.threadPool }

  public var trainable: ParameterArray { model.trainable }

  public var network: TrainableNetwork { model.network }

  public func enableBFloat16() { model.enableBFloat16() }

  public var parameterCount: Int { ParameterLayout(configuration).count + trainable.floats.count }

  public var parameterCountWithoutEmbeddings: Int {
    ParameterLayout(configuration).countWithoutEmbeddings + trainable.floats.count
  }

  // MARK: - Files

  public var savedByteCount: Int {
    // PiSSA's factors are written beside those that they began as.
    (initial == nil ? 1 : 2) * trainable.floats.count * MemoryLayout<Float>.stride
  }

  public var finalByteCount: Int {
    savedByteCount + (merges ? Self.mergedSize(of: configuration) : 0)
  }

  /// The adapter as it is now, in the memory of ``trainable``.
  private var current: Adapter {
    Adapter(adapter, plan: model.plan, layout: model.layout, parameters: trainable.floats)
  }

  /// The adapter as it is now, for the unchanged model.
  private var converted: Adapter {
    guard let initial else { return current }
    return current.convertedFromPiSSA(initial: initial, for: configuration)
  }

  public func write(to path: String) throws { try converted.write(to: path) }

  public func restore(from path: String, progress: () throws -> Void) throws {
    var stored = try Adapter(folder: path, for: configuration, threadPool: threadPool)
    if let initial {
      let halves = try stored.pissaHalves(adapter, for: configuration, path: path)
      // Another processor may decompose a matrix into factors that differ in their last bits.
      if !halves.initial.parameters.floats.elementsEqual(initial.parameters.floats) {
        initial.parameters.floats.update(from: halves.initial.parameters.floats)
        try takeInitialFactors(progress: progress)
      }
      stored = halves.trained
    }
    trainable.floats.floats.update(from: stored.parameters.floats)
  }

  public func check(_ path: String) throws {
    _ = try JSONValue(path: "\(path)/\(CheckpointFile.adapterConfiguration)")
    _ = try SafetensorsFile(path: "\(path)/\(CheckpointFile.adapterWeights)")
  }

  public func writeFinal(to path: String) throws {
    let adapter = converted
    let folder = "\(path)/\(CheckpointFile.adapterFolder)"
    try Folder.create(folder)
    try adapter.write(to: folder)
    guard merges else { return }
    try adapter.writeMerged(
      with: base.path, as: configuration, generation: generation, to: path, threadPool: threadPool)
  }

  public func checkFinal(_ path: String) throws {
    try check("\(path)/\(CheckpointFile.adapterFolder)")
    // Whether there was room for the merged model does not make it damaged.
    guard Folder.hasFile("\(path)/\(CheckpointFile.weights)") else { return }
    _ = try JSONValue(path: "\(path)/\(CheckpointFile.configuration)")
    _ = try SafetensorsFile(path: "\(path)/\(CheckpointFile.weights)")
  }

  public func inferenceModel(progress: () throws -> Void) throws -> InferenceModel {
    try InferenceModel(
      base, merging: converted, weights: .int8,
      threadPool: threadPool
    ) { _, _ in try progress() }
  }

  public func inferenceModel(final path: String) throws -> InferenceModel {
    // So that the samples take no more memory than the training.
    try InferenceModel(
      folder: base.path, adapter: "\(path)/\(CheckpointFile.adapterFolder)", weights: .int8,
      threadPool: threadPool)
  }
}
