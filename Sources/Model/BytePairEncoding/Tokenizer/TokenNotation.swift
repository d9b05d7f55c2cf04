/// Bytes in a readable form in which no two tokens look the same.
///
/// - A space is `␣`, a newline `\n`, a carriage return `\r`, a tab `\t`, a backslash `\\`.
/// - A byte that is not part of a complete character is `<D0>`.
/// - A character that cannot be seen on its own is `<U+00A0>`: other white space, control and
///   format characters, marks without a letter before them, and unassigned characters. So is `␣`
///   itself.
/// - A `<` that would look like the beginning of one of these is `\<`.
public enum TokenNotation {
  /// The notation of `bytes`.
  public static func text(of bytes: some Sequence<UInt8>) -> String {
    var output = ""
    let bytes = Array(bytes)
    var index = 0
    var followsLetter = false
    while index < bytes.count {
      guard let (scalar, length) = scalar(in: bytes[index...]) else {
        output += "<\(hexadecimal(UInt32(bytes[index]), digits: 2))>"
        index += 1
        followsLetter = false
        continue
      }
      index += length
      let isMark = [.nonspacingMark, .enclosingMark, .spacingMark].contains(
        scalar.properties.generalCategory)
      if scalar == "<" && looksEscaped(bytes[index...]) {
        output += "\\<"
      } else if isMark && !followsLetter {
        output += codePoint(scalar)
      } else {
        output += notation(of: scalar)
      }
      followsLetter = isMark ? followsLetter : isVisible(scalar)
    }
    return output
  }

  private static func notation(of scalar: Unicode.Scalar) -> String {
    switch scalar {
    case " ": "␣"
    case "\n": "\\n"
    case "\r": "\\r"
    case "\t": "\\t"
    case "\\": "\\\\"
    case "␣": codePoint(scalar)
    default: isVisible(scalar) ? String(scalar) : codePoint(scalar)
    }
  }

  private static func isVisible(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .control, .format, .surrogate, .privateUse, .unassigned, .spaceSeparator, .lineSeparator,
      .paragraphSeparator:
      false
    // Hangul fillers and similar characters are classified as letters, but are blank.
    default:
      !scalar.properties.isDefaultIgnorableCodePoint || scalar.properties.isVariationSelector
    }
  }

  /// Whether `bytes` continue a `<` as in `<D0>` or `<U+`.
  private static func looksEscaped(_ bytes: ArraySlice<UInt8>) -> Bool {
    if bytes.starts(with: "U+".utf8) { return true }
    let three = bytes.prefix(3)
    return three.count == 3 && three.last == UInt8(ascii: ">")
      && three.dropLast().allSatisfy { byte in
        UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte
          || UInt8(ascii: "A")...UInt8(ascii: "F") ~= byte
      }
  }

  private static func codePoint(_ scalar: Unicode.Scalar) -> String {
    "<U+\(hexadecimal(scalar.value, digits: 4))>"
  }

  private static func hexadecimal(_ value: UInt32, digits: Int) -> String {
    let text = String(value, radix: 16, uppercase: true)
    return String(repeating: "0", count: max(0, digits - text.count)) + text
  }

  /// The character at the beginning of `bytes` and its length in bytes; `nil` if it is incomplete.
  private static func scalar(in bytes: ArraySlice<UInt8>) -> (Unicode.Scalar, length: Int)? {
    var decoder = UTF8()
    var iterator = bytes.prefix(4).makeIterator()
    guard case .scalarValue(let scalar) = decoder.decode(&iterator) else { return nil }
    return (scalar, UTF8.width(scalar))
  }
}
