import Foundation
import TestSupport
import Testing

/// Two processes with the same output.
@Suite("an output that another process writes")
struct SharedOutputTests {
  /// A program that waits for its input: its arguments without the output, and the input in two
  /// parts.
  struct Writer: CustomTestStringConvertible {
    let program: String
    let arguments: [String]
    let input: (String, String)
    var testDescription: String { program }
  }

  static let writers = [
    Writer(
      program: "tg-dump", arguments: ["-"],
      input: (
        #"{"name": "Чат", "type": "public_channel", "id": 1, "messages": ["#,
        #"{"id": 1, "type": "message", "date_unixtime": "1000", "text": "ПОСТ"}]}"#
      )),
    Writer(
      program: "bugurt-clean", arguments: ["-", "--funnel", "out/funnel.json"],
      input: (#"{"id":1,"date":"2016-03-01T09:00"#, ":00Z\",\"text\":\"КОТ\\n@\\nПЁС\"}\n")),
    Writer(
      program: "bpe-encode",
      arguments: ["-", "--tokenizer", "data/tokens/fixture", "--validation-fraction=0"],
      input: ("КОТ", "ИК\n")),
    Writer(
      program: "gpt-sample", arguments: ["checkpoints/fixture/final", "--score", "-", "--quiet"],
      input: ("КОТ", "ИК\n")),
  ]

  let project: Project

  init() throws {
    project = try Project.finished()
  }

  /// The environment of programs on a file system with locks, or without.
  private func environment(hasLocks: Bool) throws -> [String: String] {
    if hasLocks { return Subprocess.environment }
    let source = try project.folder.write(
      "#include <errno.h>\nint flock(int, int);\n"
        + "int flock(int file, int kind) { (void)file; (void)kind; errno = ENOLCK; return -1; }\n",
      to: "nolock.c")
    try CCompiler.makeLibrary(of: [source], at: project.folder.path("nolock.so"))
    return Subprocess.environment.merging(["LD_PRELOAD": project.folder.path("nolock.so")]) { $1 }
  }

  /// Starts the program on a pipe that has the first part of its input, and returns it when it has
  /// read that, with the pipe.
  private func start(
    _ writer: Writer, _ environment: [String: String]
  ) throws -> (process: Subprocess, pipe: Int32) {
    let path = project.folder.path("pipe")
    try #require(mkfifo(path, 0o600) == 0)
    // Open for both ends, so that opening does not wait for the other.
    let pipe = open(path, O_RDWR | O_CLOEXEC)
    let beginning = writer.input.0
    try #require(write(pipe, beginning, beginning.utf8.count) == beginning.utf8.count)
    let process = try Subprocess(
      try builtProgram(writer.program), writer.arguments + ["-o", "out/result"],
      in: project.folder.path, input: path, environment: environment)
    try poll("\(writer.program) to read the pipe") {
      var unread: Int32 = 0
      return ioctl(pipe, UInt(FIONREAD), &unread) == 0 && unread == 0 && process.isAsleep
    }
    return (process, pipe)
  }

  /// Runs the program on the whole input with the output under the name `output`.
  private func run(
    _ writer: Writer, _ environment: [String: String], output: String
  ) throws -> Ended {
    let input = try project.folder.write(writer.input.0 + writer.input.1, to: "input")
    return try Subprocess.run(
      try builtProgram(writer.program), writer.arguments + ["-o", output],
      in: project.folder.path, input: input, environment: environment)
  }

  @Test(
    "is refused to a second one, and the first is not disturbed", arguments: writers, [true, false])
  func refused(_ writer: Writer, _ hasLocks: Bool) throws {
    let environment = try environment(hasLocks: hasLocks)
    let (process, pipe) = try start(writer, environment)
    try #require(symlink("out", project.folder.path("link")) == 0)
    // What is in a folder that is being written may change.
    func names() throws -> [String] { try project.tree("out").filter { !$0.contains("/") } }
    let before = try names()
    for output in ["out/result", "link/../out/result", "link/./result"] {
      let second = try run(writer, environment, output: output)
      #expect(second.status == 75)
      #expect(second.output == "")
      #expect(
        second.log.hasPrefix(
          "\(writer.program): error: \(output): another program is writing this (\(writer.program), "
            + "process \(process.processID) on "))
      #expect(try names() == before)
    }
    let rest = writer.input.1
    try #require(write(pipe, rest, rest.utf8.count) == rest.utf8.count)
    close(pipe)
    let first = try process.wait()
    #expect(first.status == 0, "\(first.log)")
    #expect(project.exists("out/result"))
    #expect(try project.leftovers() == [])
  }

  @Test(
    "can be written when the first was killed, and what that left is gone", arguments: writers,
    [true, false])
  func killed(_ writer: Writer, _ hasLocks: Bool) throws {
    let environment = try environment(hasLocks: hasLocks)
    let (process, pipe) = try start(writer, environment)
    process.signalGroup(SIGKILL)
    close(pipe)
    // Even before anybody has waited for it, as in a container whose first process never does.
    try poll("the end of \(writer.program)") { process.isZombie }
    #expect(try !project.leftovers().isEmpty)
    let second = try run(writer, environment, output: "out/result")
    #expect(second.status == 0, "\(second.log)")
    #expect(try project.leftovers() == [])
  }

  @Test("without locks, may be that of another host, whose processes cannot be checked")
  func otherHost() throws {
    let environment = try environment(hasLocks: false)
    let writer = Self.writers[0]
    let lock = "lock of bugurt-gpt\ttg-dump\t1\telsewhere\t1\t1000000000\n"
    try project.folder.write(lock, to: "out/.result.lock")
    let ended = try run(writer, environment, output: "out/result")
    #expect(ended.status == 75)
    #expect(
      ended.log.contains("(tg-dump, process 1 on elsewhere, since 2001-09-09 ")
        && ended.log.hasSuffix("or remove out/.result.lock if it no longer runs there\n"))
    #expect(try project.tree("out") == [".result.lock"])
  }

