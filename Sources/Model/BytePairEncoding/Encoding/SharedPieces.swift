import CKernels
import Glibc
import Synchronization

/// Short pieces with their ids, which threads look up and add to without waiting for each other.
///
/// The entries stand one behind another in the order in which they were added, so that frequent
/// pieces are close together. A table of numbers leads to them: a piece's number stands at its hash,
/// or behind it with no gap between. An entry is whole before its number is written, and neither ever
/// changes; so whoever sees the number sees the entry.
final class SharedPieces: @unchecked Sendable {
  /// How many pieces there can be, less one.
  private static let capacity = 1 << 17
  private static let numberBits: UInt32 = 18
  /// How many numbers there is room for: so many that hardly any stands far behind its hash.
  private static let tableSize = 1 << 18

  /// Numbers of entries, with bits of the hash above them; 0 where there is none.
  private let table: UnsafeMutablePointer<Atomic<UInt32>>
  /// The entry with the number 0 is that of no piece.
  private let entries: UnsafeMutablePointer<PieceEntry>
  /// The number of the next entry.
  private let nextNumber = Atomic<Int>(1)

  init() {
    table = Self.zeroMemory(of: Atomic<UInt32>.self, count: Self.tableSize)
    entries = Self.zeroMemory(of: PieceEntry.self, count: Self.capacity)
  }

  deinit {
    munmap(table, Self.tableSize * MemoryLayout<Atomic<UInt32>>.stride)
    munmap(entries, Self.capacity * MemoryLayout<PieceEntry>.stride)
  }

  /// Memory of zeros; it comes from the system page by page when it is first touched.
  private static func zeroMemory<Element: ~Copyable>(
    of type: Element.Type, count: Int
  ) -> UnsafeMutablePointer<Element> {
    let size = count * MemoryLayout<Element>.stride
    let memory = mmap(nil, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
    guard let memory, memory != MAP_FAILED else {
      preconditionFailure("no memory for \(size) bytes")
    }
    return memory.bindMemory(to: type, capacity: count)
  }

  /// The pieces as they lie in memory, for as long as this object is there.
  var lookup: Lookup { Lookup(table: table, entries: entries) }

  /// A search in three steps, between which other work gives the memory time to come.
  struct Lookup {
    fileprivate let table: UnsafeMutablePointer<Atomic<UInt32>>
    fileprivate let entries: UnsafeMutablePointer<PieceEntry>

    /// Asks for the memory that ``likelyEntry(_:)`` reads.
    @inline(__always)
    func prepare(_ hash: UInt64) {
      ckernels_prefetch(table + SharedPieces.place(of: hash))
    }

    /// The only entry that the piece with the hash `hash` is likely to have, whose memory is asked
    /// for; that of no piece if there is none.
    @inline(__always)
    func likelyEntry(_ hash: UInt64) -> UnsafePointer<PieceEntry> {
      let mark = SharedPieces.mark(of: hash)
      var place = SharedPieces.place(of: hash)
      while true {
        let found = table[place].load(ordering: .acquiring)
        if found == 0 || (found ^ mark) >> SharedPieces.numberBits == 0 {
          let entry = UnsafePointer(entries + SharedPieces.number(in: found))
          ckernels_prefetch(entry)
          return entry
        }
        place = (place + 1) & (SharedPieces.tableSize - 1)
      }
    }
  }

  /// The entry of the piece `key` with the hash `hash`; `nil` if it has none.
  func entry(of key: PieceKey, hash: UInt64) -> PieceEntry? {
    var place = Self.place(of: hash)
    while true {
      let found = table[place].load(ordering: .acquiring)
      if found == 0 { return nil }
      if isNumber(found, of: key, hash) { return entries[Self.number(in: found)] }
      place = (place + 1) & (Self.tableSize - 1)
    }
  }

  /// Adds `entry`, whose key has the hash `hash`; returns false if there is no room for it.
  func add(_ entry: PieceEntry, hash: UInt64) -> Bool {
    guard nextNumber.load(ordering: .relaxed) < Self.capacity else { return false }
    let number = nextNumber.add(1, ordering: .relaxed).oldValue
    guard number < Self.capacity else { return false }
    entries[number] = entry
    let desired = Self.mark(of: hash) & ~0 << Self.numberBits | UInt32(number)
    var place = Self.place(of: hash)
    while true {
      let (exchanged, found) = table[place].compareExchange(
        expected: 0, desired: desired, successOrdering: .releasing, failureOrdering: .acquiring)
      // Another thread may have added the piece; its own entry then stays without a number.
      if exchanged || isNumber(found, of: entry.key, hash) { return true }
      place = (place + 1) & (Self.tableSize - 1)
    }
  }

  /// Whether `found` has the number of the entry of the piece `key` with the hash `hash`.
  private func isNumber(_ found: UInt32, of key: PieceKey, _ hash: UInt64) -> Bool {
    (found ^ Self.mark(of: hash)) >> Self.numberBits == 0
      && entries[Self.number(in: found)].key == key
  }

  @inline(__always)
  fileprivate static func place(of hash: UInt64) -> Int {
    Int(truncatingIfNeeded: hash) & (tableSize - 1)
  }

  /// The bits of `hash` that stand above a number.
  @inline(__always)
  fileprivate static func mark(of hash: UInt64) -> UInt32 {
    UInt32(truncatingIfNeeded: hash >> 32)
  }

  @inline(__always)
  fileprivate static func number(in found: UInt32) -> Int {
    Int(found & (1 << numberBits - 1))
  }
}
