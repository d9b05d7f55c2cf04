import Foundation
import TestSupport

/// The path of a file that torch wrote: see Tests/Interop/References/generate_torch_files.py.
func torchFile(_ name: String) -> String {
  checkoutPath("Tests/Interop/References/torch_files/\(name)")
}

/// The bytes of such a file.
func torchBytes(_ name: String) throws -> [UInt8] {
  [UInt8](try Data(contentsOf: URL(filePath: torchFile(name))))
}

/// The numbers in those files.
func torchNumbers(_ count: Int, seed: Int = 0) -> [Float] {
  (0..<count).map { Float(($0 + 37 * seed) % 101 - 50) / 64 }
}

/// The bytes of a pickle, opcode by opcode.
struct Pickle {
  private(set) var bytes: [UInt8] = [0x80, 2]

  init() {}

  init(_ build: (inout Pickle) -> Void) {
    build(&self)
    bytes.append(UInt8(ascii: "."))
  }

  mutating func raw(_ bytes: [UInt8]) { self.bytes += bytes }
  mutating func raw(_ text: String) { bytes += Array(text.utf8) }

  mutating func string(_ text: String) {
    raw("X")
    littleEndian(text.utf8.count, 4)
    raw(text)
  }

  mutating func integer(_ value: Int) {
    raw([0x8A, 8])
    littleEndian(value, 8)
  }

  mutating func global(_ name: String) {
    raw("c\(name.replacing(" ", with: "\n"))\n")
  }

  mutating func tuple(_ integers: [Int]) {
    raw("(")
    for value in integers { integer(value) }
    raw("t")
  }

  mutating func storage(
    _ key: String = "0", count: Int = 6, type: String = "FloatStorage", module: String = "torch",
    isLegacy: Bool = false
  ) {
    raw("(")
    string("storage")
    global("\(module) \(type)")
    string(key)
    string("cpu")
    integer(count)
    raw(isLegacy ? "NtQ" : "tQ")
  }

  /// A call that makes a tensor of storage "0".
  mutating func tensor(
    _ shape: [Int], strides: [Int], offset: Int = 0, count: Int = 6, type: String = "FloatStorage",
    isLegacy: Bool = false
  ) {
    global("torch._utils _rebuild_tensor_v2")
    raw("(")
    storage(count: count, type: type, isLegacy: isLegacy)
    integer(offset)
    tuple(shape)
    tuple(strides)
    raw([0x89])
    emptyDictionary()
    raw("tR")
  }

  /// A call that makes a tensor of the torch type `type` of `byteCount` bytes in storage "0".
  mutating func tensor(_ shape: [Int], strides: [Int], ofType type: String, byteCount: Int) {
    global("torch._utils _rebuild_tensor_v3")
    raw("(")
    storage(count: byteCount, type: "UntypedStorage", module: "torch.storage")
    integer(0)
    tuple(shape)
    tuple(strides)
    raw([0x89])
    emptyDictionary()
    global("torch \(type)")
    raw("tR")
  }

  mutating func emptyDictionary() {
    global("collections OrderedDict")
    raw(")R")
  }

  /// A state_dict with one tensor "w".
  static func stateDictionary(
    _ shape: [Int] = [2, 3], strides: [Int] = [3, 1], offset: Int = 0, count: Int = 6,
    type: String = "FloatStorage", isLegacy: Bool = false
  ) -> [UInt8] {
    Pickle {
      $0.emptyDictionary()
      $0.string("w")
      $0.tensor(
        shape, strides: strides, offset: offset, count: count, type: type, isLegacy: isLegacy)
      $0.raw("s")
    }.bytes
  }

  private mutating func littleEndian(_ value: Int, _ size: Int) {
    bytes += littleEndianBytes(value, size)
  }
}

/// The `size` lowest bytes of `value`, the lowest first.
func littleEndianBytes(_ value: Int, _ size: Int) -> [UInt8] {
  (0..<size).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
}

