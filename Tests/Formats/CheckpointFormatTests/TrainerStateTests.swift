import CheckpointFormat
import FileSupport
import JSONSupport
import TestSupport
import Testing

@Suite("TrainerState")
struct TrainerStateTests {
  private var state: TrainerState {
    var state = TrainerState()
    state.globalStep = 12
    state.maximumSteps = 30
    state.epoch = 0.7
    state.epochCount = 3
    state.loggingSteps = 4
    state.saveSteps = 6
    state.evaluationSteps = 3
    state.floatingPointOperations = 1e15
    state.earlyStopping = EarlyStopping(patience: 2, threshold: 0.5)
    state.earlyStopping?.count(9, best: 1)
    state.batchSize = 8
    state.inputTokensSeen = 12_288
    state.best = (1.0 / 3, 6)
    state.lossSum = 40.1
    state.unloggedLossSum = 0.1 + 0.2
    state.unloggedSteps = 2
    state.log = [
      .init(step: 4, epoch: 1.0 / 3, values: ["loss": 3.25, "learning_rate": 5e-5]),
      .init(step: 6, epoch: 0.5, values: ["eval_loss": 1.0 / 3, "eval_perplexity": 1.4]),
    ]
    return state
  }

  /// Writes the files of a checkpoint that a state is read from, and returns their folder.
  private func write(
    _ state: String, sums: JSONValue = TrainerState().sums, to folder: TemporaryFolder
  ) throws -> String {
    try folder.write(state, to: "checkpoint-1/trainer_state.json")
    try folder.write(
      JSONValue.object([.init("sums", sums)]).text(), to: "checkpoint-1/resume_state.json")
    return folder.path("checkpoint-1")
  }

  @Test("what is written reads back to the last bit")
  func roundTrip() throws {
    let folder = try TemporaryFolder()
    let path = try write(
      state.json(bestCheckpoint: nil).text(indent: 2), sums: state.sums, to: folder)
    let read = try TrainerState(checkpoint: path)
    #expect(read == state)
    #expect(read.best?.loss == 1.0 / 3)
    #expect(read.unloggedLossSum == 0.1 + 0.2)
    #expect(read.log == state.log)
    #expect(read.earlyStopping?.count == 1)
    for change in [
      { $0.best = nil }, { $0.lossSum = 40 }, { $0.earlyStopping = nil }, { $0.epoch = 0.8 },
    ] as [(inout TrainerState) -> Void] {
      var other = state
      change(&other)
      #expect(read != other)
    }
  }

  /// transformers gives all keys to the initializer of its own state, and fails for others.
  @Test("has the keys of the Trainer's state and no others, sorted")
  func shape() {
    let text = state.json(bestCheckpoint: "run/checkpoint-6").text()
    #expect(
      text == """
        {"best_global_step":6,"best_metric":0.3333333333333333,\
        "best_model_checkpoint":"run/checkpoint-6","epoch":0.7,"eval_steps":3,"global_step":12,\
        "is_hyper_param_search":false,"is_local_process_zero":true,"is_world_process_zero":true,\
        "log_history":[{"epoch":0.3333333333333333,"learning_rate":5e-05,"loss":3.25,"step":4},\
        {"epoch":0.5,"eval_loss":0.3333333333333333,"eval_perplexity":1.4,"step":6}],\
        "logging_steps":4,"max_steps":30,"num_input_tokens_seen":12288,"num_train_epochs":3,\
        "save_steps":6,"stateful_callbacks":{"EarlyStoppingCallback":{"args":\
        {"early_stopping_patience":2,"early_stopping_threshold":0.5},"attributes":\
        {"early_stopping_patience_counter":1}},"TrainerControl":{"args":{"should_epoch_stop":false,\
        "should_evaluate":false,"should_log":false,"should_save":true,\
        "should_training_stop":false},"attributes":{}}},"total_flos":1000000000000000.0,\
        "train_batch_size":8,"trial_name":null,"trial_params":null}
        """)
    #expect(
      state.sums.text()
        == #"{"loss_sum":40.1,"unlogged_loss_sum":0.30000000000000004,"unlogged_steps":2}"#)
    let empty = TrainerState().json(bestCheckpoint: nil)
    #expect(empty["best_metric"] == .null && empty["best_model_checkpoint"] == .null)
    #expect(empty["log_history"] == .array([]))
    #expect(empty["stateful_callbacks"]?.members?.map(\.key) == ["TrainerControl"])
  }

  @Test("a training is finished after its last step, or when early stopping says so")
  func finished() {
    var state = state
    #expect(!state.isFinished)
    state.earlyStopping?.count(9, best: 1)
    #expect(state.isFinished)
    state.earlyStopping = nil
    state.globalStep = 29
    #expect(!state.isFinished)
    state.globalStep = 30
    #expect(state.isFinished)
  }

  private static let numbers = #"""
    {"global_step": 1, "epoch": 0.5, "max_steps": 2, "num_train_epochs": 3, "logging_steps": 1,
     "eval_steps": 1, "save_steps": 1, "train_batch_size": 1, "num_input_tokens_seen": 1,
     "total_flos": 0.0
    """#

  @Test(
    "names the key that is missing or wrong",
    arguments: [
      ("{}", "'global_step' is missing or not a whole number"),
      (#"{"global_step": 1.5}"#, "'global_step' is missing or not a whole number"),
      (#"{"global_step": 1, "epoch": "3"}"#, "'epoch' is missing or not a number"),
      (
        numbers + #", "log_history": [{"step": 1}]}"#,
        "log_history: an entry without step or epoch"
      ),
      (
        numbers + #", "stateful_callbacks": {"EarlyStoppingCallback": {"args": {}}}}"#,
        "stateful_callbacks: EarlyStoppingCallback is damaged"
      ),
    ])
  func problems(text: String, problem: String) throws {
    let folder = try TemporaryFolder()
    let path = try write(text, to: folder)
    let error = #expect(throws: InputError.self) { try TrainerState(checkpoint: path) }
    #expect(error?.description == "\(path)/trainer_state.json: \(problem)")
  }

  @Test("names the sum that is missing")
  func missingSum() throws {
    let folder = try TemporaryFolder()
    let path = try write(Self.numbers + "}", sums: ["loss_sum": 1], to: folder)
    let error = #expect(throws: InputError.self) { try TrainerState(checkpoint: path) }
    #expect(
      error?.description
        == "\(path)/resume_state.json: 'sums.unlogged_loss_sum' is missing or not a number")
  }
}

@Suite("EarlyStopping")
struct EarlyStoppingTests {
  /// How the count goes with `losses`, the best of those before kept as the Trainer keeps it.
  private func counts(_ losses: [Double], threshold: Double) -> [Int] {
    var stopping = EarlyStopping(patience: 3, threshold: threshold)
    var best: Double?
    return losses.map { loss in
      stopping.count(loss, best: best)
      best = min(best ?? loss, loss)
      #expect(stopping.isReached == (stopping.count >= 3))
      return stopping.count
    }
  }

  @Test("counts validations in a row that are not lower than the lowest before")
  func counting() {
    #expect(counts([3, 2, 2, 2.5, 1.9, 2, 2, 2], threshold: 0) == [0, 0, 1, 2, 0, 1, 2, 3])
  }

  /// The lowest goes down all the same, so that many small improvements are none.
  @Test("with a threshold, a loss that is lower by no more than it does not count as lower")
  func threshold() {
    #expect(
      counts([3, 2.75, 2.5, 1.5, 1, 0.875, 2], threshold: 0.5) == [0, 1, 2, 0, 1, 2, 3])
  }
}
