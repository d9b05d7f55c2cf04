/// A thread's memory for intermediate results of a product, which stays in its second-level cache.
///
/// For several rows of activations it holds some panels of one block of inputs, or one panel of a
/// block of chains, which all rows are multiplied with; for one row it holds the sums of a block.
struct PanelMemory {
  /// Panels that are made at a time: 2 KB of a row of weights, since less makes the memory slow.
  static let panels = 8
  /// Floats between the beginnings of two chains of a panel; a power of two would put all of them
  /// into the same place of the cache.
  static let chainStride =
    WeightMatrix.chainBlock / WeightMatrix.chains * WeightMatrix.panel + WeightMatrix.panel
  /// Floats for all of that.
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
  /// processor tells addresses apart by their places in a page, and a load that seems to be of what
  /// was just stored would wait for it.
  func sums(_ count: Int, besides address: UnsafeMutablePointer<Float>) -> Floats {
    func place(_ pointer: UnsafeMutablePointer<Float>) -> Int {
      Int(bitPattern: pointer) / MemoryLayout<Float>.stride % Self.page
    }
    let distance = place(address) + Self.page / 2 + Self.page - place(floats.base)
    // Whole cache lines.
    let begin = distance % Self.page / 16 * 16
    return floats[begin..<begin + count]
  }
}

extension ThreadPool {
  /// The memory for panels of each thread.
  var panelMemory: [PanelMemory] {
    (0..<count).map {
      PanelMemory(floats: panelFloats[$0 * PanelMemory.count..<($0 + 1) * PanelMemory.count])
    }
  }
}
