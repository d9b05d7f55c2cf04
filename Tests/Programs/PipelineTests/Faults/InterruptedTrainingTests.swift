import Foundation
import TestSupport
import Testing

/// A training that is killed and resumed.
@Suite("an interrupted training", .serialized)
struct InterruptedTrainingTests {
  /// What ends a training early.
  enum End: CaseIterable {
    /// SIGKILL to all, as in a power cut.
    case kill
    /// SIGINT to all, as a terminal sends it on Ctrl-C.
    case interrupt
    /// SIGTERM to the program alone.
    case terminate
  }

  static let settings = [
    "WIDTH": "32", "BATCH_SIZE": "8", "BLOCK_SIZE": "32", "MAX_STEPS": "1000", "SAVE_STEPS": "60",
    "LOGGING_STEPS": "7", "EVAL_STEPS": "60",
  ]

  @Test("gives the same model to the last bit when it is resumed")
  func same() throws {
    let project = try Project()
    func variables(_ run: String) -> [String: String] {
      Self.settings.merging(["RUN": run, "EXPORT": "data/fixture"]) { $1 }
    }
    let whole = try project.make("train", with: variables("whole"))
    try #require(whole.status == 0, "\(whole.log)")
    for end in End.allCases {
      let run = "\(end)"
      try interrupt(try project.startMake(["train"], variables(run)), end, run, project)
      #expect(!project.exists("checkpoints/\(run)/final"), "\(end): it was finished before")
      let rest = try project.make("train", with: variables(run))
      #expect(rest.status == 0, "\(rest.log)")
      #expect(rest.stages == ["gpt-finetune"])
      let step = try #require(lastStep(in: rest.log, after: "gpt-finetune: resuming after step "))
      if end == .kill { #expect(step >= 60 && step % 60 == 0) }
      for name in ["final/model.safetensors", "curves.csv"] {
        let same =
          try project.folder.bytes(of: "checkpoints/\(run)/\(name)")
          == project.folder.bytes(of: "checkpoints/whole/\(name)")
        #expect(same, "\(end): \(name) is another")
      }
      #expect(try project.leftovers() == [])
      let again = try project.make("train", with: variables(run))
      #expect(again.output == "make: Nothing to be done for 'train'.\n")
    }
  }

  /// SIGKILL arrives at any moment: in a step or a validation, while a checkpoint is written or
  /// renamed, or an old one is removed.
  @Test("killed again and again, it never has half a checkpoint, and ends the same")
  func killedOften() throws {
    let project = try Project.finished()
    func start(_ run: String) throws -> Subprocess {
      try Subprocess(
        try builtProgram("gpt-finetune"),
        [
          "data/tokens/fixture", "-o", run, "--layers=1", "--width=16", "--heads=2",
          "--max-steps=150", "--save-steps=1", "--save-total-limit=2", "--eval-steps=5",
          "--block-size=16", "--logging-steps=7", "--threads=1", "--resume",
          "--load-best-model-at-end", "--early-stopping-patience=20",
        ], in: project.folder.path)
    }
    let whole = try start("whole").wait()
    try #require(whole.status == 0, "\(whole.log)")
    let model = try project.folder.bytes(of: "whole/final/model.safetensors")
    var kills = 0
    while !project.exists("run/final") {
      let process = try start("run")
      // More or less work each time, so that another moment is hit.
      try process.work(milliseconds: 60 + 17 * kills % 120)
      process.signalGroup(SIGKILL)
      let ended = try process.wait()
      try #require([0, 128 + SIGKILL].contains(ended.status), "\(ended.log)")
      kills += 1
      try #require(kills < 400)
      let names = project.exists("run") ? try project.tree("run") : []
      for name in names where name.hasPrefix("checkpoint-") && !name.contains(".") {
        guard !name.contains("/") else { continue }
        for file in ["model.safetensors", "optimizer.safetensors", "resume_state.json"] {
          #expect(names.contains("\(name)/\(file)"), "\(name) has no \(file)")
        }
      }
    }
    let last = try start("run").wait()
    #expect(last.status == 0, "\(last.log)")
    #expect(try project.folder.bytes(of: "run/final/model.safetensors") == model)
    #expect(kills > 3)
  }

  /// Ends `make` after the first checkpoint.
  private func interrupt(
    _ make: Subprocess, _ end: End, _ run: String, _ project: Project
  ) throws {
    try poll("the first checkpoint") { project.exists("checkpoints/\(run)/checkpoint-60") }
    switch end {
    case .kill:
      make.signalGroup(SIGKILL)
      #expect(try make.wait().status == 128 + SIGKILL)
      return
    case .interrupt: make.signalGroup(SIGINT)
    case .terminate: kill(try #require(try trainingProcess(in: make.processID)), SIGTERM)
    }
    let ended = try make.wait()
    let name = end == .interrupt ? "SIGINT" : "SIGTERM"
    #expect(ended.log.contains("\ngpt-finetune: error: stopped by \(name)\n"))
    // make itself dies of the SIGINT, or reports the status of the program.
    #expect(ended.status == (end == .interrupt ? 130 : 2))
    if end == .terminate { #expect(ended.log.contains("Error 143\n")) }
    // A checkpoint of the very last step was written.
    let saved = try #require(
      lastStep(in: ended.log, after: "gpt-finetune: saved checkpoints/\(run)/checkpoint-"))
    let state = try project.folder.text(
      of: "checkpoints/\(run)/checkpoint-\(saved)/trainer_state.json")
    #expect(state.contains("\"global_step\": \(saved),"))
    #expect(try project.leftovers() == [])
  }

  /// The number after the last `label` in `log`.
  private func lastStep(in log: String, after label: String) -> Int? {
    log.split(separator: "\n").last { $0.hasPrefix(label) }.flatMap {
      Int($0.dropFirst(label.count))
    }
  }

  /// The process of gpt-finetune in the process group `group`.
  private func trainingProcess(in group: pid_t) throws -> pid_t? {
    try FileManager.default.contentsOfDirectory(atPath: "/proc").compactMap { pid_t($0) }.first {
      let name = try? String(contentsOfFile: "/proc/\($0)/comm", encoding: .utf8)
      return name == "gpt-finetune\n" && getpgid($0) == group
    }
  }

  @Test(
    "ends with 128 and the signal",
    arguments: [
      (SIGINT, 130 as Int32, "SIGINT"), (SIGTERM, 143, "SIGTERM"), (SIGHUP, 129, "SIGHUP"),
      (SIGXCPU, 152, "SIGXCPU, the limit of processor time (ulimit -t)"),
    ])
  func status(_ signal: Int32, _ status: Int32, _ name: String) throws {
    let project = try Project.finished()
    let training = try Subprocess(
      try builtProgram("gpt-finetune"),
      [
        "data/tokens/fixture", "-o", "run", "--layers=1", "--width=16", "--heads=2",
        "--max-steps=100000", "--save-steps=100000", "--block-size=16", "--logging-steps=1",
        "--threads=2",
      ], in: project.folder.path)
    try poll("the first steps") { try training.text(of: .log).contains("step 1,") }
    // Kernels keep data where the stack pointer is: no handler may run on a thread that computes,
    // except the main one, which has a stack for it.
    for blocked in try signalsBlocked(in: training.processID) {
      #expect(blocked & 1 << UInt64(signal - 1) != 0)
    }
    training.signalGroup(signal)
    let ended = try training.wait()
    #expect(ended.status == status)
    #expect(ended.output == "")
    #expect(ended.log.hasSuffix("gpt-finetune: error: stopped by \(name)\n"))
    let checkpoints = project.folder.path("run")
    let names = try FileManager.default.contentsOfDirectory(atPath: checkpoints)
    #expect(names.count { $0.hasPrefix("checkpoint-") } == 1)
    #expect(Set(names.filter { !$0.hasPrefix("checkpoint-") }) == ["report.html", "runs"])
  }

  /// The signals that each thread of `process` blocks, except the main one.
  private func signalsBlocked(in process: pid_t) throws -> [UInt64] {
    let threads = try FileManager.default.contentsOfDirectory(atPath: "/proc/\(process)/task")
    #expect(threads.count == 2)
    return try threads.filter { $0 != "\(process)" }.map { thread in
      let status = try String(
        contentsOfFile: "/proc/\(process)/task/\(thread)/status", encoding: .utf8)
      let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("SigBlk:") })
      return try #require(UInt64(line.split(separator: "\t")[1], radix: 16))
    }
  }

