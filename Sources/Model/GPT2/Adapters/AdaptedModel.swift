import TensorKernels

/// A model of which only an adapter is trained.
///
/// Its own parameters stay as they are, so they need no gradients and no moments, and may be kept in
/// fewer bits than they are stored in.
public final class AdaptedModel: TrainableModel {
  public var configuration: GPT2Configuration
  /// The token ids for generating text, if they differ from those of ``configuration``.
  public var generation: GenerationConfiguration?
  /// What the user should know about how the configuration and weights were read, in whole
  /// sentences.
  public let notes: [String]
  public let threadPool: ThreadPool
  /// What the adapter changes.
  public let plan: AdapterPlan
  /// Where its parameters lie in ``trainable``.
  public let layout: AdapterLayout
  public private(set) var trainable: ParameterArray
  public private(set) var network: TrainableNetwork
  private let base: FrozenBase

  /// Adapts the model `stored`, whose matrices are kept as `weights`: with fp32 and a folder in
  /// single precision, where they are in the mapped file.
  ///
  /// `progress` is called from time to time during reading.
  ///
  /// - Throws: ``FileError``; ``InputError`` if something is damaged, or a weight is NaN or infinite;
  ///   what `progress` throws.
  public convenience init(
    _ stored: StoredModel, _ plan: AdapterPlan, _ start: AdapterStart, weights: WeightType = .fp32,
    threadPool: ThreadPool, progress: () throws -> Void = {}
  ) throws {
    try self.init(
      stored.configuration, .stored(stored.tensors), plan, start, weights, threadPool,
      generation: stored.generation, notes: stored.notes, progress)
  }

  /// Adapts `model`, whose parameters must not change; its matrices are kept as `weights`.
  public convenience init(
    _ model: GPT2Model, _ plan: AdapterPlan, _ start: AdapterStart, weights: WeightType = .fp32
  ) throws {
    try self.init(
      model.configuration, .floats(model.parameters), plan, start, weights, model.threadPool,
      generation: model.generation, notes: model.notes
    ) {}
  }

  private init(
    _ configuration: GPT2Configuration, _ source: FrozenParameters.Source, _ plan: AdapterPlan,
    _ start: AdapterStart, _ weights: WeightType, _ threadPool: ThreadPool,
    generation: GenerationConfiguration?, notes: [String], _ progress: () throws -> Void
  ) throws {
    // With dropout, the input of W is not that of A, and peft computes something else.
    precondition(!plan.hasMagnitudes || plan.dropout == 0, "magnitudes do not go with dropout")
    self.configuration = configuration
    (self.generation, self.notes) = (generation, notes)
    (self.threadPool, self.plan) = (threadPool, plan)
    let modelLayout = ParameterLayout(configuration)
    layout = AdapterLayout(plan, for: modelLayout)
    let floats = FloatArena(count: layout.count)
    trainable = ParameterArray(
      parameters: layout.parameters, floats: floats, bfloat16Copies: nil)
    start.fill(floats, layout, threadPool)
    base = try FrozenBase(
      source, modelLayout, layout, weights, subtracting: start.isPrincipal ? floats : nil,
      threadPool, progress)
    if !start.isComplete { base.copyReplaced(to: floats, layout) }
    network = base.network(plan, layout, trainable)
    if plan.hasMagnitudes {
      base.measureColumns(network, layout, threadPool)
      if !start.isComplete { setMagnitudes() }
    }
  }

  /// Subtracts the products of the factors in `principal` from the model as it is stored, in place of
  /// those that it began with.
  ///
  /// - Throws: ``FileError``; ``InputError`` if the model is damaged; what `progress` throws.
  func subtract(_ principal: FloatArena, progress: () throws -> Void) throws {
    try base.subtract(principal, layout, progress)
    if plan.hasMagnitudes { base.measureColumns(network, layout, threadPool) }
  }

  public func enableBFloat16() {
    trainable = ParameterArray(
      parameters: layout.parameters, floats: trainable.floats,
      bfloat16Copies: Arena(count: layout.count))
    network = base.network(plan, layout, trainable)
    updateBFloat16Weights()
  }

  /// Sets each magnitude to the length of its column, so that the adapter changes nothing yet.
  private func setMagnitudes() {
    let scratch = LowRankScratch(layout.modules, rows: 0, threadPool, .fp32, 0)
    for module in layout.modules {
      guard let magnitude = module.magnitude else { continue }
      let layer = network.parts.blocks[module.plan.block][module.plan.matrix]
      threadPool.columnLengths(of: layer, trainable.floats[magnitude.range], scratch)
    }
  }
}
