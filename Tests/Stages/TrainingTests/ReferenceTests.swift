import CheckpointFormat
import FileSupport
import Foundation
import GPT2
import JSONSupport
import TensorKernels
import TestSupport
import Testing
import Training

/// What the transformers Trainer did, as `Tests/Interop/References/trainer_reference.py` has kept it.
@Suite("Against the Trainer of transformers")
struct ReferenceTests {
  private let folder: TemporaryFolder
  private let reference: JSONValue

  private static func path(_ name: String) -> String {
    URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Reference/\(name)").path
  }

  init() throws {
    folder = try TemporaryFolder()
    reference = try JSONValue(path: Self.path("trainer.json"))
  }

  /// Trains with the settings of the Trainer's run `name`.
  private func train(_ name: String) throws -> (trainer: Trainer, run: JSONValue) {
    let run = try #require(reference[name])
    let settings = try settings(#require(run["settings"]?.members))
    let trainer = try Trainer(
      GPT2Model(folder: Self.path("model"), threadPool: ThreadPool(count: 2)),
      data: TrainingData(folder: Self.path("tokens"), blockSize: settings.blockSize),
      settings: settings, folder: RunFolder(path: folder.path(name)), origin: .random)
    try trainer.run { _ in }
    return (trainer, run)
  }

  private func settings(_ members: [JSONValue.Member]) throws -> TrainingSettings {
    var settings = TrainingSettings()
    settings.blockSize = 16
    settings.warmupSteps = 0
    var patience: Int?
    var threshold = 0.0
    for member in members {
      let (value, number) = (member.value, member.value.number ?? 0)
      switch member.key {
      case "per_device_train_batch_size": settings.batchSize = Int(number)
      case "gradient_accumulation_steps": settings.gradientAccumulationSteps = Int(number)
      case "max_steps": settings.maximumSteps = Int(number)
      case "num_train_epochs": settings.epochs = number
      case "learning_rate": settings.learningRate = number
      case "lr_scheduler_type":
        settings.schedule = try #require(LearningRateSchedule(rawValue: value.string ?? ""))
      case "train_sampling_strategy":
        settings.samplingStrategy = try #require(SamplingStrategy(rawValue: value.string ?? ""))
      case "warmup_steps": settings.warmupSteps = Int(number)
      case "warmup_ratio": settings.warmupRatio = number
      case "weight_decay": settings.weightDecay = number
      case "adam_beta1": settings.adamBeta1 = number
      case "adam_beta2": settings.adamBeta2 = number
      case "adam_epsilon": settings.adamEpsilon = number
      case "max_grad_norm": settings.maximumGradientNorm = number
      case "logging_steps": settings.loggingSteps = Int(number)
      case "eval_steps": settings.evaluationSteps = Int(number)
      case "save_steps": settings.saveSteps = Int(number)
      case "save_total_limit": settings.saveTotalLimit = Int(number)
      case "load_best_model_at_end": settings.loadsBestModelAtEnd = value.boolean == true
      case "early_stopping_patience": patience = Int(number)
      case "early_stopping_threshold": threshold = number
      default: Issue.record("\(member.key) is no setting that is known")
      }
    }
    settings.earlyStopping = patience.map { EarlyStopping(patience: $0, threshold: threshold) }
    return settings
  }

  @Test(
    "the loss, the learning rate, the gradient's norm and the epoch are the Trainer's at every step",
    arguments: ["linear", "cosine", "constant_with_warmup", "early_stopping"])
  func log(_ name: String) throws {
    let (trainer, run) = try train(name)
    let log = trainer.state.withoutTimes.log
    let expected = try #require(run["log"]?.elements)
    try #require(log.count == expected.count)
    for (entry, theirs) in zip(log, expected) {
      #expect(entry.step == theirs["step"]?.integer)
      #expect(entry.epoch == theirs["epoch"]?.number)
      let keys = Set((theirs.members ?? []).map(\.key)).subtracting(["step", "epoch"])
      #expect(Set(entry.values.keys).subtracting(["eval_perplexity"]) == keys)
      for key in keys {
        let (ours, theirs) = (try #require(entry.values[key]), try #require(theirs[key]?.number))
        let tolerance: Double =
          switch key {
          case "learning_rate": 1e-12 * theirs
          case "grad_norm": 1e-4 * theirs
          case "loss", "eval_loss", "train_loss": 1e-5
          default: 0
          }
        #expect(abs(ours - theirs) <= tolerance, "step \(entry.step): \(key)")
      }
    }
    #expect(trainer.state.best?.step == run["best_global_step"]?.integer)
    #expect(trainer.state.floatingPointOperations == run["total_flos"]?.number)
  }

  /// A bias of the keys changes no softmax: its gradient is 0 but for rounding, which AdamW makes as
  /// large as any other.
  @Test("the weights after a hundred steps are the Trainer's")
  func weights() throws {
    let (trainer, _) = try train("linear")
    let file = try SafetensorsFile(path: Self.path("linear.safetensors"))
    for parameter in try trainer.gpt2.layout.parameters {
      let theirs = FloatArena(count: parameter.range.count)
      try file.copy(file.tensor(parameter.name, shape: parameter.shape), to: theirs.floats.buffer)
      let ours = try trainer.gpt2.parameters[parameter.range]
      let channels = trainer.model.configuration.embeddingSize
      let keys = parameter.name.hasSuffix("c_attn.bias") ? channels..<2 * channels : 0..<0
      let difference = ours.indices.filter { !keys.contains($0) }.map {
        abs(ours[$0] - theirs.floats[$0])
      }.max()
      #expect(try #require(difference) < 1e-5, "\(parameter.name)")
    }
  }

  @Test("early stopping ends with the weights of the Trainer's best step")
  func best() throws {
    let (trainer, run) = try train("early_stopping")
    let best = try #require(run["best_global_step"]?.integer)
    #expect(trainer.state.globalStep == 60 && best == 48)
    let path = folder.path("early_stopping")
    #expect(
      try folder.bytes(of: "early_stopping/final/model.safetensors")
        == folder.bytes(of: "early_stopping/checkpoint-48/model.safetensors"))
    #expect(
      try JSONValue(path: "\(path)/final/trainer_state.json")["best_model_checkpoint"]
        == "checkpoint-48")
  }
}
