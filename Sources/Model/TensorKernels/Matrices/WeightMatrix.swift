import CKernels

/// How the weights of a model are kept for inference.
public enum WeightType: String, CaseIterable, Sendable {
  /// Single precision, as training has them.
  case fp32
  /// The upper half of single precision: 8 bits of a number instead of 24.
  case bf16
  /// Whole numbers from −127 to 127, with a scale for each 128 inputs of each output.
  case int8
}

/// The weights of a linear layer as inference reads them: in single precision where somebody keeps
/// them, or packed.
///
/// Packed weights lie in panels of 64 outputs, the weights of an input side by side, or in bfloat16
/// those of a pair of inputs, so that a thread reads them from front to back; outputs that only fill
/// the last panel are zero.
public struct WeightMatrix: Sendable {
  /// Channels of what is multiplied.
  public let inputs: Int
  /// Channels of the product.
  public let outputs: Int
  let storage: Storage

  /// Unchecked, because of its pointers: what they lead to is written before it is shared, then only read.
  enum Storage: @unchecked Sendable {
    case floats(Operand)
    case bfloat16(Arena<UInt16>)
    case int8(Arena<Int8>, scales: FloatArena)
  }

  /// Outputs of a panel.
  static let panel = Int(CKERNELS_PANEL)
  /// Inputs whose products are summed by themselves; those of int8 share a scale.
  static let inputBlock = Int(CKERNELS_INPUT_BLOCK)

  /// The weights `floats`, `[inputs, outputs]`, where they lie; somebody else keeps them.
  public init(_ floats: Operand) {
    (inputs, outputs) = (floats.rows, floats.columns)
    storage = .floats(floats)
  }

  /// Packed weights, all zero.
  public init(inputs: Int, outputs: Int, packedAs type: PackedType) {
    (self.inputs, self.outputs) = (inputs, outputs)
    let columns = (outputs + Self.panel - 1) / Self.panel * Self.panel
    switch type {
    case .bf16: storage = .bfloat16(Arena(count: (inputs + inputs % 2) * columns))
    case .int8:
      let blocks = (inputs + Self.inputBlock - 1) / Self.inputBlock
      storage = .int8(
        Arena(count: inputs * columns), scales: FloatArena(count: blocks * columns))
    }
  }

  /// The types of packed weights.
  public enum PackedType: Sendable {
    case bf16
    case int8
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
      UnsafeRawBufferPointer(
        start: floats.view.base,
        count: floats.view.extent * MemoryLayout<Float>.stride)
    case .bfloat16(let weights): UnsafeRawBufferPointer(weights.elements)
    case .int8(let weights, _): UnsafeRawBufferPointer(weights.elements)
    }
  }

  /// Whether the weights are pairs of bfloat16.
  var isPaired: Bool { if case .bfloat16 = storage { true } else { false } }

  /// Bytes of memory that a product reads.
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
  public func pack(_ floats: Operand, into matrix: WeightMatrix, firstOutput: Int = 0) {
    precondition(floats.rows == matrix.inputs && firstOutput % WeightMatrix.panel == 0)
    let end = firstOutput + floats.columns
    precondition(end <= matrix.outputs)
    precondition(end == matrix.outputs || end % WeightMatrix.panel == 0)
    let first = firstOutput / WeightMatrix.panel
    let last = (end + WeightMatrix.panel - 1) / WeightMatrix.panel
    let memory = panelMemory
    run(last - first) { piece, worker in
      let columns = matrix.columns(ofPanel: first + piece)
      let source = floats.columns(
        columns.lowerBound - firstOutput..<columns.upperBound - firstOutput)
      for inputs in matrix.inputBlocks {
        let block = memory[worker].panel(0, inputs: inputs.count)
        source.fillPanels(block, inputs: inputs)
        matrix.store(block, panel: first + piece, inputs: inputs)
      }
    }
  }
}

extension WeightMatrix {
  /// Where the weights from input `input` on, the first of a block, begin in panel `panel`.
  func offset(panel: Int, input: Int) -> Int {
    (panel * (isPaired ? inputs + inputs % 2 : inputs) + input) * Self.panel
  }

  /// Where the scales of the block of inputs that `input` begins are in panel `panel`.
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
      precondition(offset + count <= weights.count)
      ckernels_bfloat16_of_panel(base(weights.elements) + offset, base(block), inputs.count)
    case .int8(let weights, let scales):
      let scaleOffset = scaleOffset(panel: panel, input: inputs.lowerBound)
      ckernels_int8_of_panel(
        base(weights[offset..<offset + count]),
        base(scales[scaleOffset..<scaleOffset + Self.panel]), base(block), inputs.count)
    }
  }
}

extension WeightMatrix {
  /// The inputs, block by block.
  var inputBlocks: some Sequence<Range<Int>> {
    Self.blocks(of: inputs, length: Self.inputBlock)
  }

  /// `inputs` in blocks of `length`; the last may be shorter.
  static func blocks(of inputs: Int, length: Int) -> some Sequence<Range<Int>> {
    stride(from: 0, to: inputs, by: length).lazy.map { $0..<min($0 + length, inputs) }
  }
}

extension Operand {
  /// Makes the panels of all columns over `inputs`, one after another.
  func fillPanels(_ panels: Floats, inputs: Range<Int>) {
    let panel = WeightMatrix.panel
    let count = (columns + panel - 1) / panel
    precondition(inputs.upperBound <= rows && panels.count >= count * panel * inputs.count)
    guard isTransposed else {
      let part = view.rows(inputs)
      ckernels_panels_of_columns(base(panels), part.base, part.stride, inputs.count, columns)
      return
    }
    for index in 0..<count {
      let outputs = index * panel..<min((index + 1) * panel, columns)
      let part = view.block(rows: outputs, columns: inputs)
      ckernels_panel_of_rows(
        base(panels) + index * panel * inputs.count, part.base, part.stride, inputs.count,
        outputs.count)
    }
  }
}

extension Operand {
  /// The weights of panel `index` over the block that follows `inputs`, where it is as long and the
  /// panel is whole; nil also for a transposed matrix.
  func panel(_ index: Int, after inputs: Range<Int>) -> MatrixView? {
    let panel = WeightMatrix.panel
    guard !isTransposed, (index + 1) * panel <= columns, inputs.upperBound + inputs.count <= rows
    else { return nil }
    return view.block(
      rows: inputs.upperBound..<inputs.upperBound + inputs.count,
      columns: index * panel..<(index + 1) * panel)
  }
}
