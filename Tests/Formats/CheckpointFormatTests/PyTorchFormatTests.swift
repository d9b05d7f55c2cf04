import CheckpointFormat
import FileSupport
import TestSupport
import Testing

@Suite("PyTorchFile: zip files")
struct PyTorchZipTests {
  private let folder: TemporaryFolder
  private let pickle = Pickle.stateDictionary()

  init() throws {
    folder = try TemporaryFolder()
  }

  private func open(_ bytes: [UInt8]) throws -> PyTorchFile {
    try PyTorchFile(path: folder.write(bytes, to: "a.bin"))
  }

  private func expectGood(_ zip: Zip, sourceLocation: SourceLocation = #_sourceLocation) throws {
    let tensor = try #require(try open(zip.bytes).tensors["w"], sourceLocation: sourceLocation)
    var floats = [Float](repeating: .nan, count: 6)
    try floats.withUnsafeMutableBufferPointer { try tensor.copy(0..<6, to: $0) }
    #expect(floats == [0, 1, 2, 3, 4, 5], sourceLocation: sourceLocation)
  }

  private func expectProblem(
    _ problem: String, _ bytes: [UInt8], sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let error = #expect(throws: InputError.self, sourceLocation: sourceLocation) {
      try open(bytes)
    }
    #expect(error?.problem == problem, sourceLocation: sourceLocation)
  }

  /// `bytes` with `new` in place of the `count`-th occurrence of `old` from the end.
  private func replaced(_ old: [UInt8], by new: [UInt8], in bytes: [UInt8]) throws -> [UInt8] {
    let start = try #require(
      (0...bytes.count - old.count).last { Array(bytes[$0..<$0 + old.count]) == old })
    return Array(bytes[..<start]) + new + bytes[(start + old.count)...]
  }

  @Test("accepts any names, comments and zip64")
  func good() throws {
    try expectGood(Zip(pickle: pickle))
    try expectGood(Zip(pickle: pickle, folder: "любое имя"))
    var zip = Zip(pickle: pickle)
    zip.comment = Array("PK\u{5}\u{6} is no end, but a comment".utf8)
    try expectGood(zip)
    zip.hasZip64End = true
    try expectGood(zip)
    for index in zip.entries.indices { zip.entries[index].isZip64 = true }
    try expectGood(zip)
    // torch before 2.1 did not say the byte order.
    zip.entries.removeAll { $0.name.hasSuffix("byteorder") }
    try expectGood(zip)
  }

  @Test(
    "tensors of types without a class of storages are there, but are no weights",
    arguments: [
      ("float8_e4m3fn", TensorType.float8E4M3, 1), ("float8_e5m2", .float8E5M2, 1),
      ("float8_e8m0fnu", .float8E8M0, 1), ("uint16", .uint16, 2), ("uint64", .uint64, 8),
    ])
  func untyped(name: String, type: TensorType, size: Int) throws {
    func zip(_ byteCount: Int) -> Zip {
      let pickle = Pickle {
        $0.emptyDictionary()
        $0.string("w")
        $0.tensor([2, 3], strides: [3, 1], ofType: name, byteCount: byteCount)
        $0.raw("s")
      }
      return Zip(pickle: pickle.bytes, data: [UInt8](repeating: 1, count: byteCount))
    }
    let tensor = try #require(try open(zip(6 * size).bytes).tensors["w"])
    #expect(tensor.type == type)
    #expect(tensor.shape == [2, 3])
    #expect(throws: InputError.self) { try tensor.checkIsFloatingPoint() }
    expectProblem(
      "a tensor of [2, 3] with the strides [3, 1] from element 0 on goes past the 5 elements of "
        + "storage '0'", zip(5 * size).bytes)
  }

  @Test("refuses compressed and encrypted entries")
  func packed() {
    var zip = Zip(pickle: pickle)
    zip.entries[2].method = 8
    expectProblem(
      "entry 'archive/data/0' is compressed (method 8), unlike the entries that torch.save "
        + "writes: unpack the file and save the weights again", zip.bytes)
    zip = Zip(pickle: pickle)
    zip.entries[0].flags |= 1
    expectProblem("entry 'archive/data.pkl' is encrypted", zip.bytes)
  }

  @Test("refuses weights of a big-endian machine")
  func byteOrder() {
    var zip = Zip(pickle: pickle)
    zip.entries[1].data = Array("big".utf8)
    expectProblem(
      "the byte order is 'big', expected 'little'; save the weights on a little-endian machine",
      zip.bytes)
  }

  @Test("refuses names that do not say which data is meant")
  func names() {
    var zip = Zip(pickle: pickle)
    zip.entries.append(zip.entries[2])
    expectProblem("the zip file has two entries 'archive/data/0'", zip.bytes)
    zip = Zip(pickle: pickle)
    zip.entries[2].localName = "archive/data/1"
    expectProblem("entry 'archive/data/0' has another name where its data is", zip.bytes)
    zip.entries[2].localName = "archive/data/00"
    expectProblem("entry 'archive/data/0' has another name where its data is", zip.bytes)
    zip = Zip(pickle: pickle)
    zip.entries.append(.init(name: "other/data.pkl", data: pickle))
    expectProblem(
      "the zip file holds 2 entries <folder>/data.pkl, expected one: torch.save did not write this",
      zip.bytes)
    zip = Zip(pickle: pickle)
    zip.entries[0].name = "data.pkl"
    expectProblem(
      "the zip file holds 0 entries <folder>/data.pkl, expected one: torch.save did not write this",
      zip.bytes)
    zip = Zip(pickle: pickle, folder: "../..")
    expectProblem(
      "the zip file holds 0 entries <folder>/data.pkl, expected one: torch.save did not write this",
      zip.bytes)
  }

  @Test("refuses entries that lie about their size")
  func sizes() {
    var zip = Zip(pickle: pickle)
    zip.entries[2].size = 28
    expectProblem(
      "storage '0' has 28 bytes, expected 6 elements of F32", zip.bytes)
    zip.entries[2].size = 77
    expectProblem("entry 'archive/version' overlaps another part of the file", zip.bytes)
    zip.entries[2].size = 100
    expectProblem("entry 'archive/data/0' overlaps another part of the file", zip.bytes)
    zip.entries[2].size = 0xFFFF_FFFE
    expectProblem(
      "entry 'archive/data/0' goes past the end of the file: it is cut off", zip.bytes)
    zip.entries[2].isZip64 = true
    zip.entries[2].size = .max
    expectProblem(
      "entry 'archive/data/0' goes past the end of the file: it is cut off", zip.bytes)
  }

  @Test("refuses a central directory that is cut off or somewhere else")
  func directory() throws {
    let zip = Zip(pickle: pickle)
    let bytes = zip.bytes
    expectProblem(
      "the zip file has no central directory: it is cut off", Array(bytes.dropLast()))
    expectProblem(
      "the zip file has no central directory: it is cut off", Array(bytes[..<200]))
    var wrong = bytes
    wrong[bytes.count - 6] += 1
    let size = littleEndianNumber(bytes[(bytes.count - 10)..<(bytes.count - 6)])
    let start = littleEndianNumber(bytes[(bytes.count - 6)..<(bytes.count - 2)])
    expectProblem("the central directory of \(size) bytes is not at byte \(start + 1)", wrong)
    wrong = bytes
    wrong[bytes.count - 12] += 1
    wrong[bytes.count - 14] += 1
    expectProblem("there is no entry of the central directory here", wrong)
    wrong[bytes.count - 12] -= 2
    wrong[bytes.count - 14] -= 2
    expectProblem("the central directory does not end after its last entry", wrong)
    wrong = bytes
    wrong[bytes.count - 18] = 1
    expectProblem("the zip file is one of several parts", wrong)
    var long = zip
    long.hasZip64End = true
    expectProblem(
      "there is no zip64 end record here",
      try replaced([0x50, 0x4B, 6, 6], by: [0x50, 0x4B, 6, 0], in: long.bytes))
  }

  private func littleEndianNumber(_ bytes: ArraySlice<UInt8>) -> Int {
    bytes.reversed().reduce(0) { $0 << 8 | Int($1) }
  }
}

