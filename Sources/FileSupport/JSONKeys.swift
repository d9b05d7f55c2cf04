/// The keys that a reader of objects knows, as the cases of an enumeration of strings.
///
/// Keys are looked up by their bytes, without a string being made.
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

/// A hash table of keys by their bytes.
@usableFromInline
struct JSONKeyTable: Sendable {
  /// The keys' numbers by their hashes; -1 where there is none.
  private var slots: [Int32]
  private let names: [[UInt8]]

  init(_ names: [String]) {
    self.names = names.map { Array($0.utf8) }
    var size = 8
    while size < names.count * 4 { size *= 2 }
    slots = [Int32](repeating: -1, count: size)
    for (number, name) in self.names.enumerated() {
      var slot = name.withUnsafeBytes { Self.hash($0) } & (size - 1)
      while slots[slot] >= 0 { slot = (slot + 1) & (size - 1) }
      slots[slot] = Int32(number)
    }
  }

  /// The number of the key that is `bytes`; `nil` if it is none of them.
  func number(of bytes: UnsafeRawBufferPointer) -> Int? {
    var slot = Self.hash(bytes) & (slots.count - 1)
    while slots[slot] >= 0 {
      let number = Int(slots[slot])
      let isEqual = names[number].withUnsafeBytes { name in
        name.count == bytes.count && name.elementsEqual(bytes)
      }
      if isEqual { return number }
      slot = (slot + 1) & (slots.count - 1)
    }
    return nil
  }

  private static func hash(_ bytes: UnsafeRawBufferPointer) -> Int {
    guard let first = bytes.first, let last = bytes.last else { return 0 }
    let middle = bytes[bytes.count / 2]
    return bytes.count &* 7 &+ Int(first) &* 3 &+ Int(middle) &* 11 &+ Int(last)
  }
}
