import Foundation

/// The C compiler: the system's, or that of the Swift toolchain.
public enum CCompiler {
  /// The compiler failed.
  public struct Failure: Error, CustomStringConvertible {
    public let description: String
  }

  /// Makes a shared library of the files `sources` at `path`.
  public static func makeLibrary(
    of sources: [String], at path: String, flags: [String] = []
  ) throws {
    let log = Pipe()
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments =
      [name, "-std=c17", "-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror", "-o", path]
      + sources + flags
    process.standardError = log
    try process.run()
    let messages = String(decoding: log.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    guard process.terminationStatus == 0 else {
      throw Failure(description: "\(sources) do not compile:\n\(messages)")
    }
  }

  private static var name: String {
    let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
    return ["cc", "clang"].first { name in
      folders.contains { FileManager.default.isExecutableFile(atPath: "\($0)/\(name)") }
    } ?? "cc"
  }
}
