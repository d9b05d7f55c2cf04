import CKernels

/// How the weights of a model are kept for inference.
public enum WeightType: String, CaseIterable, Sendable {
  /// Single precision, as in training.
  case fp32
  /// The upper half of single precision: 8 significant bits instead of 24.
  case bf16
  /// Integers from −127 to 127, with a scale for each 128 inputs of each output.
  case int8
}

/// The weights of a linear layer in the form that inference reads: in single precision, in memory
/// that the matrix does not own, or packed.
///
/// Packed weights lie in panels of 64 outputs, so that a thread reads them from front to back: the
/// weights of an input, or in bfloat16 of a pair of inputs, lie side by side. Outputs that only pad
/// the last panel are zero.
public struct WeightMatrix: Sendable {
  /// Channels of the input.
  public let inputs: Int
  /// Channels of the product.
  public let outputs: Int
  let storage: Storage

  enum Storage {
    case floats(Operand<Float>)
    case bfloat16(Arena<UInt16>)
    case int8(Arena<Int8>, scales: FloatArena)
  }

  /// Outputs of a panel.
  static let panel = Int(CKERNELS_PANEL)
  /// Inputs whose products are summed separately; in int8 they share a scale.
  static let inputBlock = Int(CKERNELS_INPUT_BLOCK)

  /// The weights `floats`, `[inputs, outputs]`, used in place; the matrix does not own the memory.
  public init(_ floats: Operand<Float>) {
    (inputs, outputs) = (floats.rows, floats.columns)
    storage = .floats(floats)
  }

  /// Weights packed as bf16 or int8, all zero.
  public init(inputs: Int, outputs: Int, packedAs type: WeightType) {
    (self.inputs, self.outputs) = (inputs, outputs)
    let columns = (outputs + Self.panel - 1) / Self.panel * Self.panel
    switch type {
    case .fp32: preconditionFailure("weights in single precision are not packed")
    case .bf16: storage = .bfloat16(Arena(count: (inputs + inputs % 2) * columns))
    case .int8:
      let blocks = (inputs + Self.inputBlock - 1) / Self.inputBlock
      storage = .int8(
        Arena(count: inputs * columns), scales: FloatArena(count: blocks * columns))
    }
  }

  /// How many panels there are.
  var panels: Int { (outputs + Self.panel - 1) / Self.panel }

  /// The outputs of panel `index`.
  func columns(ofPanel index: Int) -> Range<Int> {
    index * Self.panel..<min(outputs, (index + 1) * Self.panel)
  }

  /// The memory of the weights.
  var memory: UnsafeRawBufferPointer {
    switch storage {
    case .floats(let floats):
      let matrix = floats.matrix
      let extent = matrix.rows > 0 ? (matrix.rows - 1) * matrix.stride + matrix.columns : 0
      return UnsafeRawBufferPointer(UnsafeBufferPointer(start: matrix.base, count: extent))
    case .bfloat16(let weights): return UnsafeRawBufferPointer(weights.elements.buffer)
    case .int8(let weights, _): return UnsafeRawBufferPointer(weights.elements.buffer)
    }
  }

  /// Whether the weights are pairs of bfloat16.
  var isPaired: Bool { if case .bfloat16 = storage { true } else { false } }

  /// The number of bytes of memory that a product reads.
  public var byteCount: Int {
    switch storage {
    case .floats: inputs * outputs * MemoryLayout<Float>.stride
    case .bfloat16(let weights): weights.count * MemoryLayout<UInt16>.stride
    case .int8(let weights, let scales): weights.count + scales.count * MemoryLayout<Float>.stride
    }
  }
}

