import CheckpointFormat
import FileSupport
import Foundation
import TestSupport
import Testing

@Suite("GGUFFile")
struct GGUFFileTests {
  private let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
  }

  private func read(_ bytes: [UInt8]) throws -> GGUFFile {
    try GGUFFile(path: try folder.write(bytes, to: "model.gguf"))
  }

  private func floats(_ tensor: StoredTensor) throws -> [Float] {
    var floats = [Float](repeating: 0, count: tensor.count)
    try floats.withUnsafeMutableBufferPointer { try tensor.copy(0..<tensor.count, to: $0) }
    return floats
  }

  @Test("tensors have row-major shapes, and metadata its types")
  func whole() throws {
    var bytes = GGUFBytes.whole()
    bytes.keys += [
      ("flag", GGUFBytes.flag(1)), ("number", GGUFBytes.float(0.5)),
      ("words", GGUFBytes.strings(["a", "", "й"])),
      ("bytes", GGUFBytes.array(0, 3) + [7, 8, 9]),
      ("long", GGUFBytes.number(UInt32(10)) + GGUFBytes.number(UInt64.max)),
    ]
    let file = try read(bytes.bytes)
    #expect(file.tensors.keys.sorted() == ["a", "b"])
    let (a, b) = (try #require(file.tensors["a"]), try #require(file.tensors["b"]))
    #expect(a.shape == [3] && b.shape == [2, 32])
    #expect(try floats(a) == [1, 2, 3])
    #expect(try floats(b) == (0..<64).map { Float($0) })
    #expect(try file.string("general.architecture") == "gpt2")
    #expect(try file.string("none") == nil)
    #expect(try file.flag("flag") == true)
    #expect(try file.requiredNumber("number", in: 0..<1) == 0.5)
    #expect(try file.integer("some.number", in: 0...9) == 7)
    #expect(try file.integers("bytes", count: 3) == [7, 8, 9])
    var words: [String] = []
    try file.forEachString("words") { text, _ in
      words.append(text.withUnsafeBytes { String(decoding: $0, as: UTF8.self) })
    }
    #expect(words == ["a", "", "й"])
    for (problem, read) in [
      (
        "long is 18446744073709551615; expected a whole number from 0 to 9",
        { _ = try file.integer("long", in: 0...9) }
      ),
      ("flag is true; expected a string", { _ = try file.string("flag") }),
      ("some.number is 7; expected true or false", { _ = try file.flag("some.number") }),
      (
        "words is an array of 3; expected an array of 3 whole numbers",
        { _ = try file.integers("words", count: 3) }
      ),
      ("none is missing; expected an array of strings", { _ = try file.stringCount("none") }),
      (
        "number is 0.5; expected a number from 1.0 to below 2.0",
        { _ = try file.requiredNumber("number", in: 1..<2) }
      ),
    ] as [(String, () throws -> Void)] {
      let error = #expect(throws: InputError.self) { try read() }
      #expect(error?.problem == problem)
    }
  }

  @Test("version 2, another alignment, and a missing end of the padding are read")
  func variants() throws {
    var bytes = GGUFBytes.whole()
    bytes.version = 2
    #expect(try read(bytes.bytes).tensors.count == 2)
    bytes.keys.append(("general.alignment", GGUFBytes.uint32(64)))
    bytes.alignment = 64
    bytes.tensors[1].offset = 64
    bytes.data.insert(contentsOf: [UInt8](repeating: 0, count: 32), at: 32)
    let file = try read(bytes.bytes)
    #expect(try floats(try #require(file.tensors["b"])).last == 63)
    bytes.tensors.swapAt(0, 1)
    bytes.tensors[0].offset = 0
    bytes.tensors[1].offset = 256
    bytes.data = Array(bytes.data[64...]) + floatBytes([1, 2, 3])
    #expect(try floats(try #require(try read(bytes.bytes).tensors["a"])) == [1, 2, 3])
  }

  @Test("a file is recognized by its first bytes, or by its name")
  func recognized() throws {
    #expect(GGUFFile.isGGUF(try folder.write(GGUFBytes.whole().bytes, to: "weights")))
    #expect(GGUFFile.isGGUF(try folder.write("version https://git-lfs", to: "model.GGUF")))
    #expect(!GGUFFile.isGGUF(try folder.write("{}", to: "config.json")))
    #expect(!GGUFFile.isGGUF(folder.path) && !GGUFFile.isGGUF(folder.path("none.gguf")))
  }

  private static let damages: [(problem: String, change: @Sendable (inout GGUFBytes) -> Void)] = [
    ("not a GGUF file, which begins with the letters GGUF", { $0.magic = Array("GGML".utf8) }),
    ("byte 4: version 1 of GGUF is not supported; expected 2 or 3", { $0.version = 1 }),
    ("byte 4: version 4 of GGUF is not supported; expected 2 or 3", { $0.version = 4 }),
    (
      "byte 4: the file is big-endian; expected one for little-endian machines",
      { $0.version = 3 << 24 }
    ),
    (
      "byte 8: 18446744073709551615 tensors do not fit into the ",
      { $0.tensorCount = .max }
    ),
    ("byte 16: 9223372036854775808 keys do not fit into the ", { $0.keyCount = 1 << 63 }),
    (
      "byte 8: 70000 tensors, expected at most 65536",
      {
        $0.tensorCount = 70_000
        $0.data += [UInt8](repeating: 0, count: 32 * 70_000)
      }
    ),
    (
      "byte 51: the key 'some.number' appears twice",
      { $0.keys = [$0.keys[1], $0.keys[1]] }
    ),
    ("byte 52: 13 is not a type of value; expected 0 to 12", { $0.keys[0].1[0] = 13 }),
    (
      "an array of arrays; expected one of strings, numbers or flags",
      { $0.keys[0].1 = GGUFBytes.array(9, 1) + GGUFBytes.array(0, 0) }
    ),
    (
      "4611686018427387904 elements of an array do not fit into the ",
      { $0.keys[0].1 = GGUFBytes.array(4, 1 << 62) }
    ),
    (
      "1000 elements of an array do not fit into the ",
      { $0.keys[0].1 = GGUFBytes.array(8, 1000) }
    ),
    (
      "18446744073709551615 bytes of a string do not fit into the ",
      { $0.keys[0].1 = GGUFBytes.number(UInt32(8)) + GGUFBytes.number(UInt64.max) }
    ),
    (
      "18446744073709551615 bytes of a string do not fit into the ",
      { $0.keys[0].1 = GGUFBytes.array(8, 1) + GGUFBytes.number(UInt64.max) }
    ),
    ("a flag is 2, expected 0 or 1", { $0.keys[0].1 = GGUFBytes.flag(2) }),
    (
      "the name of a key has 1024 bytes, expected fewer than 1024",
      { $0.keys[0].0 = String(repeating: "k", count: 1024) }
    ),
    (
      "general.alignment is 24; expected a power of two up to 1048576",
      { $0.keys[0] = ("general.alignment", GGUFBytes.uint32(24)) }
    ),
    (
      "the name of a tensor has 64 bytes, expected fewer than 64",
      { $0.tensors[0].name = String(repeating: "t", count: 64) }
    ),
    ("tensor 'a': 0 dimensions, expected 1 to 4", { $0.tensors[0].dimensions = [] }),
    (
      "tensor 'a': 5 dimensions, expected 1 to 4",
      { $0.tensors[0].dimensions = [1, 1, 1, 1, 1] }
    ),
    ("tensor 'a': a dimension of 0 is impossible", { $0.tensors[0].dimensions = [0] }),
    (
      "tensor 'a': a dimension of 18446744073709551615 is impossible",
      { $0.tensors[0].dimensions = [.max] }
    ),
    (
      "tensor 'a': a dimension of 4294967296 is impossible",
      { $0.tensors[0].dimensions = [1 << 32, 1 << 32] }
    ),
    (
      "tensor 'a': the type IQ4_NL is not supported; expected F32, F16, BF16, F64, Q4_0, ",
      { $0.tensors[0].type = 20 }
    ),
    ("tensor 'a': the type 99 is not supported; expected F32", { $0.tensors[0].type = 99 }),
    (
      "tensor 'a': rows of 3 numbers are not whole blocks of Q8_0, which have 32",
      { $0.tensors[0].type = 8 }
    ),
    (
      "tensor 'b' is at 0 of the data, expected 32, where the one before it ends",
      { $0.tensors[1].offset = 0 }
    ),
    (
      "tensor 'b' is at 64 of the data, expected 32, where the one before it ends",
      { $0.tensors[1].offset = 64 }
    ),
    ("tensor 'a' appears twice", { $0.tensors[1].name = "a" }),
    (
      "tensor 'b' of 256 bytes goes past the end of the file: it is cut off",
      { $0.data.removeLast() }
    ),
    (
      "tensor 'b' of 1125899906842624 bytes goes past the end of the file: it is cut off",
      { $0.tensors[1].dimensions = [1 << 48] }
    ),
  ]

  @Test("what is damaged or hostile is refused", arguments: damages.indices)
  func refused(_ index: Int) throws {
    let (problem, change) = Self.damages[index]
    var bytes = GGUFBytes.whole()
    change(&bytes)
    let error = #expect(throws: InputError.self) { try read(bytes.bytes) }
    let message = error?.description.replacing(folder.path("model.gguf") + ": ", with: "") ?? ""
    #expect(message.contains(problem), "\(message)")
  }

  @Test("a file that is cut off anywhere is refused")
  func cut() throws {
    let bytes = GGUFBytes.whole().bytes
    for count in 0..<bytes.count {
      #expect(throws: InputError.self) { try read(Array(bytes[..<count])) }
    }
  }

  @Test("strings that are not UTF-8 are refused when they are read")
  func encoding() throws {
    var bytes = GGUFBytes.whole()
    bytes.keys[0].1 = GGUFBytes.array(8, 1) + GGUFBytes.number(UInt64(1)) + [0xFF]
    let file = try read(bytes.bytes)
    let error = #expect(throws: InputError.self) {
      try file.forEachString("general.architecture") { _, _ in }
    }
    #expect(error?.problem == "a string of general.architecture is not UTF-8")
  }

  @Test("a list of strings that would fill the memory is refused")
  func hugeArray() throws {
    var bytes = GGUFBytes()
    let count = UInt64(1 << 25) + 1
    // The array ends before its elements: zeros, which are empty strings, follow without taking space.
    bytes.keys = [("tokens", GGUFBytes.array(8, count))]
    var start = bytes.bytes
    start.removeLast(start.count - (24 + 14 + 16))
    let path = try folder.write(start, to: "model.gguf")
    let handle = try #require(FileHandle(forWritingAtPath: path))
    try handle.truncate(atOffset: UInt64(start.count) + 8 * count + 64)
    try handle.close()
    let file = try GGUFFile(path: path)
    let error = #expect(throws: InputError.self) { try file.stringCount("tokens") }
    #expect(error?.problem == "tokens has 268435464 bytes; expected at most 268435456")
  }
}
