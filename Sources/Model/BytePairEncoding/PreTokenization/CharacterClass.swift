/// The classes of characters that the split expression distinguishes.
///
/// The values are bytes of a table, so that the scanner compares plain integers.
enum CharacterClass {
  static let other: UInt8 = 0
  static let letter: UInt8 = 1
  static let number: UInt8 = 2
  static let whiteSpace: UInt8 = 3

  /// The class of each code point up to the last one that is not ``other``.
  static let table: [UInt8] = {
    let classes = [
      (UnicodeRanges.letter, letter), (UnicodeRanges.number, number),
      (UnicodeRanges.whiteSpace, whiteSpace),
    ]
    let end = classes.compactMap { $0.0.last }.max().map { Int($0) + 1 } ?? 0
    var table = [UInt8](repeating: other, count: end)
    for (ranges, value) in classes {
      for index in stride(from: 0, to: ranges.count, by: 2) {
        for code in ranges[index]...ranges[index + 1] { table[Int(code)] = value }
      }
    }
    return table
  }()
}
