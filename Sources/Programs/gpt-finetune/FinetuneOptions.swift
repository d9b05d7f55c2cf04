import CommandLineSupport
import TensorKernels
import Training

extension LearningRateSchedule: ArgumentValue {}
extension SamplingStrategy: ArgumentValue {}

/// What determines the settings that are not given.
enum Recipe: String, CaseIterable, ArgumentValue {
  case house, original
}

/// Where the progress of the training is written to, besides the log.
enum ReportTarget: String, CaseIterable, ArgumentValue {
  case tensorboard, none
}

/// The sizes of a model that starts from random weights.
struct ModelShapeOptions: ArgumentGroup {
  @Option(help: "transformer blocks", accepting: .within(1...1000)) var layers = 6
  @Option(help: "channels of the hidden states", accepting: .within(1...65536)) var width = 384
  @Option(help: "attention heads; must divide the width", accepting: .within(1...1024))
  var heads = 6
  @Option(help: "longest context, in tokens", accepting: .within(2...1_000_000)) var context = 512
}

/// How the model is trained; names are those of the Hugging Face Trainer, and each option says where the
/// recipe decides its default.
struct TrainingOptions: ArgumentGroup {
  @Option(
    help: "where the defaults come from: house fits them to the corpus, and keeps the best model; "
      + "original is the recipe of 2021, and the Trainer's",
    valueName: "name")
  var recipe = Recipe.house
  @Option(
    help: "tokens in a training example", aliases: ["block"], valueName: "n",
    accepting: .atLeast(2))
  var blockSize = 128
  @Option(
    help: "examples in a batch", aliases: ["batch-size"], valueName: "n",
    accepting: .within(1...1_000_000))
  var perDeviceTrainBatchSize = 8
  @Option(
    help: "batches whose gradients each process adds up for one step", valueName: "n",
    accepting: .within(1...1_000_000))
  var gradientAccumulationSteps = 1
  @Option(
    help: "passes over the training data", aliases: ["epochs"], valueName: "n",
    defaultText: "10; as many as there is time for with --max-hours or --until",
    accepting: .above(0))
  var numTrainEpochs: Double?
  @Option(
    help: "number of steps of the whole run", valueName: "n", defaultText: "those of the epochs",
    accepting: .atLeast(1))
  var maxSteps: Int?
  @Option(
    help:
      "hours that the whole run may take, from the start to the finished model: the number of steps "
      + "follows from the speed, and the learning rate reaches its end when the time does. "
      + "--max-steps or --num-train-epochs, if given, bound the steps", valueName: "hours",
    defaultText: "no limit", accepting: .above(0))
  var maxHours: Double?
  @Option(
    help:
      "the same, but given as the time by which the run must be finished, such as 07:30, or as "
      + "date and time, such as 2026-12-01T07:30", valueName: "time", defaultText: "no limit")
  var until: LocalTime?
  @Option(
    help: "dropout probability, wherever GPT-2 has dropout", valueName: "p",
    defaultText: "the model's own; 0.1 for a new one", accepting: .within(0...0.99))
  var dropout: Float?
  @Option(help: "seed for new weights, the order of examples, and dropout", valueName: "n")
  var seed: UInt64 = 42
  @Option(
    help:
      "order in which an epoch goes through the examples: a new one each time (random), that of "
      + "the shards (sequential), or posts in a new order, cut into examples only then (posts)",
    valueName: "order", defaultText: "posts where the shards have them; random with original")
  var trainSamplingStrategy: SamplingStrategy?
  @Flag(
    help: "keep only the input of each transformer block for the backward pass and recompute the "
      + "rest: less memory, about a fifth more time, the same result")
  var gradientCheckpointing = false
  @Option(
    help: "arithmetic of matrix products: fp32; bf16, at twice the speed on processors that have "
      + "it, with weights and sums still in fp32; or auto: bf16 if the processor has it",
    valueName: "type", defaultText: "fp32; auto for a new model, unless the recipe is original")
  var precision: PrecisionChoice?
}

/// How the training is shared by several processes.
struct ProcessOptions: ArgumentGroup {
  @Flag(
    help:
      "add up the gradients of a step in an order that does not depend on the number of processes: "
      + "the same bits for any number, if each adds up 1, 2, 4, 8 or so batches; takes time and memory"
  )
  var deterministicReduction = false
  @Flag(help: "exchange gradients in bf16: half the traffic, at the price of some precision")
  var bf16Reduction = false
  @Flag(
    help:
      "divide AdamW's moments, half of the memory of full training, among the processes: each updates "
      + "a part of the weights and sends it to the others; the same result")
  var shardOptimizer = false
  @Option(
    help:
      "each process takes this many steps with its own batches, after which all weights are averaged: "
      + "for slow networks; the result differs from that of steps taken together. Validations and "
      + "checkpoints happen only after averaging", valueName: "n",
    defaultText: "all steps are taken together",
    accepting: .within(1...1_000_000))
  var localSteps: Int?

