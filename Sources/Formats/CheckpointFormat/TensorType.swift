/// The element types of tensors in files of weights, with their names in safetensors and GGUF files.
public enum TensorType: String, Sendable {
  case float32 = "F32"
  case float16 = "F16"
  case bfloat16 = "BF16"
  case float64 = "F64"
  case int64 = "I64"
  case int32 = "I32"
  case int16 = "I16"
  case int8 = "I8"
  case uint64 = "U64"
  case uint32 = "U32"
  case uint16 = "U16"
  case uint8 = "U8"
  case boolean = "BOOL"
  case complex64 = "C64"
  /// Only in files written by torch.
  case complex128 = "C128"
  case float8E4M3 = "F8_E4M3"
  case float8E4M3FNUZ = "F8_E4M3FNUZ"
  case float8E5M2 = "F8_E5M2"
  case float8E5M2FNUZ = "F8_E5M2FNUZ"
  case float8E8M0 = "F8_E8M0"
  case float6E2M3 = "F6_E2M3"
  case float6E3M2 = "F6_E3M2"
  case float4 = "F4"
  // Quantized types, only in GGUF files: the numbers of a block share their scales.
  case q4_0 = "Q4_0"
  case q4_1 = "Q4_1"
  case q5_0 = "Q5_0"
  case q5_1 = "Q5_1"
  case q8_0 = "Q8_0"
  case q4_K = "Q4_K"
  case q5_K = "Q5_K"
  case q6_K = "Q6_K"

  /// The size of an element in bits; 0 for quantized types.
  public var bitCount: Int {
    switch self {
    case .complex128: 128
    case .float64, .int64, .uint64, .complex64: 64
    case .float32, .int32, .uint32: 32
    case .float16, .bfloat16, .int16, .uint16: 16
    case .int8, .uint8, .boolean, .float8E4M3, .float8E4M3FNUZ, .float8E5M2, .float8E5M2FNUZ,
      .float8E8M0:
      8
    case .float6E2M3, .float6E3M2: 6
    case .float4: 4
    case .q4_0, .q4_1, .q5_0, .q5_1, .q8_0, .q4_K, .q5_K, .q6_K: 0
    }
  }

  /// How many elements are stored together; 1 if each has bytes of its own.
  public var blockLength: Int {
    switch self {
    case .q4_0, .q4_1, .q5_0, .q5_1, .q8_0: 32
    case .q4_K, .q5_K, .q6_K: 256
    default: 1
    }
  }

  /// The size in bytes of a block; 0 if elements that are not in blocks share bytes.
  public var blockSize: Int {
    switch self {
    case .q4_0: 18
    case .q4_1: 20
    case .q5_0: 22
    case .q5_1: 24
    case .q8_0: 34
    case .q4_K: 144
    case .q5_K: 176
    case .q6_K: 210
    default: bitCount / 8
    }
  }

  /// Whether the elements are integers that share scales.
  public var isQuantized: Bool { blockLength > 1 }

  /// Whether its elements can be read as floats.
  public var isFloatingPoint: Bool {
    switch self {
    case .float32, .float16, .bfloat16, .float64: true
    default: isQuantized
    }
  }
}

/// The numbers of ggml's types in GGUF files.
extension TensorType {
  /// The types that are read, with their numbers.
  static let ggmlTypes: [(type: TensorType, number: UInt32)] = [
    (.float32, 0), (.float16, 1), (.bfloat16, 30), (.float64, 28), (.q4_0, 2), (.q4_1, 3),
    (.q5_0, 6), (.q5_1, 7), (.q8_0, 8), (.q4_K, 12), (.q5_K, 13), (.q6_K, 14),
  ]

  /// The names of types that are not read, for messages.
  private static let otherNames: [UInt32: String] = [
    9: "Q8_1", 10: "Q2_K", 11: "Q3_K", 15: "Q8_K", 16: "IQ2_XXS", 17: "IQ2_XS", 18: "IQ3_XXS",
    19: "IQ1_S", 20: "IQ4_NL", 21: "IQ3_S", 22: "IQ2_S", 23: "IQ4_XS", 24: "I8", 25: "I16",
    26: "I32", 27: "I64", 29: "IQ1_M", 34: "TQ1_0", 35: "TQ2_0", 39: "MXFP4",
  ]

  /// The type with the number `number`; `nil` if it is not read.
  init?(ggmlNumber number: UInt32) {
    guard let found = Self.ggmlTypes.first(where: { $0.number == number }) else { return nil }
    self = found.type
  }

  /// The number of the type; `nil` if GGUF files do not have it.
  var ggmlNumber: UInt32? { Self.ggmlTypes.first { $0.type == self }?.number }

  /// The name of the type with the number `number`, whether or not it is read.
  static func ggmlName(_ number: UInt32) -> String {
    TensorType(ggmlNumber: number)?.rawValue ?? otherNames[number] ?? "\(number)"
  }
}
