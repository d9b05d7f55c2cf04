import CommandLineSupport
import TensorKernels

/// What changes how fast texts are written, and how much memory that takes.
struct MachineOptions: ArgumentGroup {
  @Option(
    help: "how the model's weights are kept: fp32 as they are, bf16 in half the memory and time, "
      + "int8 in about a quarter, both a little less exact and packed when the model is read",
    valueName: "type")
  var weights = WeightType.fp32
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
}

extension WeightType: ArgumentValue {
  public init?(argument: String) { self.init(rawValue: argument) }
  public static var accepted: String { "fp32, bf16 or int8" }
  public static var choices: [String] { allCases.map(\.rawValue) }
  public var argumentText: String { rawValue }
}
