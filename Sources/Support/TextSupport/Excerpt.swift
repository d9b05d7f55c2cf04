/// The beginning of `text`, a name or value from a file or server, for use in a message.
///
/// It fits on one line, however long `text` is, and nothing in it moves the cursor, changes colors
/// or reverses the direction of text on a terminal.
public func excerpt(_ text: some StringProtocol, limit: Int = 80) -> String {
  let scalars = text.unicodeScalars
  guard let end = scalars.index(scalars.startIndex, offsetBy: limit, limitedBy: scalars.endIndex),
    end < scalars.endIndex
  else { return printable(text) }
  return printable(text[..<end]) + "…"
}

/// `text` with anything that could disturb a terminal escaped; newlines and tabs are kept if
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
  /// Whether a terminal might do something other than show it: control characters, line and
  /// paragraph separators, and marks that change the direction of text.
  fileprivate var disturbsTerminal: Bool {
    switch value {
    case 0..<0x20, 0x7F..<0xA0, 0x061C, 0x200E...0x200F, 0x2028...0x202E, 0x2066...0x2069: true
    default: false
    }
  }
}

extension StringProtocol {
  /// The text without white space at either end.
  package var trimmed: String {
    let start = unicodeScalars.drop { $0.properties.isWhitespace }
    let end = start.lastIndex { !$0.properties.isWhitespace }
    return end.map { String(String.UnicodeScalarView(start[...$0])) } ?? ""
  }
}
