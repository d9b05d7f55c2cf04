import CheckpointFormat
import FileSupport
import TensorKernels

/// An adapter for a model: what it changes, and its parameters.
public struct Adapter: Sendable {
  public let configuration: AdapterConfiguration
  public let plan: AdapterPlan
  public let layout: AdapterLayout
  /// All parameters, arranged as ``layout`` describes.
  public let parameters: FloatArena

  /// An adapter of `configuration` for a model of `model`, with all parameters zero.
  ///
  /// - Throws: ``InputError`` about the configuration's `path` if it does not fit the model.
  public init(
    _ configuration: AdapterConfiguration, for model: GPT2Configuration,
    path: String = CheckpointFile.adapterConfiguration
  ) throws {
    try self.init(
      configuration, plan: AdapterPlan(configuration, for: model, path: path), for: model)
  }

  init(_ configuration: AdapterConfiguration, plan: AdapterPlan, for model: GPT2Configuration) {
    let layout = AdapterLayout(plan, for: ParameterLayout(model))
    self.init(
      configuration, plan: plan, layout: layout, parameters: FloatArena(count: layout.count))
  }

  init(
    _ configuration: AdapterConfiguration, plan: AdapterPlan, layout: AdapterLayout,
    parameters: FloatArena
  ) {
    (self.configuration, self.plan) = (configuration, plan)
    (self.layout, self.parameters) = (layout, parameters)
  }

  /// The parameter in its place, as a matrix.
  func matrix(_ parameter: ParameterLayout.Parameter) -> MatrixView {
    parameter.matrix(in: parameters)
  }

  /// The low-rank update of `module`, without magnitudes.
  func update(of module: AdapterLayout.Module) -> LowRankUpdate {
    LowRankUpdate(a: matrix(module.a), b: matrix(module.b), scaling: module.plan.scaling)
  }

  // MARK: - Writing

  /// Writes what peft loads into the folder `path`: `adapter_config.json` and
  /// `adapter_model.safetensors`.
  ///
  /// - Throws: ``FileError``.
  public func write(to path: String) throws {
    try replaceFile(
      at: "\(path)/\(CheckpointFile.adapterConfiguration)", with: configuration.text)
    try SafetensorsWriter.write(
      tensors(of: parameters), to: "\(path)/\(CheckpointFile.adapterWeights)")
  }

  /// The contents of `arena`, which has the adapter's layout, for each parameter, for writing.
  public func tensors(of arena: FloatArena) -> [SafetensorsWriter.Tensor] {
    layout.parameters.map {
      .init(name: $0.name, shape: $0.shape, floats: arena[$0.range].buffer)
    }
  }
}

/// PiSSA (Meng and others 2024): the factors begin as the principal part of their matrix, from which
/// that part is subtracted.
extension Adapter {
  /// An adapter of `configuration` for the model `stored`, whose factors are the principal ones of
  /// their matrices.
  ///
  /// - Throws: ``FileError``; ``InputError`` if the model is damaged or the adapter does not fit it.
  public static func principal(
    _ configuration: AdapterConfiguration, for stored: StoredModel, threadPool: ThreadPool
  ) throws -> Adapter {
    let adapter = try Adapter(configuration, for: stored.configuration)
    try adapter.takePrincipalFactors(
      of: stored.tensors, ParameterLayout(stored.configuration), threadPool)
    return adapter
  }

  /// Gives A and B of each module the principal factors of its matrix.
  ///
  /// They do not depend on the number of threads. `tensors` are those of the model's parameters, in
  /// the order of their layout.
  ///
  /// - Throws: ``FileError``; ``InputError`` if a rank is larger than a side of its matrix, or a
  ///   matrix is damaged.
  func takePrincipalFactors(
    of tensors: [StoredTensor], _ model: ParameterLayout, _ threadPool: ThreadPool
  ) throws {
    try threadPool.runThrowing(layout.modules.count) { index, _ in
      let module = layout.modules[index]
      let weight = model.parts.blocks[module.plan.block][module.plan.matrix].weight
      let tensor = tensors[weight.index]
      guard module.plan.rank <= min(weight.shape[0], weight.shape[1]) else {
        throw InputError(
          tensor.path,
          "'\(weight.name)' has the shape \(weight.shape), too small for PiSSA with the rank "
            + "\(module.plan.rank)")
      }
      let floats = FloatArena(count: tensor.count)
      try tensor.copyFinite(0..<tensor.count, to: floats.floats)
      let isFound = PrincipalFactors.compute(
        a: matrix(module.a), b: matrix(module.b),
        of: floats.matrix(rows: weight.shape[0], columns: weight.shape[1]),
        scaling: module.plan.scaling)
      guard isFound else {
        throw InputError(tensor.path, "'\(weight.name)' has no singular value decomposition")
      }
    }
  }

