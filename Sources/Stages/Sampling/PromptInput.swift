import CommandLineSupport
import FileSupport
import Glibc
import LineEditing

/// Prompt lines from standard input, typed or from a file or pipe.
public final class PromptInput {
  private let editor: LineEditor?
  private var history: LineHistory?
  /// Whether a person is asked for the lines.
  public let isTerminal = isatty(STDIN_FILENO) == 1

  /// Lines for the program named `programName`, with its history if they can be edited.
  public init(programName: String) {
    guard LineEditor.isPossible else {
      editor = nil
      return
    }
    do {
      history = try LineHistory.defaultPath(of: programName).map(LineHistory.init(path:))
    } catch {
      Log.warning("no history of earlier prompts: \(error)")
    }
    editor = LineEditor(
      prompt: "> ", history: history?.lines ?? [], isInterrupted: { Interruption.isPending })
  }

  /// The next line; `nil` at the end.
  ///
  /// - Throws: `Interruption`, but for SIGINT only if no person is asked; `FileError`.
  public func next() throws -> String? {
    guard let editor else { return try nextPlainLine() }
    while true {
      switch editor.readLine() {
      case .line(let line):
        remember(line, editor)
        return line
      case .end: return nil
      case .interrupted: try dropInterruption()
      }
    }
  }

  /// Ctrl-C at the prompt drops the line; another signal ends the program.
  private func dropInterruption() throws {
    do {
      try Interruption.check()
    } catch let interruption as Interruption where interruption.signal == SIGINT {
      Interruption.forget()
    }
  }

  private func remember(_ line: String, _ editor: LineEditor) {
    do {
      if try history?.append(line) == false { return }
    } catch {
      Log.warning("prompts are not kept for later: \(error)")
      history = nil
    }
    editor.remember(line)
  }

  /// A line that cannot be edited.
  private func nextPlainLine() throws -> String? {
    if isTerminal { Log.prompt("> ") }
    var bytes: [UInt8] = []
    var byte: UInt8 = 0
    while true {
      let count = read(STDIN_FILENO, &byte, 1)
      if count == 1, byte != 0x0A {
        bytes.append(byte)
      } else if count >= 0 {
        if count == 0 && isTerminal { Log.prompt("\n") }
        if count == 0 && bytes.isEmpty { return nil }
        if let line = String(validating: bytes, as: UTF8.self) { return line }
        Log.warning("the prompt is not UTF-8 and is left out")
        return count == 0 ? nil : try nextPlainLine()
      } else {
        guard errno == EINTR else { throw FileError(path: "standard input", operation: .read) }
        if !isTerminal { try Interruption.check() }
        try dropInterruption()
        bytes = []
        Log.prompt("\n> ")
      }
    }
  }
}
