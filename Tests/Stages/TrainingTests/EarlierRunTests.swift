import CheckpointFormat
import FileSupport
import Foundation
import TestSupport
import Testing
import Training

/// What becomes of a run when another is started in its folder.
@Suite("an earlier run in the same folder")
struct EarlierRunTests {
  private let fixture: TrainingFixture
  private let run: RunFolder
  private let restart = EarlierRunPolicy(resumes: false, restarts: true)
  private let both = EarlierRunPolicy(resumes: true, restarts: true)

  init() throws {
    fixture = try TrainingFixture()
    run = RunFolder(path: fixture.folder.path("run"))
  }

  private func names(_ folder: String = "run") throws -> [String] {
    try Folder.list(fixture.folder.path(folder))
  }

  @Test("with the same settings a finished run is left as it is, even where it may be replaced")
  func finished() throws {
    try fixture.trainer().run { _ in }
    let before = try names()
    for policy in [EarlierRunPolicy(resumes: true, restarts: false), both] {
      #expect(try fixture.trainer().start(policy) == .finished)
    }
    #expect(try names() == before)
    let other = try fixture.trainer { $0.batchSize = 3 }
    let error = #expect(throws: InputError.self) {
      try other.start(EarlierRunPolicy(resumes: true, restarts: false))
    }
    #expect(
      error?.problem
        == "holds a run with other settings (per_device_train_batch_size was 2, is 3); "
        + "--restart replaces it")
  }

  @Test("what was set aside for a run that is finished is removed, even if a process died at it")
  func leftovers() throws {
    try fixture.trainer().run { _ in }
    for name in ["run.previous", "run.previous.partial"] {
      try fixture.folder.write("{}", to: "\(name)/final/trainer_state.json")
      try fixture.folder.write("", to: "\(name)/.set-aside")
    }
    #expect(try fixture.trainer().start(both) == .finished)
    #expect(!Folder.exists(run.previousPath) && !Folder.exists(run.previousPath + ".partial"))
  }

  @Test(
    "files that are not part of a run stay in its folder when it is replaced",
    arguments: [false, true])
  func otherFiles(_ isStopped: Bool) throws {
    try fixture.trainer().run { _ in }
    for name in ["run/notes.txt", "run/.git/HEAD", "run/tokens/train-00000.bin"] {
      try fixture.folder.write("mine", to: name)
    }
    let other = try fixture.trainer { $0.batchSize = 3 }
    _ = try other.start(restart)
    do {
      try other.run { event in
        if isStopped, case .progress(let progress) = event, progress.step == 2 {
          throw CancellationError()
        }
      }
    } catch is CancellationError {}
    for name in ["run/notes.txt", "run/.git/HEAD", "run/tokens/train-00000.bin"] {
      #expect(try fixture.folder.text(of: name) == "mine")
    }
    #expect(Folder.exists(run.previousPath) == isStopped)
    #expect(try run.holdsRun())
  }

  @Test("a run that was set aside comes back beside files that are not part of it")
  func comesBackBesideOthers() throws {
    try fixture.trainer().run { _ in }
    try Folder.move(fixture.folder.path("run"), replacing: run.previousPath)
    try fixture.folder.write("", to: "run.previous/.set-aside")
    // As if a process had died while it moved them back.
    for name in ["run/notes.txt", "run.previous/other.txt", "run/movie.partial"] {
      try fixture.folder.write("mine", to: name)
    }
    #expect(try fixture.trainer().start(both) == .finished)
    for name in ["notes.txt", "other.txt", "movie.partial", "final"] {
      #expect(try names().contains(name))
    }
    #expect(try !names().contains(".set-aside"))
    #expect(!Folder.exists(run.previousPath))
  }

  @Test("a model that no run has written is not replaced")
  func otherModel() throws {
    try fixture.folder.write("{}", to: "run/final/config.json")
    let error = #expect(throws: InputError.self) { try fixture.trainer().start(both) }
    #expect(
      error?.description
        == "\(run.finalPath): this is not the model of a run, so it is not replaced; choose another "
        + "--output")
    #expect(try fixture.folder.text(of: "run/final/config.json") == "{}")
  }

  @Test("a finished model that lost its files is not called finished, and is made again")
  func damagedFinal() throws {
    try fixture.trainer().run { _ in }
    let whole = try fixture.bytes("run/final/model.safetensors")
    try FileManager.default.removeItem(atPath: fixture.folder.path("run/final/config.json"))
    for damaged in [[], Array(whole.dropLast()), whole] {
      try replaceFile(at: fixture.folder.path("run/final/model.safetensors"), with: damaged)
      let error = #expect(throws: InputError.self) { try fixture.trainer().start(both) }
      #expect(
        error?.problem.contains("the finished model is damaged: remove \(run.path)/final") == true)
    }
    try Folder.remove(run.finalPath)
    let trainer = try fixture.trainer()
    #expect(try trainer.start(both) == .resumed(step: 10))
    try trainer.run { _ in }
    #expect(try fixture.bytes("run/final/model.safetensors") == whole)
  }

  @Test("a run that is replaced stays until the new one saves something, then until it is finished")
  func replaced() throws {
    try fixture.trainer().run { _ in }
    let old = try fixture.bytes("run/final/model.safetensors")
    let trainer = try fixture.trainer { $0.learningRate = 0.01 }
    #expect(
      try trainer.start(both) == .replacing(differences: ["learning_rate was 0.02, is 0.01"]))
    var steps = 0
    var saves = 0
    try trainer.run { event in
      switch event {
      case .progress:
        steps += 1
        let kept = try fixture.bytes(
          "\(saves == 0 ? "run" : "run.previous")/final/model.safetensors")
        #expect(kept == old, "step \(steps)")
      case .saved: saves += 1
      case .logged, .sampling, .completingRound: break
      }
    }
    #expect(saves == 3)
    #expect(try fixture.bytes("run/final/model.safetensors") != old)
    #expect(!Folder.exists(run.previousPath))
  }

  @Test("a new run that fails before its first checkpoint changes nothing")
  func failedEarly() throws {
    try fixture.trainer().run { _ in }
    let before = try names()
    let trainer = try fixture.trainer {
      $0.learningRate = 1e10
      $0.warmupSteps = 0
      $0.weightDecay = 0
    }
    _ = try trainer.start(both)
    #expect(throws: InputError.self) { try trainer.run { _ in } }
    #expect(try names() == before)
    #expect(try fixture.trainer().start(both) == .finished)
  }

  @Test("a new run that cannot write its first checkpoint changes nothing")
  func failedFirstSave() throws {
    try fixture.trainer().run { _ in }
    let before = try names()
    let trainer = try fixture.trainer { $0.learningRate = 0.01 }
    _ = try trainer.start(both)
    // What the checkpoint copies is gone.
    try Folder.remove(fixture.folder.path("tokens/tokenizer"))
    #expect(throws: (any Error).self) { try trainer.run { _ in } }
    #expect(try names() == before)
    #expect(!Folder.exists(run.previousPath) && !Folder.exists(run.path + ".new.partial"))
  }

  @Test("a folder that somebody else has given the name of an earlier run is not touched")
  func otherPrevious() throws {
    try fixture.folder.write("mine", to: "run.previous/notes.txt")
    _ = try fixture.trainer().start(both)
    try fixture.trainer().run { _ in }
    #expect(try fixture.trainer().start(both) == .finished)
    let error = #expect(throws: InputError.self) {
      try fixture.trainer { $0.seed = 1 }.start(both)
    }
    #expect(
      error?.problem
        == "the earlier run cannot be set aside as \(run.previousPath): something else has that "
        + "name; rename it")
    #expect(try names("run.previous") == ["notes.txt"])
    #expect(try names().contains("final"))
  }

  @Test("a finished model is kept while one new run after another stops before its end")
  func stoppedTwice() throws {
    try fixture.trainer().run { _ in }
    let old = try fixture.bytes("run/final/model.safetensors")
    for seed: UInt64 in [7, 8] {
      let trainer = try fixture.trainer { $0.seed = seed }
      guard case .replacing = try trainer.start(both) else {
        Issue.record("the earlier run is not replaced")
        return
      }
      #expect(throws: TrainingFixture.Stop.self) {
        try trainer.run {
          if case .progress(let progress) = $0, progress.step == 6 { throw TrainingFixture.Stop() }
        }
      }
      #expect(try run.checkpointSteps() == [5, 6])
      #expect(try fixture.bytes("run.previous/final/model.safetensors") == old)
    }
  }

  @Test("a run that was set aside comes back where the new one has saved nothing")
  func killedWhileSettingAside() throws {
    try fixture.trainer().run { _ in }
    let before = try names()
    // As after a power cut between the two renames, with what was being written.
    try Folder.move(fixture.folder.path("run"), replacing: run.previousPath)
    try fixture.folder.write("", to: "run.previous/.set-aside")
    try fixture.folder.write("x", to: "run.new.partial/checkpoint-5/config.json")
    try fixture.folder.write("x", to: "run/checkpoint-5.partial/config.json")
    #expect(try fixture.trainer().start(both) == .finished)
    #expect(try names() == before)
    #expect(!Folder.exists(run.previousPath))
  }

  @Test("a folder that is a link stays one, and the earlier run is kept beside what it leads to")
  func link() throws {
    try Folder.create(fixture.folder.path("big/mine"))
    try FileManager.default.createSymbolicLink(
      atPath: run.path, withDestinationPath: "big/mine")
    try fixture.runAndStop("run", after: 4)
    let trainer = try fixture.trainer { $0.seed = 1 }
    _ = try trainer.start(restart)
    var kept: [String] = []
    try trainer.run {
      if case .progress(let progress) = $0, progress.step == 6 {
        kept = try names("big/mine.previous")
      }
    }
    #expect(kept == [".set-aside", "checkpoint-4"])
    #expect(try names("big") == ["mine"])
    #expect(try names("big/mine").contains("final"))
    #expect(try names().contains("final"))
  }

  @Test("an unfinished run is resumed where that is possible, else replaced")
  func unfinished() throws {
    try fixture.runAndStop("run", after: 4)
    try fixture.folder.write("x", to: "run/checkpoint-8.partial/config.json")
    #expect(try fixture.trainer().start(both) == .resumed(step: 4))
    #expect(
      try fixture.trainer { $0.seed = 1 }.start(both)
        == .replacing(differences: [#"seed was "42", is "1""#]))
    #expect(try fixture.trainer().start(restart) == .replacing(differences: []))
    #expect(try names() == ["checkpoint-4"])
  }
}
