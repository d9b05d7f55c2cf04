import CommandLineSupport
import TensorKernels

/// The options that affect how fast texts are written, and how much memory that takes.
struct MachineOptions: ArgumentGroup {
  @Option(
    help: "how the model's weights are stored in memory: fp32, unchanged; bf16, in half the "
      + "memory and time; int8, in about a quarter; or int4, in about a seventh. bf16 and int8 are "
      + "slightly less exact, int4 somewhat less than those",
    valueName: "type", defaultText: "fp32, or bf16 with --precision bf16")
  var weights: WeightType?
  @Option(
    help:
      "arithmetic of matrix products: fp32; bf16, which reads prompts and writes many texts "
      + "up to twice as fast, if the program was built for a processor that has it (AVX-512 BF16); "
      + "or auto: bf16 where possible",
    valueName: "type")
  var precision = PrecisionChoice.fp32
  @Option(
    help:
      "how many texts to write at a time: more are faster overall, but each takes memory; does not "
      + "affect the texts",
    valueName: "n", accepting: .within(1...4096))
  var batch = 64
  @Option(
    help: "number of threads; does not affect the texts", valueName: "n",
    defaultText: "one for each physical core", accepting: .within(1...1024))
  var threads: Int?

  /// How weights are stored and multiplied.
  ///
  /// - Throws: ``UsageError`` if the two options contradict each other or the processor lacks the
  ///   arithmetic.
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
      lack: "this program was built for a processor without bfloat16 products (AVX-512 BF16); "
        + "run `make programs` on one that has them")
    return (weights ?? (isBFloat16 ? .bf16 : .fp32), isBFloat16 ? .bf16 : .fp32)
  }
}

extension WeightType: ArgumentValue {}
