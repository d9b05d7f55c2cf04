import Foundation
import TestSupport
import Testing

/// Programs to which the system refuses threads or memory.
@Suite("limits of the system")
struct LimitsTests {
  let project: Project

  init() throws {
    project = try Project.finished()
  }

  /// A small job of each program, which writes `out`.
  static let jobs: [(program: String, arguments: [String])] = [
    ("tg-dump", ["data/fixture/result.json", "-o", "out", "--replace"]),
    ("bugurt-clean", ["data/raw/fixture.jsonl", "-o", "out"]),
    ("bpe-encode", ["data/clean/fixture.txt", "-o", "out", "--vocab-size=300"]),
    ("bpe-encode", ["data/clean/fixture.txt", "-o", "out", "--tokenizer=data/tokens/fixture"]),
    (
      "gpt-finetune",
      [
        "data/tokens/fixture", "-o", "out", "--layers=1", "--width=16", "--heads=2",
        "--context=32", "--block-size=16", "--max-steps=2", "--restart",
      ]
    ),
    ("gpt-sample", ["checkpoints/fixture/final", "-o", "out", "-n", "3"]),
  ]

  private func run(_ job: Int, _ options: [String], _ variables: [String: String]) throws -> Ended {
    let (program, arguments) = Self.jobs[job]
    return try Subprocess.run(
      try builtProgram(program), arguments + options, in: project.folder.path,
      environment: Subprocess.environment.merging(variables) { $1 })
  }

  /// The output of the last job, which is removed; without times and dates.
  private func takeOutput() throws -> [String: [UInt8]] {
    defer { try? project.remove("out") }
    guard let names = try? project.tree("out"), !names.isEmpty else {
      return ["": try project.folder.bytes(of: "out")]
    }
    let kept = names.filter { $0.hasSuffix(".bin") || $0.hasSuffix("model.safetensors") }
    return try Dictionary(
      uniqueKeysWithValues: kept.map { ($0, try project.folder.bytes(of: "out/\($0)")) })
  }

  @Test("without refused threads the result is the same", arguments: jobs.indices)
  func threads(_ job: Int) throws {
    let limit = try ThreadLimit()
    let program = Self.jobs[job].program
    // tg-dump does everything in one thread; those that compute start one for each processor at most.
    let options = program == "tg-dump" ? [] : ["--threads=4"]
    let threads =
      program.hasPrefix("gpt-") ? min(4, ProcessInfo.processInfo.activeProcessorCount) : 4
    let free = try run(job, options, [:])
    try #require(free.status == 0, "\(free.log)")
    let expected = try takeOutput()
    for allowed in [0, 1] {
      let ended = try run(job, options, limit.environment(allowing: allowed))
      #expect(ended.status == 0, "\(ended.log)")
      #expect(try takeOutput() == expected)
      let wasRefused = try limit.takeCount() > allowed
      #expect(wasRefused == (!options.isEmpty && threads - 1 > allowed))
      let warnings = ended.log.components(
        separatedBy: "warning: cannot start a thread: Resource temporarily unavailable; ")
      #expect(warnings.count == (wasRefused ? 2 : 1), "\(ended.log)")
    }
  }

  @Test("with --threads=1 no other thread is started", arguments: jobs.indices)
  func oneThread(_ job: Int) throws {
    let limit = try ThreadLimit()
    let options = Self.jobs[job].program == "tg-dump" ? [] : ["--threads=1"]
    #expect(try run(job, options, limit.environment(allowing: nil)).status == 0)
    #expect(try limit.takeCount() == 0)
  }

  @Test("by default there are as many threads as usable processors", arguments: jobs.indices)
  func affinity(_ job: Int) throws {
    let limit = try ThreadLimit()
    let (program, arguments) = Self.jobs[job]
    let ended = try Subprocess.run(
      "taskset", ["-c", "0", try builtProgram(program)] + arguments, in: project.folder.path,
      environment: Subprocess.environment.merging(limit.environment(allowing: nil)) { $1 })
    // If this process may not use processor 0, the test says nothing.
    try #require(ended.status == 0, "\(ended.log)")
    #expect(try limit.takeCount() == 0)
  }

  @Test("TDLib is not loaded if its threads would be refused")
  func tdlib() throws {
    let limit = try ThreadLimit()
    let library = try StandInLibrary()
    let ended = try Subprocess.run(
      try builtProgram("tg-dump"), ["@name", "--live", "--tdlib", library.path, "-o", "out"],
      in: project.folder.path,
      environment: Subprocess.environment.merging(limit.environment(allowing: 3)) { $1 })
    #expect(ended.status == 69, "\(ended.log)")
    #expect(ended.log.contains("error: TDLib starts 8 threads, more than the system allows."))
  }

