import CKernels

/// How the weights of a model are kept for inference.
public enum WeightType: String, CaseIterable, Sendable {
  /// Single precision, as in training.
  case fp32
  /// The upper half of single precision: 8 significant bits instead of 24.
  case bf16
  /// Integers from −127 to 127, with a scale for each 128 inputs of each output.
  case int8
  /// Integers from −8 to 7, with a scale in half precision for each 32 inputs of each output.
  case int4
}

/// The weights of a linear layer in the form that inference reads: in single precision, in memory
/// that the matrix does not own, or packed.
///
/// Packed weights lie in panels of 64 outputs, so that a thread reads them from front to back: the
/// weights of a pair of inputs, or as integers of four or eight inputs, lie side by side. Outputs that
/// only pad the last panel are zero, and so are inputs that pad the last pair or block.
public struct WeightMatrix: Sendable {
  /// Channels of the input.
  public let inputs: Int
  /// Channels of the product.
  public let outputs: Int
  let storage: Storage
  /// Keeps the memory of packed weights.
  private let owners: [any AnyObject & Sendable]

  /// Where the weights are, without references to count.
  enum Storage {
    case floats(Operand<Float>)
    case bfloat16(VectorView<UInt16>)
    case int8(VectorView<Int8>, scales: Floats)
    case int4(VectorView<CKernelsInt4Block>)
  }

  /// Outputs of a panel.
  static let panel = Int(CKERNELS_PANEL)
  /// Inputs whose products are summed separately, except in int4; in int8 they share a scale.
  static let inputBlock = Int(CKERNELS_INPUT_BLOCK)
  /// The same in int4.
  static let int4Block = Int(CKERNELS_INT4_BLOCK)
  /// What the number of inputs of a panel is padded to a multiple of in int8.
  static let int8Unit = Int(CKERNELS_INT8_UNIT)

  /// The weights `floats`, `[inputs, outputs]`, used in place; the matrix does not own the memory.
  public init(_ floats: Operand<Float>) {
    (inputs, outputs) = (floats.rows, floats.columns)
    storage = .floats(floats)
    owners = []
  }

  /// Weights in the packed form of `type`, all zero.
  public init(inputs: Int, outputs: Int, packedAs type: WeightType) {
    (self.inputs, self.outputs) = (inputs, outputs)
    let panels = outputs.dividedRoundingUp(by: Self.panel)
    let columns = panels * Self.panel
    switch type {
    case .fp32: preconditionFailure("weights in single precision are not packed")
    case .bf16:
      let weights = Arena<UInt16>(count: inputs.roundedUp(toMultipleOf: 2) * columns)
      (storage, owners) = (.bfloat16(weights.elements), [weights])
    case .int8:
      let weights = Arena<Int8>(count: inputs.roundedUp(toMultipleOf: Self.int8Unit) * columns)
      let scales = FloatArena(count: inputs.dividedRoundingUp(by: Self.inputBlock) * columns)
      (storage, owners) = (.int8(weights.elements, scales: scales.floats), [weights, scales])
    case .int4:
      let blocks = inputs.dividedRoundingUp(by: Self.int4Block)
      let weights = Arena<CKernelsInt4Block>(count: blocks * panels)
      (storage, owners) = (.int4(weights.elements), [weights])
    }
  }

  /// How many panels there are.
  var panels: Int { outputs.dividedRoundingUp(by: Self.panel) }

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
    case .bfloat16(let weights): return UnsafeRawBufferPointer(weights.buffer)
    case .int8(let weights, _): return UnsafeRawBufferPointer(weights.buffer)
    case .int4(let blocks): return UnsafeRawBufferPointer(blocks.buffer)
    }
  }

  /// Whether the weights lie in panels.
  var isPacked: Bool { if case .floats = storage { false } else { true } }

  /// The number of bytes of memory that a product reads.
  public var byteCount: Int {
    switch storage {
    case .floats: inputs * outputs * MemoryLayout<Float>.stride
    case .bfloat16(let weights): weights.count * MemoryLayout<UInt16>.stride
    case .int8(let weights, let scales): weights.count + scales.count * MemoryLayout<Float>.stride
    case .int4(let blocks): blocks.count * MemoryLayout<CKernelsInt4Block>.stride
    }
  }
}

extension WeightMatrix {
  /// Inputs whose products are summed separately.
  var blockLength: Int { if case .int4 = storage { Self.int4Block } else { Self.inputBlock } }

  /// The inputs, block by block.
  var inputBlocks: some Sequence<Range<Int>> { Self.blocks(of: inputs, length: blockLength) }

  /// `inputs` in blocks of `length`; the last may be shorter.
  static func blocks(of inputs: Int, length: Int) -> some Sequence<Range<Int>> {
    stride(from: 0, to: inputs, by: length).lazy.map { $0..<min($0 + length, inputs) }
  }

  /// Where the weights of panel `panel` begin in bf16 and int8, from input `input` on, the first of
  /// a block.
  func offset(panel: Int, input: Int) -> Int {
    let unit = if case .bfloat16 = storage { 2 } else { Self.int8Unit }
    return (panel * inputs.roundedUp(toMultipleOf: unit) + input) * Self.panel
  }

  /// The index of the block of panel `panel` that begins with `input`.
  func blockIndex(panel: Int, input: Int) -> Int {
    panel * inputs.dividedRoundingUp(by: blockLength) + input / blockLength
  }

  /// Where the scales of panel `panel` begin in int8 for the block that begins with `input`.
  func scaleOffset(panel: Int, input: Int) -> Int {
    blockIndex(panel: panel, input: input) * Self.panel
  }
}

extension Operand<Float> {
  /// Fills the panels of all columns over `inputs`, one after another.
  func fillPanels(_ panels: Floats, inputs: Range<Int>) {
    let panel = WeightMatrix.panel
    let count = columns.dividedRoundingUp(by: panel)
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
