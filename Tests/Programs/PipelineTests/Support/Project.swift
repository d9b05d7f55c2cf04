import Foundation
import TestSupport
import Testing

/// A copy of the project in a folder of its own, with the programs built.
final class Project {
  let folder: TemporaryFolder

  /// Variables for a training that takes a moment.
  static let tiny = [
    "LAYERS": "1", "WIDTH": "16", "HEADS": "2", "CONTEXT": "32", "BLOCK_SIZE": "16",
    "BATCH_SIZE": "4", "MAX_STEPS": "3", "WARMUP_STEPS": "1", "SAVE_STEPS": "2",
    "EVAL_STEPS": "2",
    "VOCAB_SIZE": "300", "THREADS": "1",
  ]

  /// Copies the project, in which nothing was run yet.
  init() throws {
    folder = try TemporaryFolder()
    // make must find the build finished, because SwiftPM holds a lock while tests run. The programs
    // are not written by this process: if another thread started a child at that moment, it would
    // hold the file open for writing, and the program could not be run (ETXTBSY).
    let script = """
      set -e
      mkdir -p data .build/release Tests
      cp -a "$1"/{Makefile,pipeline.mk,.package,Package.swift,Sources} .
      cp -a "$1"/Tests/checks.mk Tests
      cp -a "$1"/data/fixture data
      touch .build/installed
      for program in "${@:3}"; do
        printf '#!/bin/sh\nexec "%s" "$@"\n' "$2/$program" > .build/release/$program
        chmod +x .build/release/$program
      done
      """
    let made = try Subprocess.run(
      "bash", ["-c", script, "bash", checkoutPath(), try builtProgram("")] + programs,
      in: folder.path)
    try #require(made.status == 0, "\(made.log)")
  }

  private init(copying path: String) throws {
    folder = try TemporaryFolder()
    let made = try Subprocess.run("cp", ["-a", path + "/.", "."], in: folder.path)
    try #require(made.status == 0, "\(made.log)")
  }

  /// A project in which `make train` was run to its end, some time ago.
  static func finished() throws -> Project {
    try Project(copying: try finishedPath.get())
  }

  /// The folder of the finished project that is copied; it is removed when the tests end.
  private static let finishedPath = Result {
    let project = try Project()
    let run = try project.make("train")
    try #require(run.status == 0, "\(run.log)")
    try project.age()
    let path = NSTemporaryDirectory() + "bugurt-gpt-finished-\(getpid())"
    try FileManager.default.moveItem(atPath: project.folder.path, toPath: path)
    atexit {
      try? FileManager.default.removeItem(
        atPath: NSTemporaryDirectory() + "bugurt-gpt-finished-\(getpid())")
    }
    return path
  }

  /// Starts make for `goals` with the variables of ``tiny`` and `variables`.
  func startMake(_ goals: [String], _ variables: [String: String] = [:]) throws -> Subprocess {
    let settings = Self.tiny.merging(variables) { $1 }
    return try Subprocess(
      "make", goals + settings.map { "\($0)=\($1)" }.sorted(), in: folder.path)
  }

  /// Runs make for `goals` with the variables of ``tiny`` and `variables`.
  func make(_ goals: String..., with variables: [String: String] = [:]) throws -> Ended {
    try startMake(goals, variables).wait()
  }

  /// Runs the built program `name` in the folder of the project.
  func run(
    _ name: String, _ arguments: [String], input: String = "/dev/null", output: String? = nil
  ) throws -> Ended {
    try Subprocess.run(
      try builtProgram(name), arguments, in: folder.path, input: input, output: output)
  }

  // MARK: - Files

  /// Makes all files 1,000 seconds older, in the same order.
  func age() throws {
    let names = FileManager.default.enumerator(atPath: folder.path)
    while let name = names?.nextObject() as? String {
      var status = stat()
      try #require(lstat(folder.path(name), &status) == 0)
      try setTime(of: name, seconds: status.st_mtim.tv_sec - 1000, status.st_mtim.tv_nsec)
    }
  }

  /// Makes the file `name` newer than all that existed at ``age()``, but older than what is written
  /// now, because the clock of the file system may be a little slow.
  func touch(_ name: String) throws {
    try setTime(of: name, seconds: time(nil) - 10, 0)
  }

  private func setTime(of name: String, seconds: Int, _ nanoseconds: Int) throws {
    let time = timespec(tv_sec: seconds, tv_nsec: nanoseconds)
    try #require(utimensat(AT_FDCWD, folder.path(name), [time, time], AT_SYMLINK_NOFOLLOW) == 0)
  }

  /// When the file `name` was last written.
  func modificationTime(of name: String) throws -> [Int] {
    var status = stat()
    try #require(stat(folder.path(name), &status) == 0)
    return [status.st_mtim.tv_sec, status.st_mtim.tv_nsec]
  }

  func exists(_ name: String) -> Bool {
    FileManager.default.fileExists(atPath: folder.path(name))
  }

  func remove(_ name: String) throws {
    try FileManager.default.removeItem(atPath: folder.path(name))
  }

  func copy(_ name: String, to copy: String) throws {
    try FileManager.default.copyItem(atPath: folder.path(name), toPath: folder.path(copy))
  }

  /// The paths of all files and folders under the folder `name`, sorted.
  func tree(_ name: String = "") throws -> [String] {
    try FileManager.default.subpathsOfDirectory(atPath: folder.path(name)).sorted()
  }

  /// The paths of unfinished outputs.
  func leftovers() throws -> [String] {
    try tree().filter { path in
      [".partial", ".replaced", ".new", ".lock"].contains { path.contains($0) }
    }
  }
}

extension Ended {
  /// The stages that make ran, or with `-n` would run, in order.
  var stages: [String] {
    output.split(separator: "\n").compactMap { line in
      programs.first {
        line.hasPrefix(".build/release/\($0) ") || line.contains("run .build/release/\($0) ")
      }
    }
  }
}
