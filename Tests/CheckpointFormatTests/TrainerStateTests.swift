import CheckpointFormat
import FileSupport
import TestSupport
import Testing

@Suite("TrainerState")
struct TrainerStateTests {
  private var state: TrainerState {
    var state = TrainerState()
    state.globalStep = 12
    state.maximumSteps = 30
    state.epochCount = 2.5
    state.loggingSteps = 4
    state.saveSteps = 6
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

  @Test("what is written reads back to the last bit")
  func roundTrip() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write(
      state.json(bestCheckpoint: nil).text(indent: 2), to: "trainer_state.json")
    let read = try TrainerState(path: path)
    #expect(read == state)
    #expect(read.best?.loss == 1.0 / 3)
    #expect(read.unloggedLossSum == 0.1 + 0.2)
    #expect(read.log == state.log)
    var other = state
    other.best = nil
    #expect(read != other)
  }

  @Test("has the Trainer's shape, its keys sorted")
  func shape() {
    let text = state.json(bestCheckpoint: "run/checkpoint-6").text()
    #expect(
      text == """
        {"best_global_step":6,"best_metric":0.3333333333333333,\
        "best_model_checkpoint":"run/checkpoint-6","epoch":0.5,"eval_steps":6,"global_step":12,\
        "is_hyper_param_search":false,"is_local_process_zero":true,"is_world_process_zero":true,\
        "log_history":[{"epoch":0.3333333333333333,"learning_rate":5e-05,"loss":3.25,"step":4},\
        {"epoch":0.5,"eval_loss":0.3333333333333333,"eval_perplexity":1.4,"step":6}],\
        "logging_steps":4,"max_steps":30,"num_input_tokens_seen":12288,"num_train_epochs":2.5,\
        "save_steps":6,"stateful_callbacks":{},"total_flos":0.0,"train_batch_size":8,\
        "trial_name":null,"trial_params":null,"x_loss_sum":40.1,\
        "x_unlogged_loss_sum":0.30000000000000004,"x_unlogged_steps":2}
        """)
    let empty = TrainerState().json(bestCheckpoint: nil)
    #expect(empty["best_metric"] == .null && empty["best_model_checkpoint"] == .null)
    #expect(empty["log_history"] == .array([]))
  }

  @Test(
    "names the key that is missing or wrong",
    arguments: [
      ("{}", "'global_step' is missing or not a whole number"),
      (#"{"global_step": 1.5}"#, "'global_step' is missing or not a whole number"),
      (
        #"{"global_step": 1, "max_steps": 2, "num_train_epochs": "3"}"#,
        "'num_train_epochs' is missing or not a number"
      ),
      (
        #"""
        {"global_step": 1, "max_steps": 2, "num_train_epochs": 3, "logging_steps": 1,
         "save_steps": 1, "train_batch_size": 1, "num_input_tokens_seen": 1, "x_loss_sum": 0,
         "x_unlogged_loss_sum": 0, "x_unlogged_steps": 0, "log_history": [{"step": 1}]}
        """#, "log_history: an entry without step or epoch"
      ),
    ])
  func problems(text: String, problem: String) throws {
    let folder = try TemporaryFolder()
    let path = try folder.write(text, to: "trainer_state.json")
    let error = #expect(throws: InputError.self) { try TrainerState(path: path) }
    #expect(error?.description == "\(path): \(problem)")
  }
}
