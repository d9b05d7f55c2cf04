import CheckpointFormat
import FileSupport

/// What the weights of a GGUF file are rounded to, by the names and with the mixtures of types of
/// llama-quantize.
///
/// Biases, layer normalization and the embeddings of positions are always F32. The matrix of the
/// head, which usually is the embedding of tokens, has more bits than the others if those have few.
public enum GGUFPrecision: String, CaseIterable, Sendable {
  case f32, f16, bf16, q8_0, q6_k, q4_k_m, q4_0

  /// The number in `general.file_type`.
  var fileType: Int {
    switch self {
    case .f32: 0
    case .f16: 1
    case .bf16: 32
    case .q8_0: 7
    case .q6_k: 18
    case .q4_k_m: 15
    case .q4_0: 2
    }
  }

  /// The type of most matrices.
  var mainType: TensorType {
    switch self {
    case .f32: .float32
    case .f16: .float16
    case .bf16: .bfloat16
    case .q8_0: .q8_0
    case .q6_k: .q6_K
    case .q4_k_m: .q4_K
    case .q4_0: .q4_0
    }
  }

  /// Checks that all rows of the matrices of `configuration`, of the model at `path`, are whole
  /// blocks.
  ///
  /// - Throws: ``InputError`` with a precision that can be used instead.
  func check(_ configuration: GPT2Configuration, path: String) throws {
    let length = mainType.blockLength
    for size in [configuration.embeddingSize, configuration.feedForwardSize]
    where size % length != 0 {
      throw InputError(
        path,
        "\(rawValue) needs rows of a multiple of \(length) numbers, but this model has rows of "
          + "\(size); use \(size % 32 == 0 ? Self.q8_0.rawValue : Self.f16.rawValue)")
    }
  }

  /// The type of each parameter of a model with `layout` and `layers` blocks, in the order of the
  /// layout.
  func types(_ layout: ParameterLayout, layers: Int) -> [TensorType] {
    var types = layout.parameters.map { parameter in
      // llama.cpp dies if a vector is anything but F32.
      parameter.shape.count > 1 && parameter.index != layout.wpe.index ? mainType : .float32
    }
    func set(_ parameter: ParameterLayout.Parameter, _ type: TensorType) {
      let fits = (parameter.shape.last ?? 0) % type.blockLength == 0
      types[parameter.index] = fits ? type : .q8_0
    }
    if [.q4_0, .q4_k_m].contains(self) { set(layout.parts.lmHead.weight, .q6_K) }
    if self == .q4_k_m {
      for (index, block) in layout.parts.blocks.enumerated()
      where index < layers / 8 || index >= 7 * layers / 8 || (index - layers / 8) % 3 == 2 {
        types[block.attnQKV.weight.index] = .q6_K
        types[block.mlpProj.weight.index] = .q6_K
      }
    }
    return types
  }
}