/// The bytes of `floats` in a file.
func floatBytes(_ floats: [Float]) -> [UInt8] {
  floats.flatMap { littleEndianBytes(Int($0.bitPattern), 4) }
}

/// A zip file, entry by entry.
struct Zip {
  struct Entry {
    var name: String
    var data: [UInt8]
    var method = 0
    var flags = 0x0808
    var localName: String?
    /// Whether sizes and place stand in the extra field of zip64.
    var isZip64 = false
    var size: Int?
  }

  var entries: [Entry] = []
  var hasZip64End = false
  var comment: [UInt8] = []

  /// The file that holds `pickle` and storage "0" of `data`.
  init(pickle: [UInt8], data: [UInt8] = floatBytes([0, 1, 2, 3, 4, 5]), folder: String = "archive")
  {
    entries = [
      Entry(name: "\(folder)/data.pkl", data: pickle),
      Entry(name: "\(folder)/byteorder", data: Array("little".utf8)),
      Entry(name: "\(folder)/data/0", data: data),
      Entry(name: "\(folder)/version", data: Array("3\n".utf8)),
    ]
  }

  var bytes: [UInt8] {
    var file: [UInt8] = []
    var directory: [UInt8] = []
    for entry in entries {
      let start = file.count
      let name = Array(entry.name.utf8)
      let localName = Array((entry.localName ?? entry.name).utf8)
      // As torch does: no sizes here, and a field that moves the data to a place of its liking.
      file += [0x50, 0x4B, 3, 4] + littleEndianBytes(0, 2) + littleEndianBytes(entry.flags, 2)
      file += littleEndianBytes(entry.method, 2) + [UInt8](repeating: 0, count: 16)
      file += littleEndianBytes(localName.count, 2) + littleEndianBytes(7, 2) + localName
      file += Array("FB".utf8) + [3, 0] + Array("ZZZ".utf8) + entry.data
      let size = entry.size ?? entry.data.count
      let extra =
        entry.isZip64
        ? [9, 9, 2, 0, 0, 0, 1, 0, 24, 0] + littleEndianBytes(size, 8) + littleEndianBytes(size, 8)
          + littleEndianBytes(start, 8) : []
      let short = { (value: Int) in littleEndianBytes(entry.isZip64 ? 0xFFFF_FFFF : value, 4) }
      directory += [0x50, 0x4B, 1, 2, 0, 0, 0, 0] + littleEndianBytes(entry.flags, 2)
      directory += littleEndianBytes(entry.method, 2) + [UInt8](repeating: 0, count: 8)
      directory += short(size) + short(size) + littleEndianBytes(name.count, 2)
      directory += littleEndianBytes(extra.count, 2) + [UInt8](repeating: 0, count: 10)
      directory += short(start) + name + extra
    }
    let start = file.count
    let size = directory.count
    file += directory
    let count = littleEndianBytes(entries.count, 2)
    if hasZip64End {
      let record = file.count
      let long = littleEndianBytes(entries.count, 8)
      file += [0x50, 0x4B, 6, 6] + littleEndianBytes(44, 8) + [45, 0, 45, 0]
      file += [UInt8](repeating: 0, count: 8) + long + long + littleEndianBytes(size, 8)
      file += littleEndianBytes(start, 8)
      file += [0x50, 0x4B, 6, 7, 0, 0, 0, 0] + littleEndianBytes(record, 8) + [1, 0, 0, 0]
      file += [0x50, 0x4B, 5, 6, 0, 0, 0, 0] + [UInt8](repeating: 0xFF, count: 12)
    } else {
      file += [0x50, 0x4B, 5, 6, 0, 0, 0, 0] + count + count + littleEndianBytes(size, 4)
      file += littleEndianBytes(start, 4)
    }
    return file + littleEndianBytes(comment.count, 2) + comment
  }
}
