import FileSupport
import Glibc
import Synchronization
import TextSupport

/// Messages on standard error, each on a line that begins with the program's name.
public enum Log {
  private struct State {
    var programName = ""
    /// The progress line on the terminal, which stays below all messages.
    var progressLine = ""
    /// Whether only errors are shown.
    var isQuiet = false
  }

  private static let state = Mutex(State())

  static var programName: String {
    get { state.withLock { $0.programName } }
    set { state.withLock { $0.programName = newValue } }
  }

  /// Shows nothing but errors from now on, which name this process as `name`: another process of the
  /// same run shows the rest.
  package static func showOnlyErrors(of name: String) {
    state.withLock { state in
      state.isQuiet = true
      state.programName += " (\(name))"
    }
  }

  /// Reports what was done or found.
  public static func info(_ message: String) {
    line(message, nil)
  }

  /// Reports something that the user should know but that does not stop the work.
  public static func warning(_ message: String) {
    line(message, ("warning", 33))
  }

  /// Reports why the work stops.
  public static func error(_ message: String) {
    line(message, ("error", 31), isError: true)
  }

  /// Writes `text` and a newline, without the program's name.
  public static func raw(_ text: String) {
    state.withLock { write(text + "\n", &$0) }
  }

  /// Writes `text` without a newline, to be followed by what the user types.
  public static func prompt(_ text: String) {
    state.withLock { write(text, &$0) }
  }

  private static func line(
    _ message: String, _ label: (text: String, color: Int)?, isError: Bool = false
  ) {
    state.withLock { state in
      guard isError || !state.isQuiet else { return }
      var text = "\(state.programName): "
      if let (label, color) = label {
        text += Terminal.hasColor ? "\u{1B}[1;\(color)m\(label):\u{1B}[0m " : "\(label): "
      }
      // Messages contain names from files and servers, which must not control the terminal.
      write(text + printable(message, keepingLines: true) + "\n", &state)
    }
  }

  /// Replaces the progress line with `text`; an empty text removes it.
  static func setProgressLine(_ text: String) {
    state.withLock { state in
      // The line may contain another program's text.
      guard !text.isEmpty || !state.progressLine.isEmpty, !state.isQuiet else { return }
      state.progressLine = printable(text)
      writeToStandardError("\r\u{1B}[K" + state.progressLine)
    }
  }

  private static func write(_ text: String, _ state: inout State) {
    guard !state.progressLine.isEmpty else { return writeToStandardError(text) }
    writeToStandardError("\r\u{1B}[K" + text + state.progressLine)
  }
}

/// Writes `text` to standard error in one call, so that lines from several processes do not mix.
private func writeToStandardError(_ text: String) {
  var text = text
  text.withUTF8 { bytes in
    _ = Glibc.write(STDERR_FILENO, bytes.baseAddress, bytes.count)
  }
}
