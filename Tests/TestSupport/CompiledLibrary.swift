import Foundation

/// The compiler refused.
struct CompilerFailure: Error, CustomStringConvertible {
  let description: String
}

/// A shared library of the C files at the paths `files`.
func compiledLibrary(_ files: [String]) throws -> [UInt8] {
  let folder = try TemporaryFolder()
  let log = Pipe()
  let process = Process()
  process.executableURL = URL(filePath: "/usr/bin/env")
  process.arguments =
    [
      compiler(), "-std=c17", "-shared", "-fPIC", "-fvisibility=hidden", "-O1", "-Wall",
      "-Wextra",
    ]
    + ["-Werror", "-o", folder.path("library.so")] + files + ["-ldl"]
  process.standardError = log
  try process.run()
  let messages = String(decoding: log.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
  process.waitUntilExit()
  guard process.terminationStatus == 0 else {
    throw CompilerFailure(description: "\(files) do not compile:\n\(messages)")
  }
  return try folder.bytes(of: "library.so")
}

/// The C compiler: the system's, or that of the Swift toolchain.
private func compiler() -> String {
  let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
  return ["cc", "clang"].first { name in
    folders.contains { FileManager.default.isExecutableFile(atPath: "\($0)/\(name)") }
  } ?? "cc"
}
