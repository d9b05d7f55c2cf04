import Foundation
import TestSupport
import Testing

/// The programs of MPI libraries that start several processes, as far as this machine has them.
private let launchers: [String] = ["mpirun.openmpi", "mpirun.mpich"].filter { name in
  (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":").contains {
    FileManager.default.isExecutableFile(atPath: "\($0)/\(name)")
  }
}

/// Trainings that several processes share, under real launchers.
@Suite("gpt-finetune in several processes")
struct ProcessesTests {
  private let project: Project

  init() throws { project = try Project.finished() }

  private static let environment = Subprocess.environment.merging(
    ["OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"]) { $1 }

  private static let tinyModel = [
    "--layers", "1", "--width", "16", "--heads", "2", "--context", "32",
  ]
  private static let adapter = [
    "--model", "checkpoints/fixture/final", "--adapter", "lora", "--lora-r", "2",
  ]

  /// A training whose steps have four batches in all.
  private func arguments(
    _ run: String, of model: [String] = tinyModel, processes: Int, steps: Int = 6
  ) -> [String] {
    model + [
      "data/tokens/fixture", "-o", run, "--block-size", "16", "--max-steps", "\(steps)",
      "--save-steps", "4", "--eval-steps", "3", "--logging-steps", "1", "--threads", "1",
      "--report-to", "none", "--gradient-accumulation-steps", "\(4 / processes)",
      "--deterministic-reduction",
    ]
  }

  private func start(
    _ launcher: String, _ run: String, of model: [String] = tinyModel, processes: Int,
    steps: Int = 6, more: [String] = []
  ) throws -> Subprocess {
    let options = launcher == "mpirun.openmpi" ? ["--oversubscribe", "--bind-to", "none"] : []
    return try Subprocess(
      launcher,
      options + ["-n", "\(processes)", builtProgram("gpt-finetune")]
        + arguments(run, of: model, processes: processes, steps: steps) + more,
      in: project.folder.path, environment: Self.environment)
  }

  private func weights(_ run: String) throws -> [UInt8] {
    try project.folder.bytes(of: "\(run)/final/model.safetensors")
  }

  @Test(
    "the model is that of one process, to the last bit, and its path is printed once",
    .enabled(if: !launchers.isEmpty, "there is no mpirun"), arguments: launchers)
  func sameModel(launcher: String) throws {
    let one = try project.run("gpt-finetune", arguments("one", processes: 1))
    #expect(one.status == 0, "\(one.log)")
    for processes in [2, 4] {
      let run = "many-\(processes)"
      // Each process has a part of the moments, or all; the result is the same.
      let many = try start(
        launcher, run, processes: processes, more: processes == 4 ? ["--shard-optimizer"] : []
      ).wait()
      #expect(many.status == 0, "\(many.log)")
      #expect(many.output.filter { $0 != "\r" } == "\(run)/final\n")
      #expect(many.log.components(separatedBy: "6 steps").count == 2)
      #expect(try weights(run) == weights("one"))
    }
    #expect(try project.leftovers().isEmpty)
  }

