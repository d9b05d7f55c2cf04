import FileSupport
import JSONSupport

/// The progress of a training run, in the format of the Hugging Face Trainer's
/// `trainer_state.json`.
///
/// transformers rejects a file with unknown keys, so what only this project needs is in ``sums``,
/// which is written to another file.
public struct TrainerState: Equatable, Sendable {
  /// One line of the log.
  public struct LogEntry: Equatable, Sendable {
    public var step: Int
    /// The number of epochs done, including the fraction of the current one.
    public var epoch: Double
    /// Numbers such as `loss`, `learning_rate`, `grad_norm`; `eval_loss`, `eval_perplexity`.
    public var values: [String: Double]

    public init(step: Int, epoch: Double, values: [String: Double]) {
      self.step = step
      self.epoch = epoch
      self.values = values
    }
  }

  /// The last line of the log that has a value for `key`.
  public func lastEntry(with key: String) -> LogEntry? { log.last { $0.values[key] != nil } }

  /// The number of optimizer steps done.
  public var globalStep = 0
  /// The number of epochs done, including the fraction of the current one.
  public var epoch = 0.0
  /// The number of optimizer steps of the whole run.
  public var maximumSteps = 0
  /// The number of epochs of the whole run, rounded up.
  public var epochCount = 0
  public var loggingSteps = 0
  public var evaluationSteps = 0
  public var saveSteps = 0
  public var batchSize = 0
  /// The number of tokens that the model was trained on.
  public var inputTokensSeen = 0
  /// The number of floating-point operations done, by the Trainer's estimate: 6 per token and
  /// parameter, not counting embeddings.
  public var floatingPointOperations = 0.0
  /// The lowest validation loss and the step after which it was measured.
  public var best: (loss: Double, step: Int)?
  /// The state of early stopping; `nil` if it is off.
  public var earlyStopping: EarlyStopping?
  public var log: [LogEntry] = []
  /// The sum of the losses of all steps, of which `train_loss` is the mean.
  public var lossSum = 0.0
  /// The sum and the number of the losses since the last line of the log.
  public var unloggedLossSum = 0.0
  public var unloggedSteps = 0
  /// What the model wrote at the validations, in their order.
  public var samples: [Samples] = []

  public init() {}

  public static func == (a: TrainerState, b: TrainerState) -> Bool {
    a.json(bestCheckpoint: nil) == b.json(bestCheckpoint: nil) && a.sums == b.sums
  }

  /// Whether no steps are left or early stopping has ended the training.
  public var isFinished: Bool { globalStep >= maximumSteps || earlyStopping?.isReached == true }

  /// The state as JSON, its keys sorted; `bestCheckpoint` is the path of the best checkpoint.
  public func json(bestCheckpoint: String?) -> JSONValue {
    [
      "best_global_step": best.map { .integer($0.step) } ?? nil,
      "best_metric": best.map { .number($0.loss) } ?? nil,
      "best_model_checkpoint": bestCheckpoint.map { .string($0) } ?? nil,
      "epoch": .number(epoch),
      "eval_steps": .integer(evaluationSteps),
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
      "num_train_epochs": .integer(epochCount),
      "save_steps": .integer(saveSteps),
      "stateful_callbacks": callbacks,
      "total_flos": .number(floatingPointOperations),
      "train_batch_size": .integer(batchSize),
      "trial_name": nil,
      "trial_params": nil,
    ]
  }

  /// The state of the Trainer's callbacks.
  private var callbacks: JSONValue {
    let control: JSONValue.Member = .init(
      "TrainerControl",
      [
        "args": [
          "should_epoch_stop": false, "should_evaluate": false, "should_log": false,
          "should_save": true, "should_training_stop": .boolean(isFinished),
        ], "attributes": .object([]),
      ])
    guard let earlyStopping else { return .object([control]) }
    return .object([.init(EarlyStopping.callbackName, earlyStopping.json), control])
  }

  /// The sums that a resumed run continues from.
  public var sums: JSONValue {
    [
      "loss_sum": .number(lossSum), "unlogged_loss_sum": .number(unloggedLossSum),
      "unlogged_steps": .integer(unloggedSteps),
    ]
  }

  /// Reads the state from `trainer_state.json` and `resume_state.json` in a checkpoint folder.
  ///
  /// - Throws: ``FileError``; ``InputError``.
  public init(checkpoint folder: String) throws {
    let resumeState = try JSONObject(path: "\(folder)/\(CheckpointFile.resumeState)")
    try self.init(
      JSONObject(path: "\(folder)/\(CheckpointFile.trainerState)"), sums: resumeState.object("sums")
    )
    samples = Samples.all(in: resumeState["samples"])
  }

  /// Reads what ``json(bestCheckpoint:)`` and ``sums`` have written.
  ///
  /// - Throws: ``InputError``.
  public init(_ state: JSONObject, sums: JSONObject) throws {
    globalStep = try state.integer("global_step")
    epoch = try state.number("epoch")
    maximumSteps = try state.integer("max_steps")
    epochCount = try state.integer("num_train_epochs")
    loggingSteps = try state.integer("logging_steps")
    evaluationSteps = try state.integer("eval_steps")
    saveSteps = try state.integer("save_steps")
    batchSize = try state.integer("train_batch_size")
    inputTokensSeen = try state.integer("num_input_tokens_seen")
    floatingPointOperations = try state.number("total_flos")
    if let loss = state["best_metric"]?.number, let step = state["best_global_step"]?.integer {
      best = (loss, step)
    }
    if let callback = state["stateful_callbacks"]?[EarlyStopping.callbackName] {
      guard let stopping = EarlyStopping(callback) else {
        throw InputError(state.path, "stateful_callbacks: EarlyStoppingCallback is damaged")
      }
      earlyStopping = stopping
    }
    for entry in state["log_history"]?.elements ?? [] {
      guard let members = entry.members, let step = entry["step"]?.integer,
        let epoch = entry["epoch"]?.number
      else { throw InputError(state.path, "log_history: an entry without step or epoch") }
      var values: [String: Double] = [:]
      for member in members where member.key != "step" && member.key != "epoch" {
        values[member.key] = member.value.number
      }
      log.append(LogEntry(step: step, epoch: epoch, values: values))
    }
    lossSum = try sums.number("loss_sum")
    unloggedLossSum = try sums.number("unlogged_loss_sum")
    unloggedSteps = try sums.integer("unlogged_steps")
  }
}
