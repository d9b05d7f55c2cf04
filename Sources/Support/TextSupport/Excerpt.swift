/// The beginning of `text`, a name or value from a file or server, as a message shows it.
///
/// It fits on a line, however long `text` is, and nothing in it moves the cursor, changes colors or
/// reverses the order of letters on a terminal.
public func excerpt(_ text: some StringProtocol, limit: Int = 80) -> String {
  let scalars = text.unicodeScalars
  guard let end = scalars.index(scalars.startIndex, offsetBy: limit, limitedBy: scalars.endIndex),
    end < scalars.endIndex
  else { return printable(text) }
  return printable(text[..<end]) + "…"
}

/// `text` with escapes in place of what is not for a terminal, but for newlines and tabs where
/// `keepingLines` is set.
package func printable(_ text: some StringProtocol, keepingLines: Bool = false) -> String {
  var output = ""
  for scalar in text.unicodeScalars {
    let isPlain = keepingLines && (scalar == "\n" || scalar == "\t")
    output += isPlain || !scalar.disturbsTerminal ? String(scalar) : scalar.escaped(asASCII: true)
  }
  return output
}

extension Unicode.Scalar {
  /// Whether a terminal may do something else than show it: control characters, line and paragraph
  /// separators, and those that change the direction of what follows.
  fileprivate var disturbsTerminal: Bool {
    switch value {
    case 0..<0x20, 0x7F..<0xA0, 0x061C, 0x200E...0x200F, 0x2028...0x202E, 0x2066...0x2069: true
    default: false
    }
  }
}