  @Test(
    "an adapter, the moments of which are divided, is that of one process, to the last bit",
    .enabled(if: !launchers.isEmpty, "there is no mpirun"), arguments: launchers)
  func sameAdapter(launcher: String) throws {
    let one = try project.run("gpt-finetune", arguments("one", of: Self.adapter, processes: 1))
    #expect(one.status == 0, "\(one.log)")
    let two = try start(
      launcher, "two", of: Self.adapter, processes: 2, more: ["--shard-optimizer"]
    ).wait()
    #expect(two.status == 0, "\(two.log)")
    for name in ["final/adapter/adapter_model.safetensors", "checkpoint-4/optimizer.safetensors"] {
      #expect(
        try project.folder.bytes(of: "two/\(name)") == project.folder.bytes(of: "one/\(name)"),
        "\(name)")
    }
  }

  @Test(
    "SIGUSR1 to the launcher ends in a checkpoint, which one process resumes to the same model",
    .enabled(if: launchers.contains("mpirun.openmpi"), "there is no mpirun of Open MPI"))
  func stopping() throws {
    let steps = 300
    let one = try project.run("gpt-finetune", arguments("one", processes: 1, steps: steps))
    #expect(one.status == 0, "\(one.log)")
    let training = try start("mpirun.openmpi", "run", processes: 2, steps: steps)
    try poll("step 5") { try training.text(of: .log).contains("step 5,") }
    kill(training.processID, SIGUSR1)
    let stopped = try training.wait()
    #expect(stopped.status == 130, "\(stopped.log)")
    #expect(stopped.log.components(separatedBy: "stopped by SIGINT").count == 2)
    #expect(!project.exists("run/final"))
    let resumed = try project.run(
      "gpt-finetune", arguments("run", processes: 1, steps: steps) + ["--resume"])
    #expect(resumed.status == 0, "\(resumed.log)")
    #expect(resumed.log.contains("resuming after step"))
    #expect(try weights("run") == weights("one"))
  }

  @Test(
    "when a process is killed, all end, and the last checkpoint is resumed",
    .enabled(if: launchers.contains("mpirun.openmpi"), "there is no mpirun of Open MPI"))
  func killed() throws {
    let training = try start("mpirun.openmpi", "run", processes: 2, steps: 100_000)
    try poll("a checkpoint") { project.exists("run/checkpoint-8/trainer_state.json") }
    let children = try String(
      contentsOfFile: "/proc/\(training.processID)/task/\(training.processID)/children",
      encoding: .utf8
    ).split(separator: " ").compactMap { Int32($0) }
    let victim = try #require(
      children.last { child in
        (try? String(contentsOfFile: "/proc/\(child)/comm", encoding: .utf8)) == "gpt-finetune\n"
      })
    kill(victim, SIGKILL)
    let ended = try training.wait()
    #expect(ended.status == 137, "\(ended.log)")
    let resumed = try start(
      "mpirun.openmpi", "run", processes: 4, steps: 100_000, more: ["--resume"])
    try poll("a resumed step") { try resumed.text(of: .log).contains("resuming after step") }
  }

  @Test(
    "a mistake is reported once, with its status",
    .enabled(if: !launchers.isEmpty, "there is no mpirun"), arguments: launchers)
  func mistake(launcher: String) throws {
    let ended = try start(
      launcher, "run", processes: 2, more: ["--model", project.folder.path("nothing")]
    ).wait()
    #expect(ended.status == 66, "\(ended.log)")
    #expect(ended.log.components(separatedBy: "error: ").count == 2, "\(ended.log)")
    #expect(!project.exists("run"))
    for wrong in [["--max-steps", "many"], ["--estimate"]] {
      let ended = try start(launcher, "run", processes: 2, more: wrong).wait()
      #expect(ended.status == 64, "\(ended.log)")
      #expect(ended.log.components(separatedBy: "error: ").count == 2, "\(ended.log)")
    }
  }

  @Test(
    "make turns Ctrl-C into a checkpoint, and goes on with one process and the same batches",
    .enabled(if: launchers.contains("mpirun.openmpi"), "there is no mpirun of Open MPI"))
  func make() throws {
    let variables = ["MAX_STEPS": "100000", "SAVE_STEPS": "4"]
    let training = try project.startMake(["train"], variables.merging(["RANKS": "2"]) { $1 })
    try poll("a checkpoint") { project.exists("checkpoints/fixture/checkpoint-8") }
    training.signalGroup(SIGINT)
    let stopped = try training.wait()
    // make itself dies of the signal.
    #expect(stopped.status == 130, "\(stopped.log)")
    #expect(stopped.log.components(separatedBy: "stopped by SIGINT").count == 2)
    let shown = try project.make("show")
    #expect(shown.output.contains("ACCUMULATION='2'"), "\(shown.output)")
    let resumed = try project.startMake(["train"], variables)
    try poll("a resumed step") { try resumed.text(of: .log).contains("resuming after step") }
    #expect(try resumed.text(of: .output).contains("--gradient-accumulation-steps=2"))
    resumed.signalGroup(SIGINT)
    _ = try resumed.wait()
    let refused = try project.make("train", with: ["RANKS": "3"])
    #expect(refused.status == 2 && refused.log.contains("ACCUMULATION=2"), "\(refused.log)")
  }

  @Test(
    "when make is killed, the processes write a checkpoint and end",
    .enabled(if: launchers.contains("mpirun.openmpi"), "there is no mpirun of Open MPI"))
  func killedMake() throws {
    let training = try project.startMake(
      ["train"], ["MAX_STEPS": "100000", "SAVE_STEPS": "4", "RANKS": "2"])
    try poll("a checkpoint") { project.exists("checkpoints/fixture/checkpoint-8") }
    kill(training.processID, SIGKILL)
    try poll("the end") { try training.text(of: .log).contains("stopped by SIGINT") }
    _ = try training.wait()
  }

  @Test("processes that know nothing of each other are refused, with or without an MPI")
  func singles() throws {
    for variables in [
      ["OMPI_COMM_WORLD_SIZE": "2", "OMPI_COMM_WORLD_RANK": "0"],
      ["SLURM_STEP_NUM_TASKS": "2", "SLURM_PROCID": "0"],
    ] {
      let ended = try Subprocess.run(
        builtProgram("gpt-finetune"), arguments("run", processes: 2), in: project.folder.path,
        environment: Self.environment.merging(variables) { $1 })
      #expect(ended.status == 69, "\(ended.log)")
      let hasNoMPI = ended.log.contains("the library of its MPI cannot be loaded")
      #expect(ended.log.contains("processes") || hasNoMPI, "\(ended.log)")
      #expect(!project.exists("run"))
    }
  }
}
