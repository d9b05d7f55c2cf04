import CLibEdit
import Glibc
import Synchronization

/// Reads lines from a terminal, with Emacs key bindings and a history of earlier lines.
///
/// What is typed is shown on standard error, so that standard output can go elsewhere.
public final class LineEditor {
  /// The result of waiting for a line.
  public enum Answer: Equatable, Sendable {
    case line(String)
    /// A signal arrived; what was typed is lost.
    case interrupted
    /// Ctrl-D on an empty line, or the terminal is gone.
    case end
  }

  private let editor: OpaquePointer
  private let lines: OpaquePointer
  private let prompt: UnsafeMutablePointer<CChar>

  /// Whether lines can be edited: standard input and standard error must be a terminal that can
  /// move its cursor.
  public static var isPossible: Bool {
    isatty(STDIN_FILENO) == 1 && isatty(STDERR_FILENO) == 1
      && getenv("TERM").map { !["dumb", ""].contains(String(cString: $0)) } ?? false
  }

  /// An editor that shows the prompt `text`; `nil` if the terminal cannot be used.
  ///
  /// The process takes its character set from its locale, or uses UTF-8 if the locale has another
  /// one. There must be only one editor at a time.
  ///
  /// - Parameters:
  ///   - text: The prompt.
  ///   - history: Earlier lines, the most recent one last.
  ///   - isInterrupted: Whether a signal has arrived that ends the wait. It is called before each
  ///     character and five times a second, because a signal may arrive just before the wait.
  public init?(
    prompt text: String, history: [String], isInterrupted: @escaping @Sendable () -> Bool
  ) {
    Self.useUTF8()
    interruptionTest.withLock { $0 = isInterrupted }
    guard let editor = clibedit_make("bugurt-gpt") else { return nil }
    guard let lines = history_init(), let prompt = strdup(text) else {
      el_end(editor)
      return nil
    }
    self.editor = editor
    self.lines = lines
    self.prompt = prompt
    clibedit_set_prompt(editor, prompt)
    clibedit_set_reader(editor, readCharacter)
    clibedit_set_history(editor, lines, Int32(LineHistory.limit))
    clibedit_set_keys(editor)
    for line in history { clibedit_add(lines, line) }
  }

  deinit {
    el_end(editor)
    history_end(lines)
    free(prompt)
  }

  /// Waits for a line.
  public func readLine() -> Answer {
    el_resize(editor)
    // Otherwise libedit does so after the prompt, and a Ctrl-D typed in between is lost.
    clibedit_take_terminal(editor)
    var count: Int32 = 0
    guard let text = el_gets(editor, &count), count > 0 else {
      let isInterrupted = count < 0 && errno == EINTR
      // The cursor is after the prompt.
      _ = write(STDERR_FILENO, "\n", 1)
      return isInterrupted ? .interrupted : .end
    }
    var line = String(cString: text)
    if line.hasSuffix("\n") { line.removeLast() }
    return .line(line)
  }

  /// Adds `line` to the history.
  public func remember(_ line: String) {
    clibedit_add(lines, line)
  }

  private static func useUTF8() {
    setlocale(LC_CTYPE, "")
    guard String(cString: nl_langinfo(nl_item(CODESET))) != "UTF-8" else { return }
    setlocale(LC_CTYPE, "C.UTF-8")
  }
}

private let interruptionTest = Mutex<(@Sendable () -> Bool)?>(nil)

/// Waits until there is something to read.
///
/// - Returns: false if the wait was interrupted or failed, with `errno`.
private func waitForInput() -> Bool {
  while true {
    if let isInterrupted = interruptionTest.withLock({ $0 }), isInterrupted() {
      errno = EINTR
      return false
    }
    var input = pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0)
    switch poll(&input, 1, 200) {
    case 1...: return true
    case 0: continue
    default: if errno != EINTR { return false }
    }
  }
}

/// Reads a UTF-8 character, or U+FFFD for invalid bytes, from standard input for libedit, whose own
/// function continues to wait after a signal.
///
/// - Returns: 1; 0 at the end; −1 with `errno`.
private func readCharacter(
  _ editor: OpaquePointer?, _ character: UnsafeMutablePointer<wchar_t>?
) -> Int32 {
  var bytes: [UInt8] = []
  var length = 1
  while bytes.count < length {
    var byte: UInt8 = 0
    guard waitForInput() else { return -1 }
    let count = read(STDIN_FILENO, &byte, 1)
    guard count == 1 else { return Int32(count) }
    bytes.append(byte)
    if bytes.count == 1 {
      length =
        switch byte {
        case 0xC2...0xDF: 2
        case 0xE0...0xEF: 3
        case 0xF0...0xF4: 4
        default: 1
        }
    }
  }
  let scalar = String(validating: bytes, as: UTF8.self)?.unicodeScalars.first
  character?.pointee = wchar_t(scalar?.value ?? 0xFFFD)
  return 1
}
