import CommandLineSupport
import TensorKernels

/// What changes how fast texts are written, and how much memory that takes.
struct MachineOptions: ArgumentGroup {
  @Option(
    help: "how the model's weights are stored in memory: fp32 as they are; bf16 in half the memory "
      + "and time, int8 in about a quarter, both slightly less exact and converted when the model is "
      + "read",
    valueName: "type", defaultText: "fp32, or bf16 with --precision bf16")
  var weights: WeightType?
  @Option(
    help:
      "the arithmetic of matrix products: fp32; bf16, which reads prompts and writes many texts "
      + "up to twice as fast, if the program was built for a processor that has it (AVX-512 BF16); "
      + "auto: bf16 where possible",
    valueName: "type")
  var precision = PrecisionChoice.fp32
  @Option(
    help:
      "how many texts are written at a time: more are faster overall, and each takes memory; the "
      + "texts are the same",
    valueName: "n", accepting: .within(1...4096))
  var batch = 64
  @Option(
    help: "number of threads; it changes the speed, not the texts", valueName: "n",
    defaultText: "one for each physical core", accepting: .within(1...1024))
  var threads: Int?

  /// How weights are stored and multiplied.
  ///
  /// - Throws: ``UsageError`` if the two options contradict each other or the processor does not have
  ///   the arithmetic.
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

extension WeightType: ArgumentValue {}
