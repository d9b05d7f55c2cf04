/// A thread's memory for intermediate results of a product, which stays in its second-level cache.
///
/// For several rows of activations it holds some panels of one block of inputs, or one panel of a
/// block of chains, by which all rows are multiplied. For one row it holds the sums of a block.
struct PanelMemory {
  /// Panels that are filled at a time: 2 KB of a row of weights, because less makes memory slow.
  static let panels = 8
  /// Floats between the beginnings of two chains of a panel; with a power of two, all of them would
  /// map to the same set of the cache.
  static let chainStride =
    WeightMatrix.chainBlock / WeightMatrix.chains * WeightMatrix.panel + WeightMatrix.panel
  /// The number of floats for all of that.
  static let count = max(
    panels * WeightMatrix.panel * WeightMatrix.inputBlock,
    WeightMatrix.chains * chainStride)
  /// The most sums there is room for.
  static let mostSums = count - page
  /// Floats of a page of memory.
  private static let page = 1024

  let floats: Floats

  /// Panel `index` of a block of `inputs` inputs.
  func panel(_ index: Int, inputs: Int) -> Floats {
    let size = WeightMatrix.panel * inputs
    return floats[index * size..<(index + 1) * size]
  }

  /// `count` sums, half a page away from where the weights at `address` lie in their page: the
  /// processor distinguishes addresses by their offsets in a page, and a load that seems to read
  /// what was just stored would wait for it.
  func sums(_ count: Int, besides address: UnsafeMutablePointer<Float>) -> Floats {
    func place(_ pointer: UnsafeMutablePointer<Float>) -> Int {
      Int(bitPattern: pointer) / MemoryLayout<Float>.stride % Self.page
    }
    let distance = place(address) + Self.page / 2 + Self.page - place(floats.base)
    // Start on a cache line boundary.
    let begin = distance % Self.page / 16 * 16
    return floats[begin..<begin + count]
  }
}

extension ThreadPool {
  /// Each thread's memory for panels.
  var panelMemory: [PanelMemory] {
    (0..<count).map {
      PanelMemory(floats: panelFloats[$0 * PanelMemory.count..<($0 + 1) * PanelMemory.count])
    }
  }
}