  @Test("may be a training's folder", arguments: [true, false])
  func training(_ hasLocks: Bool) throws {
    let environment = try environment(hasLocks: hasLocks)
    func arguments(_ output: String) -> [String] {
      [
        "data/tokens/fixture", "-o", output, "--layers=1", "--width=16", "--heads=2",
        "--context=32", "--block-size=16", "--max-steps=10000000", "--save-steps=10000000",
        "--logging-steps=10", "--threads=1",
      ]
    }
    let first = try Subprocess(
      try builtProgram("gpt-finetune"), arguments("runs/one"), in: project.folder.path,
      environment: environment)
    try poll("the training") { try first.text(of: .log).contains(" steps\n") }
    for policy in ["--resume", "--restart"] {
      let second = try Subprocess.run(
        try builtProgram("gpt-finetune"), arguments("./runs/../runs/one/") + [policy],
        in: project.folder.path, environment: environment)
      #expect(second.status == 75)
      #expect(
        second.log.hasPrefix(
          "gpt-finetune: error: ./runs/../runs/one/: another program is writing this (gpt-finetune, "
            + "process \(first.processID) on "))
    }
    // Another run in the same folder is another output.
    let other = try Subprocess(
      try builtProgram("gpt-finetune"), arguments("runs/two"), in: project.folder.path,
      environment: environment)
    try poll("the other training") { try other.text(of: .log).contains(" steps\n") }
    for process in [first, other] {
      // A step must be done for there to be a checkpoint.
      try poll("a step") { try process.text(of: .log).contains("epoch ") }
      process.signalGroup(SIGINT)
      let ended = try process.wait()
      #expect(ended.status == 130, "\(ended.log)")
    }
    #expect(try project.leftovers() == [])
    #expect(try project.tree("runs/one").contains { $0.hasSuffix("optimizer.safetensors") })
  }
}
