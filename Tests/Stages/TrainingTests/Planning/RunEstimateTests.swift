import CheckpointFormat
import FileSupport
import Foundation
import GPT2
import Synchronization
import TensorKernels
import TestSupport
import Testing
import Training

@Suite("The estimate of a run")
struct RunEstimateTests {
  private let fixture: TrainingFixture

  init() throws {
    fixture = try TrainingFixture()
  }

  /// A clock that moves by half a second whenever it is read.
  private func tickingClock() -> TrainingClock {
    final class Ticks: Sendable { let time = Mutex(0.0) }
    let ticks = Ticks()
    return TrainingClock {
      ticks.time.withLock { time in
        time += 0.5
        return time
      }
    }
  }

  @Test("follows from the steps that it measures, and writes nothing")
  func measuredSteps() throws {
    let trainer = try fixture.trainer(clock: tickingClock()) {
      $0.evaluationSteps = 3
      // One batch of three blocks to validate on takes half a second.
      $0.batchSize = 4
    }
    let before = try fixture.folder.names()
    var steps = 0
    let estimate = try trainer.estimate(diskSpeed: 1000) { steps += 1 }
    #expect(try fixture.folder.names() == before)
    // One to begin with, three that are counted at least, one validation.
    #expect(steps >= 5)
    #expect(estimate.stepSeconds == 0.5)
    #expect(estimate.validationSeconds == 0.5)
    // Ten blocks are two steps, of eight and two.
    #expect(estimate.epochSeconds == 1)
    #expect(estimate.tokensPerSecond == 10 / 2 * 7 / 0.5)
    #expect(estimate.steps == 12)
    // After 3, 6, 9 and 12 steps; after 5 and 10.
    #expect(estimate.validations == 4)
    #expect(estimate.checkpoints == 2)
    let size = Double(estimate.checkpointBytes)
    #expect(estimate.checkpointSeconds == size / 1000)
    let known = 12 * 0.5 + 4 * 0.5 + 2 * size / 1000 + Double(estimate.finalBytes) / 1000
    #expect(estimate.runSeconds > known && estimate.runSeconds < known + 2)
  }

  @Test("sizes are those of the files", arguments: [nil, 1, 2])
  func sizes(_ limit: Int?) throws {
    let trainer = try fixture.trainer {
      ($0.saveSteps, $0.saveTotalLimit, $0.maximumSteps) = (2, limit, 9)
    }
    let need = try trainer.diskNeed(steps: trainer.totalSteps, after: 0)
    let size = trainer.checkpointByteCount
    #expect(need.atLeast == need.atMost)
    // After 2, 4, 6 and 8 steps.
    #expect(need.atLeast == (limit.map { $0 + 1 } ?? 4) * size + trainer.model.finalByteCount)
    try trainer.run { _ in }
    func numbers(_ files: String...) throws -> Int {
      try files.reduce(0) { sum, file in
        let tensors = try SafetensorsFile(path: fixture.folder.path("run/\(file)")).tensors
        return sum + tensors.values.reduce(0) { $0 + $1.count * MemoryLayout<Float>.stride }
      }
    }
    #expect(
      try numbers("checkpoint-8/model.safetensors", "checkpoint-8/optimizer.safetensors") == size)
    #expect(try numbers("final/model.safetensors") == trainer.model.finalByteCount)
  }

  @Test("only what is certain to be written counts as needed")
  func certain() throws {
    func need(_ change: (inout TrainingSettings) -> Void) throws -> [Int] {
      let trainer = try fixture.trainer { change(&$0) }
      let need = try trainer.diskNeed(steps: 12, after: 0)
      let finalSize = trainer.model.finalByteCount
      return [need.atLeast, need.atMost].map { ($0 - finalSize) / trainer.checkpointByteCount }
    }
    // After 5 and 10 steps.
    #expect(try need { _ in } == [2, 2])
    #expect(try need { $0.saveSteps = 100 } == [0, 0])
    #expect(try need { ($0.saveSteps, $0.saveMinutes) = (100, 30) } == [0, 1])
    // The first validation is the best so far; the next may be better.
    let best: (inout TrainingSettings) -> Void = {
      ($0.saveSteps, $0.evaluationSteps, $0.loadsBestModelAtEnd) = (100, 4, true)
    }
    #expect(try need(best) == [1, 2])
    // The run may end before its checkpoints.
    #expect(try need { $0.earlyStopping = EarlyStopping(patience: 1) } == [0, 2])
  }

  @Test("a resumed run needs only what it has not written yet")
  func resumed() throws {
    try fixture.runAndStop("run", after: 6)
    let trainer = try fixture.trainer()
    _ = try trainer.start(EarlierRunPolicy(resumes: true, restarts: false))
    // Only that after 10 steps.
    #expect(
      try trainer.diskNeed(steps: 12, after: 6).atLeast
        == trainer.checkpointByteCount + trainer.model.finalByteCount)
  }

  @Test(
    "a run that has no room on its disk is recognised",
    .enabled(if: MemoryDisk.isAvailable, "this process may not mount a disk"))
  func shortage() throws {
    let disk = try MemoryDisk(kilobytes: 64)
    func shortage(_ layers: Int) throws -> (needed: Int, free: Int)? {
      var configuration = TrainingFixture.configuration
      configuration.layers = layers
      let run = "../\(Folder.name(of: disk.path))/run"
      return try fixture.trainer(run, configuration: configuration).diskShortage()
    }
    #expect(try shortage(1) == nil)
    #expect(try shortage(20).map { $0.needed > $0.free && $0.free <= 64 << 10 } == true)
  }
}