@Suite("PyTorchFile: the legacy format, and other files")
struct PyTorchLegacyTests {
  private let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
  }

  /// A file in the legacy format, of parts of which each may be another.
  private func legacy(
    version: Int = 1001, isLittleEndian: Bool = true, object: [UInt8]? = nil,
    keys: [String] = ["0"], counts: [Int] = [6], data: [Float] = [0, 1, 2, 3, 4, 5]
  ) -> [UInt8] {
    var bytes: [UInt8] = [
      0x80, 2, 0x8A, 10, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19, 0x2E,
    ]
    bytes += Pickle { $0.integer(version) }.bytes
    bytes +=
      Pickle {
        $0.raw("}")
        $0.string("little_endian")
        $0.raw([isLittleEndian ? 0x88 : 0x89])
        $0.raw("s")
      }.bytes
    bytes += object ?? Pickle.stateDictionary(isLegacy: true)
    bytes +=
      Pickle {
        $0.raw("](")
        for key in keys { $0.string(key) }
        $0.raw("e")
      }.bytes
    for count in counts { bytes += littleEndianBytes(count, 8) }
    return bytes + floatBytes(data)
  }

  private func open(_ bytes: [UInt8]) throws -> PyTorchFile {
    try PyTorchFile(path: folder.write(bytes, to: "a.bin"))
  }

  private func expectProblem(
    _ problem: String, _ bytes: [UInt8], sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let error = #expect(throws: InputError.self, sourceLocation: sourceLocation) {
      try open(bytes)
    }
    #expect(error?.problem == problem, sourceLocation: sourceLocation)
  }

  @Test("reads the files of these tests if nothing is wrong with them")
  func good() throws {
    #expect(try open(legacy()).tensors["w"]?.shape == [2, 3])
  }

  @Test("refuses other versions and byte orders")
  func machines() {
    expectProblem("expected version 1001 of the legacy format", legacy(version: 1000))
    expectProblem(
      "the byte order is not little-endian; save the weights on a little-endian machine",
      legacy(isLittleEndian: false))
  }

  @Test("requires the storages of the tensors, one after the other to the end")
  func storages() {
    expectProblem("storage '0' has 5 elements, its tensors expect 6", legacy(counts: [5]))
    expectProblem("storage '0' has -6 elements, its tensors expect 6", legacy(counts: [-6]))
    expectProblem("4 bytes follow the last storage", legacy(data: [0, 1, 2, 3, 4, 5, 6]))
    expectProblem("storage '0' is missing: the file is cut off", legacy(counts: [], data: []))
    let start = legacy(data: []).count
    expectProblem(
      "storage '0' needs 24 bytes from byte \(start) on: the file is cut off",
      legacy(data: [0, 1, 2, 3, 4]))
    expectProblem(
      "storage '0' is not in the list of storages", legacy(keys: [], counts: [], data: []))
    expectProblem(
      "the list of storages names '1', which no tensor uses", legacy(keys: ["0", "1"]))
    expectProblem("storage '0' is listed twice", legacy(keys: ["0", "0"]))
  }

  @Test("refuses a legacy file that runs code")
  func attack() {
    expectProblem(
      "the pickle asks Python for posix.system, which the weights of a model do not need; it was "
        + "not run, and the file is refused",
      legacy(object: Pickle { $0.global("posix system") }.bytes))
  }

  @Test("distinguishes pointers, web pages and archives from weights")
  func otherFiles() {
    expectProblem(
      "this is a git-lfs pointer, not the weights; fetch them with 'git lfs pull', or download the "
        + "file itself",
      Array("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n".utf8))
    for page in ["<!DOCTYPE html><html>", "\n  <html lang=\"en\">"] {
      expectProblem(
        "this is a web page, not the weights; download the file itself", Array(page.utf8))
    }
    expectProblem("this is packed with gzip; unpack it first", [0x1F, 0x8B, 8, 0, 0, 0])
    expectProblem(
      "this is a tar archive, a packed download or weights that torch before 0.2 wrote; unpack it, "
        + "or save the weights with a newer torch",
      [UInt8](repeating: 0x61, count: 257) + Array("ustar\u{0}00".utf8))
    expectProblem(
      "this looks like a safetensors file; name it *.safetensors",
      [2, 0, 0, 0, 0, 0, 0, 0] + Array("{}".utf8))
    for other in ["", "PK", "garbage"] {
      expectProblem(
        "neither a zip file nor the legacy format: torch.save did not write this",
        Array(other.utf8))
    }
  }

  @Test("recognizes a pointer or web page in the place of a safetensors file")
  func otherSafetensors() throws {
    let path = try folder.write(
      "version https://git-lfs.github.com/spec/v1\n", to: "model.safetensors")
    let error = #expect(throws: InputError.self) { try SafetensorsFile(path: path) }
    #expect(
      error?.problem
        == "this is a git-lfs pointer, not the weights; fetch them with 'git lfs pull', or download "
        + "the file itself")
  }
}