  @Test("a closed terminal does not end a program that nohup started")
  func nohup() throws {
    let project = try Project.finished()
    let training = try Subprocess(
      "nohup",
      [
        try builtProgram("gpt-finetune"), "data/tokens/fixture", "-o", "run", "--layers=1",
        "--width=16", "--heads=2", "--max-steps=60", "--block-size=16", "--logging-steps=1",
      ], in: project.folder.path)
    try poll("the first steps") { try training.text(of: .log).contains("step 1,") }
    training.signalGroup(SIGHUP)
    #expect(try training.wait().status == 0)
  }

  /// `INTERRUPTIONS=200 make test FILTER=interruptedOften` interrupts it more often.
  @Test("interrupted again and again, it always leaves a checkpoint, and ends the same")
  func interruptedOften() throws {
    let wanted =
      ProcessInfo.processInfo.environment["INTERRUPTIONS"].flatMap { Int($0) } ?? 5
    let project = try Project.finished()
    func start(_ run: String) throws -> Subprocess {
      try Subprocess(
        try builtProgram("gpt-finetune"),
        [
          "data/tokens/fixture", "-o", run, "--layers=4", "--width=256", "--heads=4",
          "--context=256", "--block-size=128", "--max-steps=40", "--warmup-steps=5",
          "--save-steps=1000", "--logging-steps=1", "--resume",
        ], in: project.folder.path)
    }
    let whole = try start("whole").wait()
    try #require(whole.status == 0, "\(whole.log)")
    let model = try project.folder.bytes(of: "whole/final/model.safetensors")
    var interruptions = 0
    while true {
      let process = try start("run")
      try poll("a step") {
        try process.text(of: .log).contains("epoch ") || project.exists("run/final")
      }
      if interruptions < wanted {
        try process.work(milliseconds: .random(in: 0..<150))
        process.signalGroup(SIGINT)
      }
      let ended = try process.wait()
      if ended.status == 0 {
        #expect(try project.folder.bytes(of: "run/final/model.safetensors") == model)
        try project.remove("run")
        if interruptions >= wanted { return }
        continue
      }
      try #require(ended.status == 130, "interruption \(interruptions + 1): \(ended.log)")
      #expect(ended.log.contains("saved run/checkpoint-"))
      interruptions += 1
    }
  }
}
