import TensorKernels

/// What a pass keeps of the adapters of a model, and the memory that they are computed in.
struct AdapterBuffers {
  private let modules: [Block<Void, Module?>]
  private let scratch: LowRankScratch

  private struct Module {
    let rank: Int
    let hidden: ActivationArena
    let factors: FloatArena
    /// A copy of the output, `[rows, outputs]`.
    let out: ActivationArena?
  }

  /// Memory for up to `rows` rows; `nil` if the network has no adapters.
  init?(_ network: TrainableNetwork, rows: Int, _ threadPool: ThreadPool, _ precision: Precision) {
    let adapters = network.trainedParts.blocks.flatMap(\.matrices).compactMap(\.adapter)
    guard !adapters.isEmpty else { return nil }
    // The outputs of these two matrices are added to the residual stream and then lost.
    func module(_ linear: ParameterLayout.TrainedLinear, isProjection: Bool) -> Module? {
      linear.adapter.map {
        let outputs = $0.b.shape[0]
        return Module(
          rank: $0.plan.rank, hidden: ActivationArena(count: rows * $0.plan.rank, precision),
          factors: FloatArena(count: outputs),
          out: isProjection && $0.magnitude != nil
            ? ActivationArena(count: rows * outputs, precision) : nil)
      }
    }
    modules = network.trainedParts.blocks.map {
      Block(
        ln1: (), attnQKV: module($0.attnQKV, isProjection: false),
        attnProj: module($0.attnProj, isProjection: true), ln2: (),
        mlpFC: module($0.mlpFC, isProjection: false),
        mlpProj: module($0.mlpProj, isProjection: true))
    }
    scratch = LowRankScratch(adapters, rows: rows, threadPool, precision, network.adapterDropout)
  }

  /// What is kept of block `index` for `rows` rows, with the dropout of each matrix.
  func block(
    _ index: Int, rows: Int, dropout: (_ matrix: AdaptableMatrix) -> Dropout?
  ) -> BlockAdapters {
    let block = modules[index]
    func pass(_ module: Module?, _ matrix: AdaptableMatrix) -> LowRankPass? {
      module.map {
        LowRankPass(
          hidden: $0.hidden.matrix(rows: rows, columns: $0.rank), factors: $0.factors.floats,
          out: $0.out?.matrix(rows: rows, columns: $0.factors.count), dropout: dropout(matrix),
          scratch: scratch)
      }
    }
    return Block(
      ln1: (), attnQKV: pass(block.attnQKV, .attnQKV), attnProj: pass(block.attnProj, .attnProj),
      ln2: (), mlpFC: pass(block.mlpFC, .mlpFC), mlpProj: pass(block.mlpProj, .mlpProj))
  }
}

extension LowRankScratch {
  /// Memory for the products of `adapters`.
  init(
    _ adapters: [AdapterLayout.Module], rows: Int, _ threadPool: ThreadPool,
    _ precision: Precision, _ dropout: Float
  ) {
    self.init(
      rows: rows,
      channels: adapters.reduce(0) { max($0, $1.a.shape[1], $1.b.shape[0]) },
      rank: adapters.reduce(0) { max($0, $1.plan.rank) }, precision, threads: threadPool.count,
      dropsOut: dropout > 0)
  }
}
