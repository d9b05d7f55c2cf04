import CheckpointFormat
import FileSupport
import JSONSupport
import TensorKernels

/// How a model is trained; the names and defaults are the original recipe's and the Hugging Face
/// Trainer's.
public struct TrainingSettings: Equatable, Sendable {
  /// The number of tokens in a training example.
  public var blockSize = 128
  /// The number of examples in a batch.
  public var batchSize = 8
  /// The number of batches whose gradients make up one step, a multiple of the number of processes
  /// that share it.
  public var gradientAccumulationSteps = 1
  /// The number of passes over the training data, unless ``maximumSteps`` says otherwise.
  public var epochs = 10.0
  /// The number of optimizer steps in the whole run; `nil`: as many as the epochs have.
  public var maximumSteps: Int?
  /// How much time the whole run has; `nil`: as much as its steps take.
  ///
  /// With a budget ``maximumSteps`` bounds the steps, and ``epochs`` do not.
  public var timeBudget: TimeBudget?
  /// The highest learning rate.
  public var learningRate = 5e-5
  public var schedule = LearningRateSchedule.linear
  /// The number of steps over which the learning rate rises from 0; 0: as ``warmupRatio`` says.
  public var warmupSteps = 500
  /// The fraction of the steps over which the learning rate rises, if ``warmupSteps`` is 0.
  public var warmupRatio = 0.0
  /// Whether the backward pass recomputes activations, which saves memory but costs time; the
  /// result is the same.
  public var checkpointsGradients = false
  /// The precision of products; weights, moments and sums are always in single precision.
  public var precision = Precision.fp32
  /// Whether the gradients of the batches of a step are summed in an order that does not depend on the
  /// number of processes, at the price of time and memory.
  public var sumsDeterministically = false
  /// Whether several processes exchange gradients in bfloat16.
  public var exchangesBFloat16 = false
  /// Whether each of several processes keeps the moments of only a part of what is trained; the result
  /// is the same.
  public var shardsOptimizer = false
  /// After how many steps several processes average their weights, each of which takes steps of its own
  /// until then; `nil`: they take every step together.
  ///
  /// What needs the weights of all, such as a validation, must be due only after a multiple of it.
  public var localSteps: Int?
  public var weightDecay = 0.0
  public var adamBeta1 = 0.9
  public var adamBeta2 = 0.999
  public var adamEpsilon = 1e-8
  /// The norm to which larger gradients are scaled down; 0: no scaling.
  public var maximumGradientNorm = 1.0
  /// Determines new weights, the order of the examples and the dropout masks.
  public var seed: UInt64 = 42
  public var samplingStrategy = SamplingStrategy.random
  /// The number of steps between two log entries.
  public var loggingSteps = 500
  /// Whether the first step is logged too.
  public var logsFirstStep = false
  /// The number of steps between two checkpoints.
  public var saveSteps = 7000
  /// The number of minutes after which a checkpoint is written even if ``saveSteps`` does not ask for
  /// one, which takes the place of the last such; `nil`: never.
  public var saveMinutes: Double?
  /// How many checkpoints are kept; `nil`: all.
  public var saveTotalLimit: Int?
  /// The number of steps between two validations; `nil`: the same as ``saveSteps``.
  public var evaluationSteps: Int?
  /// The number of examples validated at once, at most ``batchSize``; `nil`: exactly that.
  public var evaluationBatchSize: Int?
  /// How many texts are written at each validation, 0 for none; `nil`: as ``SampleSchedule`` says.
  public var evaluationSamples: Int? = 0
  /// Whether the final model is the one with the lowest validation loss instead of the last.
  public var loadsBestModelAtEnd = false
  /// When the training stops early; `nil`: never.
  public var earlyStopping: EarlyStopping?

  public init() {}

  /// The number of steps of a run on `data`, at most, if the time bounds them.
  public func totalSteps(on data: TrainingData) -> Int {
    if timeBudget != nil { return maximumSteps ?? TimeBudget.unboundedSteps }
    return maximumSteps ?? BatchPlan(self, blockCount: data.blockCount).steps(epochs: epochs)
  }

  /// The next number of steps from `steps` on after which the weights are averaged.
  public func wholeRounds(_ steps: Int) -> Int {
    steps.roundedUp(toMultipleOf: localSteps ?? 1)
  }

