import TextSupport

/// The shingles of a text: each distinct run of a fixed number of characters in its ``FoldedText``.
///
/// A shingle is identified by 64 bits. A text with fewer characters is one shingle; a text without
/// any has no shingles.
package struct ShingleSet {
  /// The number of characters in a shingle.
  private let length: Int
  /// The shingles of the text, in the order in which they first occur.
  package private(set) var hashes: [UInt64] = []

  /// An open hash table of ``hashes``; 0, which is never a shingle, marks an empty place.
  private var table: [UInt64] = []
  /// For each place, the last text that ``countShared(with:)`` found its shingle in, counted from 1.
  private var counted: [UInt32] = []
  private var textCount: UInt32 = 0
  private var folded = FoldedText()
  /// All shingles of a text, including repeated ones.
  private var shingles: [UInt64] = []
  /// The place value of the first character of a shingle.
  private let leading: UInt64

  private static let base: UInt64 = 0x9E37_79B9_7F4A_7C15

  /// An empty set, before any text is loaded.
  package init(shingleLength: Int) {
    precondition(shingleLength > 0)
    length = shingleLength
    leading = (1..<shingleLength).reduce(1) { power, _ in power &* Self.base }
  }

  /// Replaces the shingles with those of `text`.
  package mutating func load(_ text: Span<UInt8>) {
    readShingles(of: text)
    var capacity = 256
    while capacity * 3 < shingles.count * 4 { capacity *= 2 }
    table = Array(repeating: 0, count: capacity)
    counted = []
    hashes = []
    for hash in shingles {
      let place = place(of: hash)
      guard table[place] == 0 else { continue }
      table[place] = hash
      hashes.append(hash)
    }
  }

  /// The number of different shingles that `text` shares with the one that is loaded.
  package mutating func countShared(with text: Span<UInt8>) -> Int {
    readShingles(of: text)
    if counted.isEmpty { (counted, textCount) = (Array(repeating: 0, count: table.count), 0) }
    textCount += 1
    var count = 0
    for hash in shingles {
      let place = place(of: hash)
      guard table[place] == hash, counted[place] != textCount else { continue }
      counted[place] = textCount
      count += 1
    }
    return count
  }

  /// The place of `hash` in the table, or the empty place where it belongs.
  private func place(of hash: UInt64) -> Int {
    let mask = table.count - 1
    var place = Int(truncatingIfNeeded: hash) & mask
    while table[place] != 0, table[place] != hash { place = (place + 1) & mask }
    return place
  }

  /// Reads the shingles of `text` into ``shingles``.
  ///
  /// The characters of a shingle are the digits of a number modulo 2⁶⁴, from which that of the next
  /// shingle follows with two multiplications; its bits are then mixed.
  private mutating func readShingles(of text: Span<UInt8>) {
    folded.load(text)
    let scalars = folded.scalars
    // Memory for a post as long as a book is not kept.
    shingles.removeAll(keepingCapacity: shingles.count < 1 << 16)
    guard !scalars.isEmpty else { return }
    var number: UInt64 = 0
    for scalar in scalars.prefix(length) { number = number &* Self.base &+ UInt64(scalar) }
    shingles.append(mixed(number))
    guard scalars.count > length else { return }
    for index in length..<scalars.count {
      number &-= UInt64(scalars[index - length]) &* leading
      number = number &* Self.base &+ UInt64(scalars[index])
      shingles.append(mixed(number))
    }
  }
}

/// `number` with its bits mixed by the finalizer of MurmurHash3; never 0.
@inline(__always)
func mixed(_ number: UInt64) -> UInt64 {
  var bits = number
  bits = (bits ^ bits >> 33) &* 0xFF51_AFD7_ED55_8CCD
  bits = (bits ^ bits >> 33) &* 0xC4CE_B9FE_1A85_EC53
  bits ^= bits >> 33
  return bits == 0 ? 1 : bits
}