  /// The LoRA for the unchanged model that is equal to this adapter, which has been trained with
  /// PiSSA from `initial`.
  ///
  /// Its factors are A' = [A; A₀] and B' = [B, −B₀], of twice the rank, since
  /// B' · A' = B · A − B₀ · A₀.
  public func convertedFromPiSSA(initial: Adapter, for model: GPT2Configuration) -> Adapter {
    var plan = plan
    for index in plan.modules.indices { plan.modules[index].rank *= 2 }
    let converted = Adapter(configuration.convertedFromPiSSA, plan: plan, for: model)
    for (index, module) in layout.modules.enumerated() {
      let other = converted.layout.modules[index]
      let rank = module.plan.rank
      converted.matrix(other.a).rows(0..<rank).elements.update(from: matrix(module.a).elements)
      converted.matrix(other.a).rows(rank..<2 * rank).elements.update(
        from: initial.matrix(module.a).elements)
      let (b, first, target) = (
        matrix(module.b), initial.matrix(module.b), converted.matrix(other.b)
      )
      for output in 0..<b.rows {
        target.row(output).update(from: b.row(output))
        let (row, negated) = (first.row(output), target.row(output)[rank..<2 * rank])
        for column in row.indices { negated[column] = -row[column] }
      }
    }
    copyRest(to: converted)
    return converted
  }

  /// The trained and the initial adapter that ``convertedFromPiSSA(initial:for:)`` made this one of,
  /// to the last bit; `original` is their configuration.
  ///
  /// - Throws: ``InputError`` about `path` if `original` is of other ranks or modules.
  public func pissaHalves(
    _ original: AdapterConfiguration, for model: GPT2Configuration, path: String
  ) throws -> (trained: Adapter, initial: Adapter) {
    let trained = try Adapter(original, for: model)
    let initial = try Adapter(original, for: model)
    var plan = trained.plan
    for index in plan.modules.indices { plan.modules[index].rank *= 2 }
    guard plan.modules.map(\.shape) == self.plan.modules.map(\.shape),
      plan.hasMagnitudes == self.plan.hasMagnitudes, plan.biases == self.plan.biases,
      plan.replacesFinalNorm == self.plan.replacesFinalNorm
    else {
      throw InputError(path, "this is not an adapter of PiSSA with these ranks and modules")
    }
    for (index, module) in layout.modules.enumerated() {
      let other = trained.layout.modules[index]
      let rank = other.plan.rank
      let (a, b) = (matrix(module.a), matrix(module.b))
      trained.matrix(other.a).elements.update(from: a.rows(0..<rank).elements)
      initial.matrix(other.a).elements.update(from: a.rows(rank..<2 * rank).elements)
      for output in 0..<b.rows {
        trained.matrix(other.b).row(output).update(from: b.row(output)[0..<rank])
        let (row, negated) = (b.row(output)[rank..<2 * rank], initial.matrix(other.b).row(output))
        for column in row.indices { negated[column] = -row[column] }
      }
    }
    copyRest(to: trained)
    return (trained, initial)
  }

  /// Copies all parameters but A and B to `other`, an adapter that differs in its ranks alone.
  private func copyRest(to other: Adapter) {
    for (mine, theirs) in zip(layout.parameters, other.layout.parameters)
    where !mine.name.contains(".lora_A.") && !mine.name.contains(".lora_B.") {
      other.parameters[theirs.range].update(from: parameters[mine.range])
    }
  }
}

extension AdapterPlan.Module {
  /// What determines the shapes of the factors.
  fileprivate var shape: [AnyHashable] { [block, matrix, rank] }
}
