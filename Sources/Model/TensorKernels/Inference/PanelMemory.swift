/// A thread's memory for what it makes of weights on the way: it stays in its second-level cache.
///
/// Of several rows it has some panels of one block of inputs, or one panel of a block of chains, over
/// which all rows go; of one row the sums of a block.
struct PanelMemory {
  /// Panels that are made at a time: 2 KB of a row of weights, since less makes the memory slow.
  static let panels = 8
  /// Floats between the beginnings of two chains of a panel; with a power of two all would be in one
  /// place of the cache.
  static let chainStride =
    WeightMatrix.chainBlock / WeightMatrix.chains * WeightMatrix.panel + WeightMatrix.panel
  /// Floats for all that.
  static let count = max(
    panels * WeightMatrix.panel * WeightMatrix.inputBlock,
    WeightMatrix.chains * chainStride)
  /// The most sums there is room for.
  static let mostSums = count - page
  /// Floats of a page of memory.
  private static let page = 1024

  let floats: Floats

  /// Panel `index` of a block of so many inputs.
  func panel(_ index: Int, inputs: Int) -> Floats {
    let size = WeightMatrix.panel * inputs
    return Floats(rebasing: floats[index * size..<(index + 1) * size])
  }

  /// `count` sums, half a page away from the place that the weights at `address` have in theirs: the
  /// processor tells addresses apart by their places in a page, and a load that looks like what was
  /// just stored would wait for it.
  func sums(_ count: Int, besides address: UnsafeMutablePointer<Float>) -> Floats {
    func place(_ pointer: UnsafeMutablePointer<Float>) -> Int {
      Int(bitPattern: pointer) / MemoryLayout<Float>.stride % Self.page
    }
    let distance = place(address) + Self.page / 2 + Self.page - place(base(floats))
    // Whole lines of the cache.
    let begin = distance % Self.page / 16 * 16
    return Floats(rebasing: floats[begin..<begin + count])
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
