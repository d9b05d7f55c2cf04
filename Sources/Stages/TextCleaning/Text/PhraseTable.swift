/// Phrases to be looked for in texts, whatever the case, by the scalar that they begin with.
struct PhraseTable: Sendable {
  private static let scalarCount = 0x500
  /// For each scalar the number of its phrases in ``groups``; 0 where none begins with it.
  private var groupOfScalar = [UInt8](repeating: 0, count: scalarCount)
  private var groups: [[[UInt32]]] = [[]]
  /// Phrases that begin with a scalar beyond the table.
  private var others: [[UInt32]] = []

  /// A table of `phrases`.
  init(_ phrases: [String]) {
    for phrase in phrases.map(pattern) {
      guard let first = phrase.first else { continue }
      guard first < Self.scalarCount else {
        others.append(phrase)
        continue
      }
      var group = Int(groupOfScalar[Int(first)])
      if group == 0 {
        guard groups.count < 256 else {
          others.append(phrase)
          continue
        }
        group = groups.count
        groups.append([])
        groupOfScalar[Int(first)] = UInt8(group)
      }
      groups[group].append(phrase)
    }
  }

  /// Whether one of the phrases stands in `text`, at the beginning of a word.
  func stands(in text: UnsafeRawBufferPointer) -> Bool {
    var index = 0
    var followsLetter = false
    while index < text.count {
      let (value, length) = scalar(at: index, of: text)
      if !followsLetter {
        let folded = lowercased(value)
        let group = folded < Self.scalarCount ? Int(groupOfScalar[Int(folded)]) : 0
        let isFound = { (phrase: [UInt32]) in end(of: phrase, at: index, in: text) != nil }
        if group > 0 && groups[group].contains(where: isFound) { return true }
        if !others.isEmpty && others.contains(where: isFound) { return true }
      }
      followsLetter = isAlphanumeric(at: index, of: text)
      index += length
    }
    return false
  }
}
