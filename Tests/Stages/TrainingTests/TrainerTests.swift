import CheckpointFormat
import FileSupport
import Foundation
import GPT2
import TensorKernels
import TestSupport
import Testing
import TokenShardFormat
import Training

@Suite("Trainer")
struct TrainerTests {
  private let fixture: TrainingFixture

  init() throws {
    fixture = try TrainingFixture()
  }

  @Test("the loss falls, and the log holds its means, the learning rates and the norms")
  func lossFalls() throws {
    let trainer = try fixture.trainer(seed: 4) { $0.maximumSteps = 60 }
    #expect(trainer.totalSteps == 60)
    var losses: [Double] = []
    var rates: [Double] = []
    var tokens = 0
    try trainer.run { event in
      guard case .progress(let progress) = event else { return }
      #expect(progress.step == losses.count + 1)
      losses.append(progress.loss)
      rates.append(progress.learningRate)
      tokens += progress.tokens
    }
    #expect(losses.count == 60)
    #expect(abs(losses[0] - log(11)) < 0.1)
    #expect(losses[59] < 0.7 * losses[0])
    for step in 0..<60 {
      let factor = LearningRateSchedule.linear.factor(step: step, warmupSteps: 2, total: 60)
      #expect(rates[step] == 0.02 * factor)
    }
    // Of each block of 8 tokens, 7 have a successor in it; 20 epochs of 10 blocks.
    #expect(tokens == 20 * 10 * 7)
    #expect(trainer.state.inputTokensSeen == 20 * 10 * 8)
    let logged = trainer.state.log.filter { $0.values["loss"] != nil }
    #expect(logged.map(\.step) == Array(stride(from: 2, through: 60, by: 2)))
    for (index, entry) in logged.enumerated() {
      let mean = (losses[2 * index] + losses[2 * index + 1]) / 2
      #expect(abs(try #require(entry.values["loss"]) - mean) < 1e-12)
      #expect(entry.values["learning_rate"] == rates[2 * index + 1])
      #expect(try #require(entry.values["grad_norm"]) > 0)
    }
    // Three steps an epoch: two batches, two batches, one.
    #expect(logged.prefix(4).map(\.epoch) == [0.8, 1.4, 2, 2.8])
    let last = try #require(trainer.state.log.last)
    #expect(abs(try #require(last.values["train_loss"]) - losses.reduce(0, +) / 60) < 1e-12)
  }

  @Test("epochs decide the number of steps where nothing else does")
  func epochs() throws {
    let trainer = try fixture.trainer {
      $0.maximumSteps = nil
      $0.epochs = 2.5
    }
    #expect(trainer.totalSteps == 8)
    #expect(trainer.state.epochCount == 3)
    #expect(try fixture.trainer().state.epochCount == 4)
  }

  @Test("the first step is logged on demand, and its loss is not counted twice")
  func firstStep() throws {
    let trainer = try fixture.trainer {
      $0.loggingSteps = 3
      $0.logsFirstStep = true
      $0.maximumSteps = 6
    }
    var losses: [Double] = []
    var events: [Int] = []
    try trainer.run { event in
      switch event {
      case .progress(let progress): losses.append(progress.loss)
      case .logged(let entry): if entry.values["loss"] != nil { events.append(entry.step) }
      case .sampling, .completingRound, .saved: break
      }
    }
    #expect(events == [1, 3, 6])
    let logged = trainer.state.log.compactMap { $0.values["loss"] }
    let means = [losses[0], (losses[1] + losses[2]) / 2, losses[3...].reduce(0, +) / 3]
    #expect(zip(logged, means).allSatisfy { abs($0 - $1) < 1e-12 })
  }

  @Test("accumulated batches make the same step as one large batch")
  func accumulation() throws {
    var configuration = TrainingFixture.configuration
    (configuration.attentionDropout, configuration.residualDropout) = (0, 0)
    configuration.embeddingDropout = 0
    let runs = try [(10, 1), (5, 2), (2, 5)].map { batch, accumulation in
      let trainer = try fixture.trainer("run-\(batch)", configuration: configuration) {
        $0.batchSize = batch
        $0.gradientAccumulationSteps = accumulation
        $0.maximumSteps = 5
        $0.loggingSteps = 1
      }
      try trainer.run { _ in }
      return trainer.state.log.compactMap { $0.values["loss"] }
    }
    for run in runs {
      #expect(run.count == 5)
      #expect(zip(run, runs[0]).allSatisfy { abs($0 - $1) < 1e-5 })
    }
  }

  @Test("weight decay shrinks matrices and embeddings, not biases and norms")
  func weightDecay() throws {
    let trainers = try [0, 0.5].map { decay in
      let trainer = try fixture.trainer("run-\(decay)") {
        $0.weightDecay = decay
        $0.warmupSteps = 0
        $0.maximumSteps = 1
      }
      let before = Array(try trainer.gpt2.parameters.floats)
      try trainer.run { _ in }
      return (try trainer.gpt2, before)
    }
    let (plain, before) = trainers[0]
    let decayed = trainers[1].0
    for parameter in plain.layout.parameters {
      let isPlain = parameter.name.hasSuffix("bias") || parameter.name.contains("ln_")
      for index in parameter.range {
        let difference = decayed.parameters.floats[index] - plain.parameters.floats[index]
        let expected = isPlain ? 0 : -0.02 * 0.5 * before[index]
        guard abs(difference - expected) < 1e-7 else {
          Issue.record("\(parameter.name) differs by \(difference), expected \(expected)")
          return
        }
      }
    }
  }