  func validate() throws {
    guard localSteps != nil else { return }
    for (isGiven, name, reason) in [
      (
        deterministicReduction, "deterministic-reduction",
        "the result depends on the number of processes"
      ),
      (bf16Reduction, "bf16-reduction", "weights are not rounded"),
      (shardOptimizer, "shard-optimizer", "each process needs all moments"),
    ] where isGiven {
      throw UsageError("--local-steps and --\(name) exclude each other: \(reason)")
    }
  }
}

/// How often to log, validate and save, and what follows from the validations.
struct CheckpointOptions: ArgumentGroup {
  @Option(
    help: "steps between two log entries", valueName: "n",
    defaultText: "for 100 entries; 500 with original", accepting: .atLeast(1))
  var loggingSteps: Int?
  @Flag(help: "log the first step too") var loggingFirstStep = false
  @Option(help: "steps between two checkpoints", valueName: "n", accepting: .atLeast(1))
  var saveSteps = 7000
  @Option(
    help: "write a checkpoint after this many minutes, too; the next checkpoint takes its place",
    valueName: "n", defaultText: "30; never with original", accepting: .above(0))
  var saveMinutes: Double?
  @Option(
    help: "number of checkpoints to keep, besides the best", valueName: "n", defaultText: "all",
    accepting: .atLeast(1))
  var saveTotalLimit: Int?
  @Option(
    help: "steps between two validations", valueName: "n",
    defaultText: "for 20 validations; same as --save-steps with original",
    accepting: .atLeast(1))
  var evalSteps: Int?
  @Option(
    help: "texts to write at each validation for the page and for TensorBoard; 0 for none",
    valueName: "n",
    defaultText: "up to 64, as many as take about a hundredth of the run; none with original",
    accepting: .within(0...4096))
  var evalSamples: Int?
  @Option(
    help: "examples to validate at once, at most a training batch", valueName: "n",
    defaultText: "a training batch", accepting: .atLeast(1))
  var perDeviceEvalBatchSize: Int?
  @Flag(
    help: "put the weights with the lowest validation loss into final/ instead of the last; each "
      + "new best is saved as a checkpoint, which is kept until the next one. The default if posts "
      + "are held back, except with original")
  var loadBestModelAtEnd = false
  @Option(
    help: "stop after this many validations in a row without a lower loss", valueName: "n",
    defaultText: "never", accepting: .atLeast(1))
  var earlyStoppingPatience: Int?
  @Option(
    help: "how much lower a loss must be to count as lower for --early-stopping-patience",
    valueName: "x", defaultText: "0", accepting: .atLeast(0))
  var earlyStoppingThreshold: Double?
  @Option(
    help: "write event files for TensorBoard to the run's folder runs, or none",
    valueName: "target")
  var reportTo = ReportTarget.tensorboard
}

/// The optimizer AdamW and its learning rate.
struct OptimizerOptions: ArgumentGroup {
  @Option(
    help: "highest learning rate", aliases: ["lr"], valueName: "rate",
    defaultText:
      "5e-5 for fine-tuning, 1e-3 from random weights; an adapter needs more: 2e-4, or 1e-4 "
      + "with pissa", accepting: .above(0))
  var learningRate: Double?
  @Option(help: "how the learning rate changes after warm-up", valueName: "type")
  var lrSchedulerType = LearningRateSchedule.linear
  @Option(
    help: "steps over which the learning rate rises from 0", valueName: "n",
    defaultText: "500, but at most 6 % of the run except with original; 0 with --warmup-ratio",
    accepting: .atLeast(0))
  var warmupSteps: Int?
  @Option(
    help:
      "fraction of the steps over which the learning rate rises, unless --warmup-steps is above 0",
    valueName: "x", defaultText: "0", accepting: .within(0...1))
  var warmupRatio: Double?
  @Option(help: "weight decay", valueName: "rate", accepting: .within(0...1)) var weightDecay = 0.0
  @Option(help: "decay of the first moment", valueName: "beta", accepting: .within(0...0.999999))
  var adamBeta1 = 0.9
  @Option(help: "decay of the second moment", valueName: "beta", accepting: .within(0...0.999999))
  var adamBeta2 = 0.999
  @Option(help: "epsilon, added to the denominator", valueName: "epsilon", accepting: .above(0))
  var adamEpsilon = 1e-8
  @Option(
    help: "norm to which larger gradients are scaled down; 0: no limit",
    valueName: "norm", accepting: .atLeast(0))
  var maxGradNorm = 1.0
}
