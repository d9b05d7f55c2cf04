import CommandLineSupport
import TensorKernels

/// What changes how fast texts are written, and how much memory that takes.
struct MachineOptions: ArgumentGroup {
  @Option(
    help: "how the model's weights are kept: fp32 as they are, bf16 in half the memory and time, "
      + "int8 in about a quarter, both a little less exact and packed when the model is read",
    valueName: "type", defaultText: "fp32, or bf16 with --precision bf16")
  var weights: WeightType?
  @Option(
    help: "what products are computed with: fp32; bf16, which reads prompts and writes many texts "
      + "at up to twice the speed, if built for a processor that has it (AVX-512 BF16); auto: bf16 "
      + "if it is there",
    valueName: "type")
  var precision = PrecisionChoice.fp32
  @Option(
    help:
      "how many texts are written at a time: more are faster together, each takes memory of its "
      + "own; fewer, where memory is short; the texts are the same",
    valueName: "n", accepting: .within(1...4096))
  var batch = 64
  @Option(
    help: "threads; they change the speed, not the texts", valueName: "n",
    defaultText: "a physical core each", accepting: .within(1...1024))
  var threads: Int?

  /// How weights are kept and multiplied.
  ///
  /// - Throws: ``UsageError`` if the two do not go together or the processor does not have it.
  func arithmetic() throws -> (weights: WeightType, precision: Precision) {
    if let weights, weights != .bf16 {
      guard precision != .bf16 else {
        throw UsageError(
          "--precision bf16 multiplies weights in bf16: leave out --weights \(weights.rawValue)")
      }
      return (weights, .fp32)
    }
    let isBFloat16 = try precision.isBFloat16(
      isAvailable: ThreadPool.multipliesPairs,
      lack: "this program was built for a processor without products of bfloat16 (AVX-512 BF16); "
        + "`make programs` on one that has them builds for it")
    return (weights ?? (isBFloat16 ? .bf16 : .fp32), isBFloat16 ? .bf16 : .fp32)
  }
}

extension WeightType: ArgumentValue {
  public init?(argument: String) { self.init(rawValue: argument) }
  public static var accepted: String { "fp32, bf16 or int8" }
  public static var choices: [String] { allCases.map(\.rawValue) }
  public var argumentText: String { rawValue }
}
