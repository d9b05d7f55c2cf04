import CheckpointFormat
import TensorKernels

/// Where the numbers of a model's parameter come from: its tensor in a file, which an adapter may
/// change.
///
/// They are read some rows at a time, so that a changed model need not be in memory.
struct ParameterSource: Sendable {
  /// The tensor in the file.
  let tensor: StoredTensor
  private let change: Change
  /// Whether the rows are those of the transpose of a matrix that the change is about.
  private var isTransposed = false

  private enum Change {
    case none
    case update(LowRankUpdate, of: Adapter)
    case replacement(Floats, of: Adapter)
  }

  /// The parameter as it is in the file.
  init(_ tensor: StoredTensor) {
    self.init(tensor, .none)
  }

  private init(_ tensor: StoredTensor, _ change: Change) {
    (self.tensor, self.change) = (tensor, change)
  }

  /// The parameters of the model `stored`, in the order of their layout, as `adapter` changes them.
  ///
  /// - Throws: ``FileError``; ``InputError`` if a matrix is damaged.
  static func sources(
    _ stored: StoredModel, _ adapter: Adapter?, _ threadPool: ThreadPool
  ) throws -> [ParameterSource] {
    var sources = stored.tensors.map { ParameterSource($0) }
    guard let adapter else { return sources }
    let model = ParameterLayout(stored.configuration)
    for module in adapter.layout.modules {
      let index = model.parts.blocks[module.plan.block][module.plan.matrix].weight.index
      let plain = sources[index]
      var update = adapter.update(of: module)
      if let magnitude = module.magnitude {
        update = try update.scalingColumns(to: adapter.parameters[magnitude.range], threadPool) {
          try plain.copy(rows: $0, to: $1.elements)
        }
      }
      sources[index] = ParameterSource(plain.tensor, .update(update, of: adapter))
    }
    for (index, parameter) in adapter.layout.replacements {
      sources[index] = ParameterSource(
        sources[index].tensor, .replacement(adapter.parameters[parameter.range], of: adapter))
    }
    return sources
  }

  /// The transpose of a matrix.
  var transposed: ParameterSource {
    var copy = ParameterSource(tensor.transposed, change)
    copy.isTransposed = !isTransposed
    return copy
  }

  /// Whether the numbers are those in the file.
  var isUnchanged: Bool { if case .none = change { true } else { false } }

  /// The number of elements of a row; a vector is one row.
  var columns: Int { tensor.shape.count > 1 ? tensor.shape[1] : tensor.count }

  /// The number of rows.
  var rows: Int { tensor.shape.count > 1 ? tensor.shape[0] : 1 }

  /// Copies `rows` to as many floats as they have; several threads may copy at once.
  ///
  /// - Throws: ``FileError``; ``InputError`` if the file has been truncated in the meantime, or a
  ///   number in it is NaN or infinite.
  func copy(rows: Range<Int>, to floats: Floats) throws {
    if case .replacement(let values, _) = change { return floats.update(from: values) }
    try tensor.copyFinite(
      rows.lowerBound * columns..<rows.upperBound * columns, to: floats)
    guard case .update(let update, _) = change else { return }
    let matrix = MatrixView(floats, rows: rows.count, columns: columns)
    if isTransposed {
      update.applyTransposed(to: matrix, from: rows.lowerBound)
    } else {
      update.apply(to: matrix, from: rows.lowerBound)
    }
  }

  /// Copies all numbers to the same number of floats, in parallel.
  ///
  /// - Throws: ``FileError``; ``InputError`` as ``copy(rows:to:)``.
  func copy(to floats: Floats, _ threadPool: ThreadPool) throws {
    if isUnchanged { return try threadPool.copy([(tensor, to: floats)]) }
    // The split depends on the shape alone, and so do the bits of a product.
    try threadPool.forEachBlock(of: rows, length: 64) { part, _ in
      try copy(rows: part, to: floats[part.lowerBound * columns..<part.upperBound * columns])
    }
  }
}
