import Foundation

/// A control group that limits memory, which is removed with the object.
final class MemoryGroup {
  private let path: String
  private static let limitFiles = ["memory.max", "memory.limit_in_bytes"]

  /// Creates one, in version 2 of control groups or in version 1.
  init(megabytes: Int) throws {
    let version1 = "/sys/fs/cgroup/memory"
    let top = FileManager.default.fileExists(atPath: version1) ? version1 : "/sys/fs/cgroup"
    path = "\(top)/bugurt-gpt-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
    try limit(megabytes: megabytes)
  }

  deinit {
    // A killed process leaves it only when its memory is free.
    while rmdir(path) != 0, errno == EBUSY { usleep(1000) }
  }

  /// Changes the limit.
  func limit(megabytes: Int) throws {
    let files = Self.limitFiles.map { "\(path)/\($0)" }
    let file = files.first(where: FileManager.default.isWritableFile)
    guard let file else { throw CocoaError(.fileNoSuchFile) }
    try "\(megabytes << 20)".write(toFile: file, atomically: false, encoding: .utf8)
  }

  /// Runs `program` within the group.
  func run(_ program: String, _ arguments: [String], in folder: String) throws -> Ended {
    try Subprocess.run(
      "bash",
      ["-c", #"echo $$ > "$0/cgroup.procs" && exec "$@""#, path, try builtProgram(program)]
        + arguments, in: folder)
  }

  /// Whether this process may create one.
  static let isAvailable = (try? MemoryGroup(megabytes: 100)) != nil
}
