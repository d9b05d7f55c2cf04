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
