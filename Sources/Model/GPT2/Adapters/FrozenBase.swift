import TensorKernels

/// The model under an adapter: its parameters, none of which change.
struct FrozenBase {
  private let layout: ParameterLayout
  /// By the index of a matrix in ``layout``.
  private let weights: [Int: FrozenWeights]
  /// By the index of a parameter in ``layout``.
  private let floats: [Int: Floats]
  private let embeddings: Embeddings
  private let type: WeightType
  /// The squares of the lengths of the columns of all adapted matrices, if there are magnitudes.
  private let squares: FloatArena
  /// Owns the memory.
  private let owner: FrozenParameters

  /// Bytes of memory in which weights are converted to what products need.
  private static let scratchSize = 32 << 20

  /// Reads the model whose parameters are `source`, and subtracts from each adapted matrix the
  /// product of its factors in `principal`, if there are any.
  init(
    _ source: FrozenParameters.Source, _ layout: ParameterLayout, _ adapter: AdapterLayout,
    _ type: WeightType, subtracting principal: FloatArena?, _ threadPool: ThreadPool,
    _ progress: () throws -> Void
  ) throws {
    let owner = FrozenParameters(source, as: type, threadPool)
    (self.layout, self.type, self.owner) = (layout, type, owner)
    let changed = principal == nil ? [] : Set(adapter.modules.map { layout[$0].weight.index })
    var (weights, floats): ([Int: FrozenWeights], [Int: Floats]) = ([:], [:])
    func read(_ parameter: ParameterLayout.Parameter) throws {
      try progress()
      floats[parameter.index] = try owner.floats(parameter)
    }
    if !layout.tiesWordEmbeddings { try owner.check(layout.wte) }
    embeddings = Embeddings(
      wte: owner.embedding(layout.wte),
      wpe: MatrixView(
        try owner.floats(layout.wpe), rows: layout.wpe.shape[0], columns: layout.wpe.shape[1]))
    _ = try layout.parts.map { norm in
      try read(norm.weight)
      try read(norm.bias)
    } linear: { linear in
      try progress()
      weights[linear.weight.index] =
        changed.contains(linear.weight.index)
        ? owner.memory(for: linear) : try owner.weights(linear)
      if let bias = linear.bias { try read(bias) }
    }
    (self.weights, self.floats) = (weights, floats)
    squares = FloatArena(count: adapter.modules.reduce(0) { $0 + ($1.magnitude?.range.count ?? 0) })
    if let principal { try subtract(principal, adapter, progress) }
  }

  /// Reads each adapted matrix, and subtracts from it the product of its factors in `principal`.
  ///
  /// They must not be in the mapped file: there must have been such factors from the beginning.
  func subtract(
    _ principal: FloatArena, _ adapter: AdapterLayout, _ progress: () throws -> Void
  ) throws {
    for module in adapter.modules {
      try progress()
      let linear = layout[module]
      guard let weights = weights[linear.weight.index] else { continue }
      try owner.read(
        linear,
        after: LowRankUpdate(
          a: module.a.matrix(in: principal), b: module.b.matrix(in: principal),
          scaling: -module.plan.scaling),
        into: weights)
    }
  }

  /// Copies the parameters that the adapter replaces to their places in `target`.
  func copyReplaced(to target: FloatArena, _ adapter: AdapterLayout) {
    for (index, parameter) in adapter.replacements {
      if let floats = floats[index] { target[parameter.range].update(from: floats) }
    }
  }

