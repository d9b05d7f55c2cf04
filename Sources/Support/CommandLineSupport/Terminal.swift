import Glibc

/// The capabilities of the terminal that a stream is connected to.
public enum Terminal {
  /// Whether standard error is a terminal that understands cursor movements.
  public static let isInteractive = isatty(STDERR_FILENO) == 1 && variable("TERM") != "dumb"

  /// Whether standard error may be colored; `NO_COLOR` (no-color.org) forbids it.
  public static let hasColor = isInteractive && (variable("NO_COLOR") ?? "").isEmpty

  /// Whether standard output is a terminal.
  public static let showsOutput = isatty(STDOUT_FILENO) == 1

  /// Whether standard output may be colored; `NO_COLOR` forbids it.
  public static let hasOutputColor =
    showsOutput && variable("TERM") != "dumb" && (variable("NO_COLOR") ?? "").isEmpty

  /// The width in columns of the terminal that `descriptor` is connected to; 80 if there is none.
  public static func width(of descriptor: Int32) -> Int {
    var size = winsize()
    guard ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 20 else { return 80 }
    return Int(size.ws_col)
  }

  /// The value of the environment variable `name`.
  private static func variable(_ name: String) -> String? {
    getenv(name).map { String(cString: $0) }
  }
}
