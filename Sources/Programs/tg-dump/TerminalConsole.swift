import CommandLineSupport
import Glibc
import TelegramSources

/// The user at the terminal, for slow sources.
final class TerminalConsole: SourceConsole {
  func info(_ message: String) { Log.info(message) }

  func warning(_ message: String) { Log.warning(message) }

  func check() throws { try Interruption.check() }

  func ask(_ question: String, isSecret: Bool) throws -> String? {
    guard isatty(STDIN_FILENO) == 1 else { return nil }
    Log.prompt(question + ": ")
    var before = termios()
    let hidesInput = isSecret && tcgetattr(STDIN_FILENO, &before) == 0
    if hidesInput {
      var silent = before
      silent.c_lflag &= ~tcflag_t(ECHO)
      tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent)
    }
    defer {
      if hidesInput {
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &before)
        // The user's newline was not echoed either.
        Log.prompt("\n")
      }
    }
    return try line()
  }

  /// A line of standard input without its newline; `nil` at the end.
  private func line() throws -> String? {
    var bytes: [UInt8] = []
    var byte: UInt8 = 0
    while true {
      let count = read(STDIN_FILENO, &byte, 1)
      // A signal ends the wait.
      try Interruption.check()
      if count < 0 && errno == EINTR { continue }
      if count <= 0 { return bytes.isEmpty ? nil : String(decoding: bytes, as: UTF8.self) }
      if byte == 0x0A { return String(decoding: bytes, as: UTF8.self) }
      bytes.append(byte)
    }
  }
}
