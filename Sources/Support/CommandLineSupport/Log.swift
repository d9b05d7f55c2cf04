import FileSupport
import Glibc
import Synchronization
import TextSupport

/// Messages on standard error, each a line that begins with the program's name.
public enum Log {
  private struct State {
    var programName = ""
    /// The text of the progress line on the terminal, which stands below all messages.
    var progressLine = ""
  }

  private static let state = Mutex(State())

  static var programName: String {
    get { state.withLock { $0.programName } }
    set { state.withLock { $0.programName = newValue } }
  }

  /// Tells what was done or found.
  public static func info(_ message: String) {
    line(message, label: nil, color: nil)
  }

  /// Tells what the user should know but what does not stop the work.
  public static func warning(_ message: String) {
    line(message, label: "warning", color: 33)
  }

  /// Tells why the work stops.
  public static func error(_ message: String) {
    line(message, label: "error", color: 31)
  }

  /// Writes `text` and a newline as they are.
  public static func raw(_ text: String) {
    state.withLock { write(text + "\n", &$0) }
  }

  /// Writes `text` as it is, to be followed by what the user types.
  public static func prompt(_ text: String) {
    state.withLock { write(text, &$0) }
  }

  private static func line(_ message: String, label: String?, color: Int?) {
    state.withLock { state in
      var text = "\(state.programName): "
      if let label {
        let isColored = color != nil && Terminal.hasColor
        text += isColored ? "\u{1B}[1;\(color ?? 0)m\(label):\u{1B}[0m " : "\(label): "
      }
      // Names from files and servers stand in messages; they must not control the terminal.
      write(text + printable(message, keepingLines: true) + "\n", &state)
    }
  }

  /// Replaces the progress line by `text`; an empty one removes it.
  static func setProgressLine(_ text: String) {
    state.withLock { state in
      // What stands on the line may be somebody else's.
      guard !text.isEmpty || !state.progressLine.isEmpty else { return }
      state.progressLine = printable(text)
      writeToStandardError("\r\u{1B}[K" + state.progressLine)
    }
  }

  private static func write(_ text: String, _ state: inout State) {
    guard !state.progressLine.isEmpty else { return writeToStandardError(text) }
    writeToStandardError("\r\u{1B}[K" + text + state.progressLine)
  }
}

/// Writes `text` to standard error in one call, so that lines of several processes stay whole.
private func writeToStandardError(_ text: String) {
  var text = text
  text.withUTF8 { bytes in
    _ = Glibc.write(STDERR_FILENO, bytes.baseAddress, bytes.count)
  }
}