  /// The network under the adapter `trainable`.
  func network(
    _ plan: AdapterPlan, _ adapter: AdapterLayout, _ trainable: ParameterArray
  ) -> TrainableNetwork {
    let precision: Precision = trainable.bfloat16Copies == nil ? .fp32 : .bf16
    let scratch = scratch(precision)
    let squares = squares(of: adapter)
    var adapters: [Int: (module: AdapterLayout.Module, LowRankAdapter)] = [:]
    for module in adapter.modules {
      let index = layout[module].weight.index
      adapters[index] = (module, trainable.adapter(module, squares: squares[index]))
    }
    func floats(_ parameter: ParameterLayout.Parameter) -> Floats {
      if let replacement = adapter.replacements[parameter.index] {
        return trainable.floats[replacement.range]
      }
      guard let floats = self.floats[parameter.index] else {
        preconditionFailure("'\(parameter.name)' was not read")
      }
      return floats
    }
    return TrainableNetwork(
      embeddings: embeddings,
      parts: layout.parts.map {
        LayerNorm(weight: floats($0.weight), bias: floats($0.bias))
      } linear: { linear in
        guard let weights = weights[linear.weight.index] else {
          preconditionFailure("'\(linear.weight.name)' was not read")
        }
        return LinearLayer(
          frozen: weights, bias: linear.bias.map(floats),
          adapter: adapters[linear.weight.index]?.1, scratch: scratch)
      },
      trainedEmbeddings: nil,
      trainedParts: layout.parts.map {
        .init(
          weight: adapter.replacements[$0.weight.index],
          bias: adapter.replacements[$0.bias.index])
      } linear: { linear in
        .init(
          weight: nil, bias: linear.bias.flatMap { adapter.replacements[$0.index] },
          adapter: adapters[linear.weight.index]?.module)
      },
      adapterDropout: plan.dropout)
  }

  /// Memory to which the weights are converted, if they are not kept as `precision`.
  private func scratch(_ precision: Precision) -> ActivationArena {
    let isInPlace = type.rawValue == precision.rawValue
    let size = Self.scratchSize / (precision == .fp32 ? 4 : 2)
    let channels = layout.parameters.reduce(0) { max($0, $1.shape.max() ?? 0) }
    return ActivationArena(count: isInPlace ? 0 : max(size, 64 * channels), precision)
  }

  // MARK: - Magnitudes

  /// Where the squares of the lengths of the columns of each adapted matrix are.
  private func squares(of adapter: AdapterLayout) -> [Int: Floats] {
    var (places, count): ([Int: Floats], Int) = ([:], 0)
    for module in adapter.modules {
      guard let size = module.magnitude?.range.count else { continue }
      places[layout[module].weight.index] = squares[count..<count + size]
      count += size
    }
    return places
  }

  /// Computes the squares of the lengths of the columns of the matrices of `network`, which this
  /// model returned.
  func measureColumns(
    _ network: TrainableNetwork, _ adapter: AdapterLayout, _ threadPool: ThreadPool
  ) {
    let places = squares(of: adapter)
    for module in adapter.modules {
      guard let place = places[layout[module].weight.index] else { continue }
      threadPool.columnSquares(
        of: network.parts.blocks[module.plan.block][module.plan.matrix], place)
    }
  }
}

extension ParameterLayout {
  /// The matrix that an adapter's module changes.
  fileprivate subscript(module: AdapterLayout.Module) -> Linear {
    parts.blocks[module.plan.block][module.plan.matrix]
  }
}

extension ParameterArray {
  /// The adapter of `module`, whose parameters are in this array.
  fileprivate func adapter(_ module: AdapterLayout.Module, squares: Floats?) -> LowRankAdapter {
    let products: ActivationArena = bfloat16Copies.map { .bf16($0) } ?? .fp32(floats)
    func matrix(_ parameter: ParameterLayout.Parameter) -> ActivationMatrix {
      products.matrix(
        at: parameter.range.lowerBound, rows: parameter.shape[0], columns: parameter.shape[1])
    }
    return LowRankAdapter(
      a: matrix(module.a), b: matrix(module.b), scaling: module.plan.scaling,
      magnitudes: module.magnitude.flatMap { magnitude in
        squares.map {
          .init(
            floats[magnitude.range], squares: $0, a: module.a.matrix(in: floats),
            b: module.b.matrix(in: floats))
        }
      })
  }
}
