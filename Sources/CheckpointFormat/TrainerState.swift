import FileSupport

/// The progress of a training run, in the shape of the Hugging Face Trainer's
/// `trainer_state.json`.
public struct TrainerState: Equatable, Sendable {
  /// One line of the log: numbers by their names, `step` and `epoch` among them.
  public struct LogEntry: Equatable, Sendable {
    public var step: Int
    /// How many epochs are done, with the fraction of the running one.
    public var epoch: Double
    /// Numbers such as `loss`, `learning_rate`, `grad_norm`; `eval_loss`, `eval_perplexity`.
    public var values: [String: Double]

    public init(step: Int, epoch: Double, values: [String: Double]) {
      self.step = step
      self.epoch = epoch
      self.values = values
    }
  }

  /// Optimizer steps done.
  public var globalStep = 0
  /// Optimizer steps of the whole run.
  public var maximumSteps = 0
  /// Epochs of the whole run.
  public var epochCount = 0.0
  public var loggingSteps = 0
  public var saveSteps = 0
  public var batchSize = 0
  /// Tokens the model has learnt from.
  public var inputTokensSeen = 0
  /// The lowest validation loss at a checkpoint, and its step.
  public var best: (loss: Double, step: Int)?
  public var log: [LogEntry] = []
  /// The sum of the losses of all steps, of which `train_loss` is the mean.
  public var lossSum = 0.0
  /// The sum of the losses since the last line of the log, and how many there are.
  public var unloggedLossSum = 0.0
  public var unloggedSteps = 0

  public init() {}

  public static func == (a: TrainerState, b: TrainerState) -> Bool {
    a.json(bestCheckpoint: nil) == b.json(bestCheckpoint: nil)
  }

  /// The state as JSON, its keys sorted; `bestCheckpoint` is the path of the best checkpoint.
  public func json(bestCheckpoint: String?) -> JSONValue {
    [
      "best_global_step": best.map { .integer($0.step) } ?? nil,
      "best_metric": best.map { .number($0.loss) } ?? nil,
      "best_model_checkpoint": bestCheckpoint.map { .string($0) } ?? nil,
      "epoch": .number(log.last?.epoch ?? 0),
      "eval_steps": .integer(saveSteps),
      "global_step": .integer(globalStep),
      "is_hyper_param_search": false,
      "is_local_process_zero": true,
      "is_world_process_zero": true,
      "log_history": .array(
        log.map { entry in
          var members = entry.values.map { JSONValue.Member($0.key, .number($0.value)) }
          members.append(.init("epoch", .number(entry.epoch)))
          members.append(.init("step", .integer(entry.step)))
          return .object(members.sorted { $0.key < $1.key })
        }),
      "logging_steps": .integer(loggingSteps),
      "max_steps": .integer(maximumSteps),
      "num_input_tokens_seen": .integer(inputTokensSeen),
      "num_train_epochs": .number(epochCount),
      "save_steps": .integer(saveSteps),
      "stateful_callbacks": .object([]),
      "total_flos": 0.0,
      "train_batch_size": .integer(batchSize),
      "trial_name": nil,
      "trial_params": nil,
      "x_loss_sum": .number(lossSum),
      "x_unlogged_loss_sum": .number(unloggedLossSum),
      "x_unlogged_steps": .integer(unloggedSteps),
    ]
  }

  /// Reads the state that ``json(bestCheckpoint:)`` wrote to the file at `path`.
  ///
  /// - Throws: ``FileError``; ``InputError``.
  public init(path: String) throws {
    let value = try JSONValue(path: path)
    func number(_ key: String) throws -> Double {
      guard let number = value[key]?.number else {
        throw InputError(path, "'\(key)' is missing or not a number")
      }
      return number
    }
    func integer(_ key: String) throws -> Int {
      guard let integer = value[key]?.integer else {
        throw InputError(path, "'\(key)' is missing or not a whole number")
      }
      return integer
    }
    globalStep = try integer("global_step")
    maximumSteps = try integer("max_steps")
    epochCount = try number("num_train_epochs")
    loggingSteps = try integer("logging_steps")
    saveSteps = try integer("save_steps")
    batchSize = try integer("train_batch_size")
    inputTokensSeen = try integer("num_input_tokens_seen")
    if let loss = value["best_metric"]?.number, let step = value["best_global_step"]?.integer {
      best = (loss, step)
    }
    lossSum = try number("x_loss_sum")
    unloggedLossSum = try number("x_unlogged_loss_sum")
    unloggedSteps = try integer("x_unlogged_steps")
    for entry in value["log_history"]?.elements ?? [] {
      guard let members = entry.members, let step = entry["step"]?.integer,
        let epoch = entry["epoch"]?.number
      else { throw InputError(path, "log_history: an entry without step or epoch") }
      var values: [String: Double] = [:]
      for member in members where member.key != "step" && member.key != "epoch" {
        values[member.key] = member.value.number
      }
      log.append(LogEntry(step: step, epoch: epoch, values: values))
    }
  }
}
