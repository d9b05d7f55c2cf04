import FileSupport
import Foundation

/// How a model is trained; the names and defaults are the original recipe's and the Hugging Face
/// Trainer's.
public struct TrainingSettings: Equatable, Sendable {
  /// Tokens of a training example.
  public var blockSize = 128
  /// Examples in a batch.
  public var batchSize = 8
  /// Batches whose gradients make one step.
  public var gradientAccumulationSteps = 1
  /// Passes over the training data, unless ``maximumSteps`` says otherwise.
  public var epochs = 10.0
  /// Optimizer steps of the whole run; `nil`: as many as the epochs have.
  public var maximumSteps: Int?
  /// The highest learning rate.
  public var learningRate = 5e-5
  public var schedule = LearningRateSchedule.linear
  /// Steps in which the learning rate rises from 0.
  public var warmupSteps = 500
  public var weightDecay = 0.0
  public var adamBeta1 = 0.9
  public var adamBeta2 = 0.999
  public var adamEpsilon = 1e-8
  /// The largest norm of the gradient; a larger gradient is scaled down to it; 0: any.
  public var maximumGradientNorm = 1.0
  /// Decides new weights, the order of the examples and the dropout masks.
  public var seed: UInt64 = 42
  /// Steps between two lines of the log.
  public var loggingSteps = 500
  /// Steps between two checkpoints.
  public var saveSteps = 7000
  /// How many checkpoints are kept; `nil`: all.
  public var saveTotalLimit: Int?

  public init() {}

  /// What decides the course of a training, and so must not change when it is resumed.
  func course(steps: Int) -> JSONValue {
    [
      "block_size": .integer(blockSize),
      "per_device_train_batch_size": .integer(batchSize),
      "gradient_accumulation_steps": .integer(gradientAccumulationSteps),
      "max_steps": .integer(steps),
      "learning_rate": .number(learningRate),
      "lr_scheduler_type": .string(schedule.rawValue),
      "warmup_steps": .integer(warmupSteps),
      "weight_decay": .number(weightDecay),
      "adam_beta1": .number(adamBeta1),
      "adam_beta2": .number(adamBeta2),
      "adam_epsilon": .number(adamEpsilon),
      "max_grad_norm": .number(maximumGradientNorm),
      "seed": .string(String(seed)),
    ]
  }
}

/// How the learning rate goes from step to step, as in transformers' `get_scheduler`.
public enum LearningRateSchedule: String, CaseIterable, Sendable {
  /// Up during warm-up, then down to 0 along a line.
  case linear
  /// Up during warm-up, then down to 0 along half a cosine wave.
  case cosine
  /// The same all the time, without warm-up.
  case constant
  /// Up during warm-up, then the same.
  case constantWithWarmup = "constant_with_warmup"

  /// What the learning rate is multiplied by in step `step`, counted from 0, of `total`.
  ///
  /// With warm-up the first step has 0; the last of a decaying schedule does not reach 0.
  public func factor(step: Int, warmupSteps: Int, total: Int) -> Double {
    if self == .constant { return 1 }
    if step < warmupSteps { return Double(step) / Double(max(1, warmupSteps)) }
    let left = Double(total - step) / Double(max(1, total - warmupSteps))
    return switch self {
    case .linear: max(0, left)
    case .cosine: max(0, 0.5 * (1 + cos(.pi * (1 - left))))
    case .constant, .constantWithWarmup: 1
    }
  }
}
