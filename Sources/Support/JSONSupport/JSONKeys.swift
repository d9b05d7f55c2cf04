import FileSupport
import Glibc

/// The keys that a reader of objects knows: the cases of an enumeration of strings.
///
/// Keys are looked up by their bytes, without creating a string.
///
///     enum Member: String, CaseIterable { case name, id }
///     let members = JSONKeys<Member>()
///     try reader.object(members) { reader, key in
///       switch key {
///       case .name: name = try reader.string()
///       case .id: id = try reader.integer()
///       case nil: try reader.skip()
///       }
///     }
public struct JSONKeys<Key: RawRepresentable & CaseIterable & Sendable>: Sendable
where Key.RawValue == String {
  @usableFromInline let cases: [Key]
  @usableFromInline let table: JSONKeyTable

  /// The keys of all cases.
  public init() {
    cases = Array(Key.allCases)
    table = JSONKeyTable(cases.map(\.rawValue))
  }
}

/// A string that is one of the words that the reader knows, or another string.
public enum JSONWord<Word: Sendable>: Sendable {
  case known(Word)
  case other(String)
}

/// A hash table of keys by their bytes.
///
/// It is one array of 32-byte slots: the index of the key plus 1 (0 if the slot is empty), its
/// length, and its bytes.
@usableFromInline
struct JSONKeyTable: Sendable {
  private static let stride = 32
  private static let longest = stride - 2

  private let slots: [UInt8]
  /// The number of slots, a power of two, minus 1.
  private let mask: Int

  init(_ names: [String]) {
    precondition(names.count < 256 && names.allSatisfy { $0.utf8.count <= Self.longest })
    var count = 8
    while count < names.count * 4 { count *= 2 }
    mask = count - 1
    var slots = [UInt8](repeating: 0, count: count * Self.stride)
    for (index, name) in names.enumerated() {
      let bytes = Array(name.utf8)
      var slot = bytes.withUnsafeBytes { Self.hash($0) } & mask
      while slots[slot * Self.stride] != 0 { slot = (slot + 1) & mask }
      let start = slot * Self.stride
      slots.replaceSubrange(
        start..<start + 2 + bytes.count, with: [UInt8(index + 1), UInt8(bytes.count)] + bytes)
    }
    self.slots = slots
  }

  /// The index of the key `bytes`; -1 if it is unknown.
  func index(of bytes: UnsafeRawBufferPointer) -> Int {
    guard bytes.count <= Self.longest, let key = bytes.baseAddress else { return -1 }
    return slots.withUnsafeBytes { slots in
      guard let base = slots.baseAddress else { return -1 }
      var slot = Self.hash(bytes) & mask
      while true {
        let entry = base + slot * Self.stride
        let index = entry.load(as: UInt8.self)
        if index == 0 { return -1 }
        if Int(entry.load(fromByteOffset: 1, as: UInt8.self)) == bytes.count,
          memcmp(entry + 2, key, bytes.count) == 0
        {
          return Int(index) - 1
        }
        slot = (slot + 1) & mask
      }
    }
  }

  private static func hash(_ bytes: UnsafeRawBufferPointer) -> Int {
    guard let first = bytes.first, let last = bytes.last else { return 0 }
    let middle = bytes[bytes.count / 2]
    return bytes.count &* 7 &+ Int(first) &* 3 &+ Int(middle) &* 11 &+ Int(last)
  }
}