  @Test("refused memory ends in a message and a status", arguments: jobs.indices)
  func memory(_ job: Int) throws {
    let (program, arguments) = Self.jobs[job]
    var statuses: Set<Int32> = []
    var trapsBeforeMain = 0
    for megabytes in Array(stride(from: 10, to: 200, by: 5))
      + Array(stride(from: 200, to: 900, by: 50))
    {
      let ended = try Subprocess.run(
        "bash",
        ["-c", "ulimit -v \(megabytes * 1024) && exec \"$@\"", "bash", try builtProgram(program)]
          + arguments, in: project.folder.path)
      // The message is that of the system's loader.
      if ended.log.contains("error while loading shared libraries: ") { continue }
      // Where the loader has just enough, Swift's runtime traps before main (docs/trust.md).
      if ended.status == 128 + SIGILL, ended.log.isEmpty {
        trapsBeforeMain += 1
        continue
      }
      statuses.insert(ended.status)
      guard ended.status != 0 else { continue }
      #expect(ended.status == 69, "\(megabytes) MB: \(ended.log)")
      #expect(ended.log.contains("\(program): error: not enough memory"), "\(ended.log)")
      #expect(ended.log.contains("ulimit -v"), "\(ended.log)")
    }
    #expect(statuses.contains(0))
    // That is a stretch of some 150 kB.
    #expect(trapsBeforeMain <= 1)
  }

  @Test("the message says how much was asked for, and what takes less")
  func tooLarge() throws {
    let ended = try Subprocess.run(
      "bash",
      [
        "-c", "ulimit -v 2000000 && exec \"$@\"", "bash", try builtProgram("gpt-finetune"),
        "data/tokens/fixture", "-o", "out", "--layers=8", "--width=2048", "--heads=2",
        "--max-steps=1",
      ], in: project.folder.path)
    #expect(ended.status == 69)
    let pattern =
      #/
      gpt-finetune:\ error:\ not\ enough\ memory:\ asked\ for\ [\d.]+\ [MG]B\ for\ .*
      ulimit\ -v\ allows\ 2\.0\ GB,\ of\ which\ [\d.]+\ [MG]B\ are\ in\ use:\ raise\ it\.
      \ --gradient-checkpointing\ .*\n
      /#
    #expect(ended.log.wholeMatch(of: pattern) != nil, "\(ended.log)")
  }

  @Test("a training that is larger than the memory is refused before it begins")
  func refused() throws {
    let ended = try project.run(
      "gpt-finetune",
      [
        "data/tokens/fixture", "-o", "out", "--layers=1000", "--width=16384", "--heads=2",
        "--max-steps=1", "--threads=1",
      ])
    #expect(ended.status == 69)
    #expect(
      ended.log.contains(
        #/error: the training needs another [\d.]+ TB of memory, but only .* are free\. --gradient/#
      ),
      "\(ended.log)")
    #expect(!project.exists("out"))
  }

  // MARK: - Control groups

  @Test(
    "a training that is larger than its control group is refused before it begins",
    .enabled(if: MemoryGroup.isAvailable, "this process may not create control groups"))
  func group() throws {
    let ended = try MemoryGroup(megabytes: 500).run(
      "gpt-finetune",
      [
        "data/tokens/fixture", "-o", "out", "--layers=8", "--width=1024", "--heads=2",
        "--max-steps=1", "--threads=1",
      ], in: project.folder.path)
    #expect(ended.status == 69)
    #expect(
      ended.log.contains(
        #/error: the training needs another 2\.\d GB of memory, but only 5\d\d MB are free\. --gradient/#
      ),
      "\(ended.log)")
    #expect(!project.exists("out"))
  }

  @Test(
    "a program that its control group kills leaves whole outputs or none",
    .enabled(if: MemoryGroup.isAvailable, "this process may not create control groups"),
    arguments: jobs.indices)
  func killed(_ job: Int) throws {
    let (program, arguments) = Self.jobs[job]
    let free = try run(job, [], [:])
    try #require(free.status == 0, "\(free.log)")
    let expected = try takeOutput()
    let before = try project.tree()
    var statuses: Set<Int32> = []
    let group = try MemoryGroup(megabytes: 100)
    for megabytes in [1, 2, 4, 8, 16, 32, 64, 512] {
      try group.limit(megabytes: megabytes)
      let ended = try group.run(program, arguments, in: project.folder.path)
      statuses.insert(ended.status)
      if ended.status == 0 {
        #expect(try takeOutput() == expected, "\(megabytes) MB")
      } else {
        #expect(ended.status == 69 || ended.status == 128 + SIGKILL, "\(ended.log)")
        #expect(!ended.log.contains("error") || ended.status == 69, "\(ended.log)")
        // What a killed program has begun is not taken for its output.
        if program != "gpt-finetune" { #expect(!project.exists("out")) }
        try? project.remove("out")
      }
    }
    #expect(statuses.contains(0) && statuses.contains(128 + SIGKILL))
    #expect(try project.tree() == before)
  }
}