extension ThreadPool {
  /// Packs the weights of some outputs.
  ///
  /// - Parameters:
  ///   - floats: `[inputs, some outputs]`.
  ///   - matrix: Packed weights with as many inputs.
  ///   - firstOutput: The output of the first column of `floats`, the first of a panel.
  public func pack(_ floats: Operand<Float>, into matrix: WeightMatrix, firstOutput: Int = 0) {
    precondition(floats.rows == matrix.inputs && firstOutput % WeightMatrix.panel == 0)
    let end = firstOutput + floats.columns
    precondition(end <= matrix.outputs)
    precondition(end == matrix.outputs || end % WeightMatrix.panel == 0)
    let first = firstOutput / WeightMatrix.panel
    let last = (end + WeightMatrix.panel - 1) / WeightMatrix.panel
    let memory = panelMemory
    run(last - first) { piece, thread in
      let columns = matrix.columns(ofPanel: first + piece)
      let source = floats.columns(
        columns.lowerBound - firstOutput..<columns.upperBound - firstOutput)
      for inputs in matrix.inputBlocks {
        let block = memory[thread].panel(0, inputs: inputs.count)
        source.fillPanels(block, inputs: inputs)
        matrix.store(block, panel: first + piece, inputs: inputs)
      }
    }
  }
}

extension WeightMatrix {
  /// Where the weights of panel `panel` begin, from input `input` on, the first of a block.
  func offset(panel: Int, input: Int) -> Int {
    (panel * (isPaired ? inputs + inputs % 2 : inputs) + input) * Self.panel
  }

  /// Where the scales of panel `panel` begin for the block of inputs that begins with `input`.
  func scaleOffset(panel: Int, input: Int) -> Int {
    let blocks = (inputs + Self.inputBlock - 1) / Self.inputBlock
    return (panel * blocks + input / Self.inputBlock) * Self.panel
  }

  /// Packs a block of a panel; `inputs` are one block of scales.
  fileprivate func store(_ block: Floats, panel: Int, inputs: Range<Int>) {
    let count = inputs.count * Self.panel
    let offset = offset(panel: panel, input: inputs.lowerBound)
    switch storage {
    case .floats: preconditionFailure("weights in single precision are not packed")
    case .bfloat16(let weights):
      // If the number of inputs is odd, the last one is paired with zero.
      ckernels_bfloat16_of_panel(
        weights[offset..<offset + (count + inputs.count % 2 * Self.panel)].base, block.base,
        inputs.count)
    case .int8(let weights, let scales):
      let scaleOffset = scaleOffset(panel: panel, input: inputs.lowerBound)
      ckernels_int8_of_panel(
        weights[offset..<offset + count].base,
        scales[scaleOffset..<scaleOffset + Self.panel].base, block.base, inputs.count)
    }
  }

  /// The inputs, block by block.
  var inputBlocks: some Sequence<Range<Int>> {
    Self.blocks(of: inputs, length: Self.inputBlock)
  }

  /// `inputs` in blocks of `length`; the last may be shorter.
  static func blocks(of inputs: Int, length: Int) -> some Sequence<Range<Int>> {
    stride(from: 0, to: inputs, by: length).lazy.map { $0..<min($0 + length, inputs) }
  }
}

extension Operand<Float> {
  /// Fills the panels of all columns over `inputs`, one after another.
  func fillPanels(_ panels: Floats, inputs: Range<Int>) {
    let panel = WeightMatrix.panel
    let count = (columns + panel - 1) / panel
    precondition(inputs.upperBound <= rows && panels.count >= count * panel * inputs.count)
    guard isTransposed else {
      let part = matrix.rows(inputs)
      ckernels_panels_of_columns(panels.base, part.base, part.stride, inputs.count, columns)
      return
    }
    for index in 0..<count {
      let outputs = index * panel..<min((index + 1) * panel, columns)
      let part = matrix.block(rows: outputs, columns: inputs)
      ckernels_panel_of_rows(
        panels.base + index * panel * inputs.count, part.base, part.stride, inputs.count,
        outputs.count)
    }
  }

  /// The weights of panel `index` over the block that follows `inputs`, if that block is as long
  /// and the panel is whole; otherwise, and for a transposed matrix, `nil`.
  func panel(_ index: Int, after inputs: Range<Int>) -> MatrixView? {
    let panel = WeightMatrix.panel
    guard !isTransposed, (index + 1) * panel <= columns, inputs.upperBound + inputs.count <= rows
    else { return nil }
    return matrix.block(
      rows: inputs.upperBound..<inputs.upperBound + inputs.count,
      columns: index * panel..<(index + 1) * panel)
  }
}