  /// The number of warm-up steps in a run of `total` steps.
  func warmupSteps(of total: Int) -> Int {
    if timeBudget?.fitsWarmup == true { return FittedSchedule(steps: total).warmupSteps }
    return warmupSteps > 0 ? warmupSteps : Int((Double(total) * warmupRatio).rounded(.up))
  }

  /// Whether the result depends on the validation loss.
  package var dependsOnValidation: Bool { loadsBestModelAtEnd || earlyStopping != nil }

  /// The settings of a run of `steps` steps, for people.
  func json(steps: Int) -> JSONValue {
    .object(
      (resumeKey(steps: steps).members ?? []) + [
        .init(
          "logging_steps", timeBudget?.fitsLogging == true ? nil : .integer(loggingSteps)),
        .init("save_steps", .integer(saveSteps)),
        .init("eval_samples", evaluationSamples.map { .integer($0) } ?? .null),
      ])
  }

  /// What must be equal for a run to be resumed.
  func resumeKey(steps: Int) -> JSONValue {
    let validates = dependsOnValidation && timeBudget?.fitsEvaluation != true
    // What follows from the time is not a setting.
    let isKnown = timeBudget == nil || maximumSteps != nil
    let hasWarmup = isKnown || warmupSteps > 0 && timeBudget?.fitsWarmup != true
    return [
      "block_size": .integer(blockSize),
      "per_device_train_batch_size": .integer(batchSize),
      "gradient_accumulation_steps": .integer(gradientAccumulationSteps),
      "max_steps": isKnown ? .integer(steps) : nil,
      "time_budget": timeBudget.map { .string($0.text) } ?? nil,
      "learning_rate": .number(learningRate),
      "lr_scheduler_type": .string(schedule.rawValue),
      "warmup_steps": hasWarmup ? .integer(warmupSteps(of: steps)) : nil,
      "warmup_ratio": hasWarmup ? nil : .number(warmupRatio),
      "weight_decay": .number(weightDecay),
      "adam_beta1": .number(adamBeta1),
      "adam_beta2": .number(adamBeta2),
      "adam_epsilon": .number(adamEpsilon),
      "max_grad_norm": .number(maximumGradientNorm),
      "seed": .string(String(seed)),
      "train_sampling_strategy": .string(samplingStrategy.rawValue),
      "precision": .string(precision.rawValue),
      "bf16_reduction": exchangesBFloat16 ? true : nil,
      "deterministic_reduction": sumsDeterministically ? true : nil,
      "local_steps": localSteps.map { .integer($0) } ?? nil,
      "load_best_model_at_end": .boolean(loadsBestModelAtEnd),
      "early_stopping_patience": earlyStopping.map { .integer($0.patience) } ?? nil,
      "early_stopping_threshold": earlyStopping.map { .number($0.threshold) } ?? nil,
      // How often the model is validated changes the result only if the result depends on
      // validation.
      "eval_steps": validates ? .integer(evaluationSteps ?? saveSteps) : nil,
      "per_device_eval_batch_size": dependsOnValidation
        ? .integer(min(evaluationBatchSize ?? batchSize, batchSize)) : nil,
    ]
  }
}

/// The order in which an epoch goes through the examples; the names are the Trainer's.
public enum SamplingStrategy: String, CaseIterable, Sendable {
  /// A new order in each epoch, which follows from the seed.
  case random
  /// The order of the shards.
  case sequential
  /// The posts are put into a new order in each epoch and cut into blocks only then, so that a post
  /// has other neighbours each time. The Trainer has nothing like it.
  case posts
}

/// Intervals of warm-up, logging and validation that suit the length of a run.
///
/// The original recipe's numbers were made for 32,000 posts: a small corpus would be done before the
/// learning rate has risen, and a large one would show its first loss after hours.
public struct FittedSchedule: Equatable, Sendable {
  /// Those of the original recipe, but at most 6 % of the run.
  public let warmupSteps: Int
  /// For about 100 lines of the log.
  public let loggingSteps: Int
  /// For about 20 validations.
  public let evaluationSteps: Int

  /// The schedule of a run of `steps` steps.
  public init(steps: Int) {
    warmupSteps = min(500, steps * 6 / 100)
    loggingSteps = max(1, steps / 100)
    evaluationSteps = max(1, steps / 20)
  }
}
