import Foundation
import TestSupport
import Testing

/// A program at a terminal of its own, with a test that types.
final class TerminalSession {
  private let process: Subprocess
  private let master: Int32
  /// Keeps the terminal open after the program has ended.
  private let terminal: Int32
  /// What was shown since the last wait.
  private(set) var shown = ""
  private var bytes: [UInt8] = []

  /// Starts the built program `name`, or another by its path, at the terminal; standard output may be the file `output`.
  init(
    _ name: String, _ arguments: [String], in directory: String, output: String? = nil,
    variables: [String: String] = [:]
  ) throws {
    var (master, terminal): (Int32, Int32) = (-1, -1)
    try #require(openpty(&master, &terminal, nil, nil, nil) == 0)
    (self.master, self.terminal) = (master, terminal)
    for descriptor in [master, terminal] { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
    _ = fcntl(master, F_SETFL, O_NONBLOCK)
    let path = String(cString: try #require(ttyname(terminal)))
    // In a session of its own, so that the terminal makes Ctrl-C a signal.
    process = try Subprocess(
      "setsid",
      ["--ctty", "--wait", name.hasPrefix("/") ? name : try builtProgram(name)] + arguments,
      in: directory,
      input: path, output: output ?? path, log: path,
      environment: Subprocess.environment.merging(["TERM": "xterm"]) { $1 }
        .merging(variables) { $1 })
  }

  deinit {
    close(master)
    close(terminal)
  }

  /// Types `text`.
  func type(_ text: String) {
    let bytes = Array(text.utf8)
    _ = write(master, bytes, bytes.count)
  }

  static let controlC = "\u{3}"
  static let controlD = "\u{4}"
  static let up = "\u{1B}[A"

  /// Waits until `condition` holds for what was shown since the last call, and returns it.
  @discardableResult
  func wait(for what: String, until condition: (String) -> Bool) throws -> String {
    do {
      try poll(what) {
        read()
        return condition(shown)
      }
    } catch {
      throw Subprocess.Failure(description: "\(error), shown: \(shown.debugDescription)")
    }
    defer { (shown, bytes) = ("", []) }
    return shown
  }

  /// Waits until the program waits for the terminal, because nobody reads what is shown.
  func waitUntilFull() throws {
    let id = process.processID
    #if arch(x86_64)
      let write = 1
    #else
      let write = 64
    #endif
    try poll("a full terminal") {
      let children = try? String(contentsOfFile: "/proc/\(id)/task/\(id)/children", encoding: .utf8)
      return (children ?? "").split(separator: " ").contains { child in
        let call = try? String(contentsOfFile: "/proc/\(child)/syscall", encoding: .utf8)
        return call?.hasPrefix("\(write) 0x1 ") == true
      }
    }
  }

  private func read() {
    var buffer = [UInt8](repeating: 0, count: 4096)
    while case let count = Glibc.read(master, &buffer, buffer.count), count > 0 {
      bytes += buffer[..<count]
    }
    shown = String(decoding: bytes, as: UTF8.self)
  }

  /// Waits for the end of the program.
  func end() throws -> Ended {
    try process.wait()
  }
}
