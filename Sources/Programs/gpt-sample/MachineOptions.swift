import CommandLineSupport
import GPT2
import TensorKernels

/// The options that affect how fast texts are written, and how much memory that takes.
struct MachineOptions: ArgumentGroup {
  @Option(
    help: "how the model's weights are stored in memory: fp32, unchanged; bf16, in half the "
      + "memory and time; int8, in about a quarter; or int4, in about a seventh. bf16 and int8 are "
      + "slightly less exact, int4 somewhat less than those. With --export, what they are rounded to "
      + "in the file: f32, f16, bf16, q8_0, q6_k, q4_k_m or q4_0, from exact to small",
    valueName: "type",
    defaultText: "fp32, or bf16 with --precision bf16; q8_0 with --export")
  var weights: WeightsChoice?
  @Option(
    help:
      "arithmetic of matrix products: fp32; bf16, which reads prompts and writes many texts "
      + "up to three times as fast, if the processor has it (AVX-512 BF16 or AMX); or auto: bf16 "
      + "where possible. Weights in int8 and int4 are multiplied as integers anyway",
    valueName: "type")
  var precision = PrecisionChoice.fp32
  @Option(
    help:
      "how many texts to write at a time: more are faster overall, but each takes memory; does not "
      + "affect the texts",
    valueName: "n", accepting: .within(1...4096))
  var batch = 64
  @Option(
    help: "number of threads, at most one for each processor; does not affect the texts",
    valueName: "n",
    defaultText: "one for each physical core", accepting: .within(1...1024))
  var threads: Int?

  /// Checks that weights can be stored in memory, or in the file of --export, as the options say.
  func validate(isExport: Bool) throws {
    if isExport {
      guard precision == .fp32 else { throw UsageError("--precision cannot be used with --export") }
      _ = try filePrecision()
    } else {
      _ = try weightType()
    }
  }

  /// How weights are stored in memory, if an option says so.
  private func weightType() throws -> WeightType? {
    guard let weights else { return nil }
    guard let type = WeightType(rawValue: weights.name) else {
      throw UsageError(
        "--weights \(weights.name) is for the file of --export; in memory weights are "
          + WeightsChoice.list(WeightType.self))
    }
    return type
  }

  /// How weights are stored in the file of --export.
  func filePrecision() throws -> GGUFPrecision {
    guard let weights else { return .q8_0 }
    guard let precision = GGUFPrecision(rawValue: weights.name) else {
      throw UsageError(
        "--weights \(weights.name) is for weights in memory; with --export, give one of "
          + WeightsChoice.list(GGUFPrecision.self))
    }
    return precision
  }

  /// How weights are stored and multiplied.
  ///
  /// - Throws: ``UsageError`` if the two options contradict each other or the processor lacks the
  ///   arithmetic.
  func arithmetic() throws -> (weights: WeightType, precision: Precision) {
    let weights = try weightType()
    if weights == .fp32 {
      guard precision != .bf16 else {
        throw UsageError(
          "--precision bf16 cannot multiply weights in fp32: leave out --weights fp32")
      }
      return (.fp32, .fp32)
    }
    if let weights, weights != .bf16 { return (weights, .fp32) }
    let isBFloat16 = try precision.isBFloat16(
      isAvailable: ThreadPool.multipliesBFloat16,
      lack: "this processor does not multiply bfloat16 (AVX-512 BF16 or AMX)")
    return (weights ?? (isBFloat16 ? .bf16 : .fp32), isBFloat16 ? .bf16 : .fp32)
  }
}

/// A value of --weights: a type in memory, or with --export one in the file.
struct WeightsChoice: ArgumentValue {
  let name: String

  init?(argument: String) {
    guard Self.choices.contains(argument) else { return nil }
    name = argument
  }

  static var choices: [String] {
    let inMemory = WeightType.allCases.map(\.rawValue)
    return inMemory + GGUFPrecision.allCases.map(\.rawValue).filter { !inMemory.contains($0) }
  }

  static var accepted: String {
    "one of \(list(WeightType.self)), or with --export one of \(list(GGUFPrecision.self))"
  }

  var argumentText: String { name }

  /// The names of all cases of `type`.
  static func list<Type: CaseIterable & RawRepresentable>(_ type: Type.Type) -> String
  where Type.RawValue == String {
    type.allCases.map(\.rawValue).joined(separator: ", ")
  }
}
