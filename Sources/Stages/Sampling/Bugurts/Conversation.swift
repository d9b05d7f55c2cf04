import CommandLineSupport
import FileSupport
import Glibc
import LineEditing

/// A prompt line, a bugurt, and again.
public struct Conversation {
  let writer: BugurtWriter
  let output: TextOutput
  /// The source of a prompt line; of the default for `nil`.
  let source: (String?) throws -> PromptSource
  let programName: String

  public init(
    _ writer: BugurtWriter, to output: TextOutput, programName: String,
    source: @escaping (String?) throws -> PromptSource
  ) {
    self.writer = writer
    self.output = output
    self.source = source
    self.programName = programName
  }

  /// Goes on until the input ends.
  public func run() throws {
    let input = try PromptInput(programName)
    if input.isTerminal { output.partsTexts = false }
    var number = 0
    while let line = try input.next()?.asOnlyLine {
      do {
        let source = try source(line.isEmpty ? nil : line)
        let order = BugurtWriter.Order(source, count: 1, firstNumber: number)
        number += 1
        try writer.write([order]) {
          try Interruption.check()
          try output.take($0)
        }
      } catch let interruption as Interruption where interruption.signal == SIGINT {
        Interruption.forget()
        try output.breakOff()
      } catch let error as PromptError {
        Log.warning("the prompt: \(error)")
      } catch let error as FilterError {
        Log.warning("\(error)")
      }
    }
  }
}

/// The lines that are typed, or come from a file or pipe.
private final class PromptInput {
  private let editor: LineEditor?
  private var history: LineHistory?
  /// Whether somebody is to be asked.
  let isTerminal = isatty(STDIN_FILENO) == 1

  init(_ programName: String) throws {
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
  func next() throws -> String? {
    while true {
      guard let editor else { return try plainLine() }
      switch editor.readLine() {
      case .line(let line):
        remember(line, editor)
        return line
      case .end: return nil
      case .interrupted: try passInterruption()
      }
    }
  }

  /// Ctrl-C at the prompt drops the line; another signal ends the program.
  private func passInterruption() throws {
    do {
      try Interruption.check()
    } catch let interruption as Interruption where interruption.signal == SIGINT {
      Interruption.forget()
    }
  }

  private func remember(_ line: String, _ editor: LineEditor) {
    do {
      if try history?.append(line) ?? true { editor.remember(line) }
    } catch {
      Log.warning("prompts are not kept for later: \(error)")
      history = nil
      editor.remember(line)
    }
  }

  /// A line without editing.
  private func plainLine() throws -> String? {
    if isTerminal { Log.prompt("> ") }
    var bytes: [UInt8] = []
    var byte: UInt8 = 0
    while true {
      let count = read(STDIN_FILENO, &byte, 1)
      if count < 0 && errno == EINTR {
        if !isTerminal { try Interruption.check() }
        try passInterruption()
        bytes = []
        Log.prompt("\n> ")
        continue
      }
      guard count >= 0 else { throw FileError(path: "standard input", operation: .read) }
      if count == 0 || byte == 0x0A {
        if count == 0 && isTerminal { Log.prompt("\n") }
        if count == 0 && bytes.isEmpty { return nil }
        if let line = String(validating: bytes, as: UTF8.self) { return line }
        Log.warning("the prompt is not UTF-8 and is left out")
        if count == 0 { return nil }
        bytes = []
        if isTerminal { Log.prompt("> ") }
        continue
      }
      bytes.append(byte)
    }
  }
}
