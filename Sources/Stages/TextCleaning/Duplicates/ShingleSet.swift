/// The shingles of a text: every run of so many characters of it as ``FoldedText`` has it, each once.
///
/// A shingle is known by 64 bits. A text with fewer characters is one shingle; one without any has
/// none. The memory is used again for the next text.
package struct ShingleSet {
  /// How many characters a shingle has.
  let length: Int
  /// The shingles of the text, in the order in which they first appear.
  package private(set) var hashes: [UInt64] = []

  /// An open hash table of ``hashes``; 0 is an empty place, which no shingle is.
  private var table: [UInt64] = []
  /// For each place the number of the text that had its shingle last, in ``countShared(with:)``.
  private var counted: [UInt32] = []
  private var textNumber: UInt32 = 0
  /// How many places are used, a power of two.
  private var capacity = 0
  private var folded = FoldedText()
  /// The place value of the first character of a shingle.
  private let leading: UInt64

  private static let base: UInt64 = 0x9E37_79B9_7F4A_7C15

  /// The set of no text.
  package init(shingleLength: Int) {
    precondition(shingleLength > 0)
    length = shingleLength
    leading = (1..<shingleLength).reduce(1) { power, _ in power &* Self.base }
  }

  /// Takes up the shingles of `text` in place of those before.
  package mutating func load(_ text: UnsafeRawBufferPointer) {
    hashes.removeAll(keepingCapacity: true)
    folded.load(text)
    clear(capacity: 256)
    textNumber = 0
    Self.forEach(of: folded.scalars, length, leading) { insert($0) }
  }

  /// How many shingles `text` has of those that are loaded.
  package mutating func countShared(with text: UnsafeRawBufferPointer) -> Int {
    folded.load(text)
    textNumber += 1
    let textNumber = textNumber
    let mask = capacity - 1
    var count = 0
    table.withUnsafeBufferPointer { table in
      counted.withUnsafeMutableBufferPointer { counted in
        Self.forEach(of: folded.scalars, length, leading) { hash in
          var place = Int(truncatingIfNeeded: hash) & mask
          while table[place] != 0 {
            if table[place] == hash {
              if counted[place] != textNumber { count += 1 }
              counted[place] = textNumber
              return
            }
            place = (place + 1) & mask
          }
        }
      }
    }
    return count
  }

  /// Empties the table and gives it `newCapacity` places.
  private mutating func clear(capacity newCapacity: Int) {
    // The table of a post as long as a book is not kept for the next.
    if table.count > 1 << 16, newCapacity <= 1 << 16 {
      table = []
      counted = []
      hashes = []
    }
    let kept = min(newCapacity, table.count)
    for place in 0..<kept {
      table[place] = 0
      counted[place] = 0
    }
    if newCapacity > table.count {
      let missing = newCapacity - table.count
      table.append(contentsOf: repeatElement(0, count: missing))
      counted.append(contentsOf: repeatElement(0, count: missing))
    }
    capacity = newCapacity
  }

  private mutating func insert(_ hash: UInt64) {
    let place = place(of: hash)
    guard table[place] == 0 else { return }
    hashes.append(hash)
    guard hashes.count * 4 > capacity * 3 else {
      table[place] = hash
      return
    }
    clear(capacity: capacity * 2)
    for hash in hashes { table[self.place(of: hash)] = hash }
  }

  /// Where `hash` stands in the table, or the empty place where it is to stand.
  private func place(of hash: UInt64) -> Int {
    let mask = capacity - 1
    var place = Int(truncatingIfNeeded: hash) & mask
    while table[place] != 0, table[place] != hash { place = (place + 1) & mask }
    return place
  }

  /// Calls `body` with each shingle, those that come again too.
  ///
  /// Its characters are the digits of a number modulo 2⁶⁴, which goes from one shingle to the next in
  /// two multiplications; its bits are then mixed.
  @inline(__always)
  private static func forEach(
    of scalars: [UInt32], _ length: Int, _ leading: UInt64, _ body: (UInt64) -> Void
  ) {
    var number: UInt64 = 0
    for index in 0..<min(length, scalars.count) {
      number = number &* base &+ UInt64(scalars[index])
    }
    guard !scalars.isEmpty else { return }
    body(mixed(number))
    guard scalars.count > length else { return }
    scalars.withUnsafeBufferPointer { scalars in
      for index in length..<scalars.count {
        number &-= UInt64(scalars[index - length]) &* leading
        number = number &* base &+ UInt64(scalars[index])
        body(mixed(number))
      }
    }
  }
}

/// `number` with its bits mixed, as MurmurHash3 ends; never 0.
@inline(__always)
func mixed(_ number: UInt64) -> UInt64 {
  var bits = number
  bits = (bits ^ bits >> 33) &* 0xFF51_AFD7_ED55_8CCD
  bits = (bits ^ bits >> 33) &* 0xC4CE_B9FE_1A85_EC53
  bits ^= bits >> 33
  return bits == 0 ? 1 : bits
}