  @Test("a gradient longer than the limit is shortened to it")
  func clipping() throws {
    /// How far the first moments are from 0 after a step: 0.1 times the norm of the gradient.
    func norms(limit: Double) throws -> (logged: Double, used: Double) {
      let run = "run-\(limit)"
      let trainer = try fixture.trainer(run) {
        $0.maximumGradientNorm = limit
        $0.loggingSteps = 1
        $0.saveSteps = 1
        $0.maximumSteps = 2
      }
      try trainer.run { _ in }
      let file = try SafetensorsFile(
        path: fixture.folder.path("\(run)/checkpoint-1/optimizer.safetensors"))
      var sum = 0.0
      for (name, tensor) in file.tensors where name.hasPrefix("exp_avg.") {
        let floats = FloatArena(count: tensor.count)
        try file.copy(tensor, to: floats.floats.buffer)
        sum += pow(trainer.model.threadPool.norm(floats.floats), 2)
      }
      let logged = trainer.state.log.first { $0.values["grad_norm"] != nil }
      return (try #require(logged?.values["grad_norm"]), 10 * sum.squareRoot())
    }
    let free = try norms(limit: 0)
    #expect(free.logged > 0.1)
    #expect(abs(free.used / free.logged - 1) < 1e-4)
    let clipped = try norms(limit: 0.05)
    #expect(clipped.logged == free.logged)
    #expect(abs(clipped.used / 0.05 - 1) < 1e-4)
    let loose = try norms(limit: 100)
    #expect(abs(loose.used / free.logged - 1) < 1e-4)
  }

  @Test("events come in order: progress, log, validation, checkpoint; the final model last")
  func events() throws {
    let trainer = try fixture.trainer { $0.maximumSteps = 6 }
    var events: [String] = []
    try trainer.run { event in
      switch event {
      case .progress(let progress): events.append("step \(progress.step)")
      case .logged(let entry):
        events.append(entry.values["loss"] == nil ? "validated" : "logged")
      case .sampling: events.append("sampling")
      case .completingRound: events.append("completing round")
      case .saved(let path): events.append(Folder.name(of: path))
      }
    }
    #expect(
      events == [
        "step 1", "step 2", "logged", "step 3", "step 4", "logged", "step 5", "validated",
        "checkpoint-5", "step 6", "logged", "validated", "final",
      ])
  }

  @Test("validation is at every checkpoint and at the end, even where the log has nothing between")
  func validation() throws {
    let trainer = try fixture.trainer { $0.loggingSteps = 100 }
    try trainer.run { _ in }
    let validations = trainer.state.log.filter { $0.values["eval_loss"] != nil }
    #expect(validations.map(\.step) == [5, 10, 12])
    let losses = validations.compactMap { $0.values["eval_loss"] }
    let best = try #require(trainer.state.best)
    #expect(best.loss == losses.min())
    #expect(best.step == validations.first { $0.values["eval_loss"] == best.loss }?.step)
    for entry in validations {
      let loss = try #require(entry.values["eval_loss"])
      #expect(entry.values["eval_perplexity"] == exp(loss))
    }
    // The mean over all targets of all whole blocks, without dropout.
    let pass = TrainingPass(try trainer.gpt2, batchSize: 1, sequenceLength: 7, forGradients: false)
    var sum = 0.0
    let tokens = TrainingFixture.ids(.validation, count: 24).map { Int32($0) }
    for start in [0, 8, 16] {
      let ids = tokens[start..<start + 8]
      sum += pass.loss(inputs: Array(ids.dropLast()), targets: Array(ids.dropFirst()))
    }
    #expect(abs(try #require(losses.last) - sum / 21) < 1e-6)
  }

  @Test("without validation data there is no validation")
  func noValidation() throws {
    let fixture = try TrainingFixture(validationBlocks: 0)
    let trainer = try fixture.trainer()
    try trainer.run { _ in }
    #expect(trainer.state.log.allSatisfy { $0.values["eval_loss"] == nil })
    #expect(trainer.state.best == nil)
  }

  @Test("a loss that is no number ends the training with advice")
  func notANumber() throws {
    let trainer = try fixture.trainer()
    try trainer.gpt2.parameters.floats[3] = .nan
    let error = #expect(throws: InputError.self) { try trainer.run { _ in } }
    #expect(
      error?.description
        == "\(fixture.folder.path("run")): step 1: the loss or its gradient is no longer "
        + "finite; try a lower --learning-rate or more --warmup-steps")
  }

  @Test("data that do not fit the model are refused")
  func mismatches() throws {
    let tokenizer = fixture.folder.path("tokens/tokenizer")
    var configuration = TrainingFixture.configuration
    configuration.vocabularySize = 10
    var error = #expect(throws: InputError.self) {
      try fixture.trainer(configuration: configuration)
    }
    #expect(
      error?.description
        == "\(tokenizer): the tokens are from a vocabulary of 11, but the model has 10: encode "
        + "with the model's own tokenizer")
    configuration = TrainingFixture.configuration
    configuration.contextLength = 7
    error = #expect(throws: InputError.self) { try fixture.trainer(configuration: configuration) }
    #expect(
      error?.description
        == "\(fixture.folder.path("run")): blocks of 8 tokens are longer than the model's context: "
        + "choose --block-size 7 or less")
    error = #expect(throws: InputError.self) { try fixture.trainer { $0.blockSize = 84 } }
    #expect(
      error?.description
        == "\(fixture.folder.path("tokens")): 83 tokens to train on are less than a block of 84: "
        + "use more text or a smaller --block-size")
  }
}
