import Glibc

/// The texts of tokens as they are written in the files, one after another in memory, by number.
struct TokenTexts: Sendable {
  /// The bytes of all texts, a newline behind each.
  private(set) var lines: [UInt8] = []
  /// Where each text begins in ``lines``, and where the next one would.
  private var starts = [0]

  /// Takes room for `count` texts of `byteCount` bytes in all.
  mutating func reserveCapacity(_ count: Int, byteCount: Int) {
    lines.reserveCapacity(byteCount + count)
    starts.reserveCapacity(count + 1)
  }

  /// How many texts there are.
  var count: Int { starts.count - 1 }

  /// Where the text `number` lies in ``lines``.
  @inline(__always)
  func range(_ number: Int) -> Range<Int> { starts[number]..<starts[number + 1] - 1 }

  /// The bytes of the text `number`.
  subscript(number: Int) -> ArraySlice<UInt8> { lines[range(number)] }

  /// The text `number`.
  func string(_ number: Int) -> String { String(decoding: self[number], as: UTF8.self) }

  /// Whether there is a text `number`, and it is `bytes`.
  func equals(_ bytes: UnsafeRawBufferPointer, _ number: Int) -> Bool {
    guard number < count else { return false }
    let range = range(number)
    guard range.count == bytes.count else { return false }
    return lines.withUnsafeBytes { lines in
      guard let base = lines.baseAddress, let other = bytes.baseAddress else { return true }
      return memcmp(base + range.lowerBound, other, range.count) == 0
    }
  }

  /// Adds the text that `body` appends to the bytes it is given, to which it does nothing else.
  mutating func append(_ body: (inout [UInt8]) throws -> Void) rethrows {
    try body(&lines)
    endLine()
  }

  /// Adds `text`.
  mutating func append(_ text: String) {
    lines.append(contentsOf: text.utf8)
    endLine()
  }

  /// Adds the text `left` with the text `right` behind it.
  mutating func append(joining left: Int, _ right: Int) {
    for number in [left, right] {
      for index in range(number) { lines.append(lines[index]) }
    }
    endLine()
  }

  private mutating func endLine() {
    lines.append(0x0A)
    starts.append(lines.count)
  }

  /// The texts `numbers` in this order.
  func picked(_ numbers: [Int]) -> TokenTexts {
    var picked = TokenTexts()
    picked.reserveCapacity(numbers.count, byteCount: lines.count)
    for number in numbers { picked.append { $0.append(contentsOf: self[number]) } }
    return picked
  }
}
