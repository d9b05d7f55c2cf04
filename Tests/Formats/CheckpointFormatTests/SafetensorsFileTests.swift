import CheckpointFormat
import FileSupport
import TestSupport
import Testing

/// The bytes of a safetensors file: the header's size, the header, the data.
private func file(_ header: [UInt8], data: Int = 0, size: UInt64? = nil) -> [UInt8] {
  let size = size ?? UInt64(header.count)
  return (0..<8).map { UInt8(truncatingIfNeeded: size >> (8 * $0)) } + header
    + (0..<data).map { UInt8(truncatingIfNeeded: $0) }
}

private func file(_ header: String, data: Int = 0) -> [UInt8] {
  file(Array(header.utf8), data: data)
}

/// The header's entry of tensor `name`.
private func entry(
  _ name: String, _ begin: Int, _ end: Int, _ type: String = "F32", _ shape: String = "[1]"
) -> String {
  #""\#(name)":{"dtype":"\#(type)","shape":\#(shape),"data_offsets":[\#(begin),\#(end)]}"#
}

@Suite("SafetensorsFile")
struct SafetensorsFileTests {
  private let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
  }

  private func open(_ bytes: [UInt8]) throws -> SafetensorsFile {
    try SafetensorsFile(path: folder.write(bytes, to: "a.safetensors"))
  }

  /// A file that must be refused, and why.
  struct BadFile: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let bytes: [UInt8]
    let problem: String

    init(_ description: String, _ bytes: [UInt8], _ problem: String) {
      (testDescription, self.bytes, self.problem) = (description, bytes, problem)
    }
  }

  static let badFiles: [BadFile] = [
    .init("empty", [], "0 bytes are too few for a safetensors file"),
    .init(
      "seven bytes", [2, 0, 0, 0, 0, 0, 0], "7 bytes are too few for a safetensors file"),
    .init(
      "header of nothing", file(""),
      "byte 0: the header would have 0 bytes: not a safetensors file"),
    .init(
      "header too large", file(Array("{}".utf8), size: 100_000_001),
      "byte 0: the header would have 100000001 bytes: not a safetensors file"),
    .init(
      "header larger than memory", file(Array("{}".utf8), size: .max),
      "byte 0: the header would have 18446744073709551615 bytes: not a safetensors file"),
    .init(
      "header past the end", file(Array("{}".utf8), size: 3),
      "byte 10: the header of 3 bytes goes past the end: the file is cut off"),
    .init("no JSON", file("xyz"), "expected a value, found 'x'"),
    .init("an array", file("[]"), "expected an object, found an array"),
    .init("byte-order mark", file("\u{FEFF}{}"), "expected a value, found byte 0xEF"),
    .init("characters after the header", file("{}x"), "expected the end, found 'x'"),
    .init("padding with NUL", file("{}\0"), "expected the end, found byte 0x0"),
    .init(
      "bad UTF-8", file(Array(#"{"__metadata__":{"a":""#.utf8) + [0xFF] + Array(#""}}"#.utf8)),
      "the string is not UTF-8"),
    .init(
      "cut off header", file(#"{"a":{"dtype":"F32""#),
      "the text ends where ',' or '}' was expected: it is cut off"),
    .init(
      "no dtype", file(#"{"a":{"shape":[1],"data_offsets":[0,4]}}"#, data: 4),
      "tensor 'a': 'dtype' is missing or not a string"),
    .init(
      "no shape", file(#"{"a":{"dtype":"F32","data_offsets":[0,4]}}"#, data: 4),
      "tensor 'a': 'shape' is missing or not an array of whole numbers"),
    .init(
      "no offsets", file(#"{"a":{"dtype":"F32","shape":[1]}}"#, data: 4),
      "tensor 'a': 'data_offsets' is missing or not an array of whole numbers"),
    .init(
      "a tensor that is a number", file(#"{"a":5}"#),
      "tensor 'a': expected an object"),
    .init(
      "three offsets",
      file(#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4,"x"]}}"#, data: 4),
      "tensor 'a': 'data_offsets' is missing or not an array of whole numbers"),
    .init(
      "an offset that is a text",
      file(#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,"4"]}}"#, data: 4),
      "tensor 'a': 'data_offsets' is missing or not an array of whole numbers"),
    .init(
      "unknown type", file("{\(entry("a", 0, 1, "F8_E9M9"))}", data: 1),
      "tensor 'a': the type F8_E9M9 is not supported"),
    .init(
      "elements that end within a byte", file("{\(entry("a", 0, 2, "F6_E2M3", "[3]"))}", data: 2),
      "tensor 'a': data_offsets [0, 2] do not hold [3] of F6_E2M3"),
    .init(
      "a name and a type without end",
      file(
        "{\(entry(String(repeating: "n", count: 1_000_000), 0, 1, String(repeating: "t", count: 99)))}",
        data: 1),
      "tensor '\(String(repeating: "n", count: 80))…': the type \(String(repeating: "t", count: 80))… "
        + "is not supported"),
    .init(
      "a name that would color the terminal", file(#"{"\u001b[31ma":5}"#),
      #"tensor '\u{1B}[31ma': expected an object"#),
    .init(
      "type in small letters", file("{\(entry("a", 0, 4, "f32"))}", data: 4),
      "tensor 'a': the type f32 is not supported"),
    .init(
      "fraction in the shape", file("{\(entry("a", 0, 6, "F32", "[1.5]"))}", data: 6),
      "tensor 'a': 'shape' is missing or not an array of whole numbers"),
    .init(
      "negative shape", file("{\(entry("a", 0, 4, "F32", "[-1,-1]"))}", data: 4),
      "tensor 'a': the shape [-1, -1] is impossible"),
    .init(
      "overflowing shape",
      file("{\(entry("a", 0, 0, "F32", "[4294967296,4294967296]"))}"),
      "tensor 'a': the shape [4294967296, 4294967296] is impossible"),
    .init(
      "offsets that do not fit the shape", file("{\(entry("a", 0, 4, "F32", "[2]"))}", data: 4),
      "tensor 'a': data_offsets [0, 4] do not hold [2] of F32"),
    .init(
      "end before begin", file("{\(entry("a", 4, 0, "F32", "[0]"))}", data: 4),
      "tensor 'a': data_offsets [4, 0] do not hold [0] of F32"),
    .init(
      "negative offset", file("{\(entry("a", -4, 0, "F32", "[1]"))}"),
      "tensor 'a': data_offsets [-4, 0] do not hold [1] of F32"),
    .init(
      "offsets at the end of the numbers",
      file("{\(entry("a", .max, .max, "U8", "[0]"))}"),
      "tensor 'a': data_offsets [\(Int.max), \(Int.max)] do not hold [0] of U8"),
    .init(
      "hole at the beginning", file("{\(entry("a", 4, 8))}", data: 8),
      "byte 62: tensor 'a' leaves a gap or overlaps the one before"),
    .init(
      "hole in the middle", file("{\(entry("a", 0, 4)),\(entry("b", 8, 12))}", data: 12),
      "byte 120: tensor 'b' leaves a gap or overlaps the one before"),
    .init(
      "overlap", file("{\(entry("a", 0, 8, "F32", "[2]")),\(entry("b", 4, 8))}", data: 8),
      "byte 123: tensor 'b' leaves a gap or overlaps the one before"),
    .init(
      "shared bytes", file("{\(entry("a", 0, 4)),\(entry("b", 0, 4))}", data: 4),
      "byte 119: tensor 'b' leaves a gap or overlaps the one before"),
    .init(
      "bytes after the last tensor", file("{\(entry("a", 0, 4))}", data: 7),
      "byte 66: 3 bytes follow the last tensor"),
    .init(
      "too few bytes", file("{\(entry("a", 0, 4))}", data: 3),
      "byte 65: the tensors need 66 bytes, the file has 65: it is cut off"),
    .init(
      "metadata that are numbers", file(#"{"__metadata__":{"a":1}}"#),
      "expected a string, found a number"),
    .init(
      "metadata that are a text", file(#"{"__metadata__":"pt"}"#),
      "expected an object, found a string"),
  ]

  @Test("refuses what the safetensors library refuses", arguments: badFiles)
  func refusals(bad: BadFile) throws {
    let error = #expect(throws: InputError.self) { try open(bad.bytes) }
    #expect(error?.description == "\(folder.path("a.safetensors")): \(bad.problem)")
  }

  @Test(
    "accepts what the safetensors library accepts",
    arguments: [
      ("{}", 0, 0),
      ("  {}   ", 0, 0),
      (#"{"__metadata__":null}"#, 0, 0),
      (#"{"__metadata__":{}}"#, 0, 0),
      ("{\(entry("b", 4, 8)),\(entry("a", 0, 4))}", 8, 2),
      ("{\(entry("a", 0, 8, "F64", "[]"))}", 8, 1),
      ("{\(entry("a", 0, 0, "F32", "[0,5]")),\(entry("b", 0, 4))}", 4, 2),
      ("{\(entry("a", 0, 1, "U8", "[1]")),\(entry("b", 1, 5, "F32", "[1]"))}", 5, 2),
      ("{\(entry("a", 0, 4)),\(entry("a", 0, 4))}", 4, 1),
      (#"{"a":{"dtype":"I8","shape":[1],"data_offsets":[0,1],"x":{}}}"#, 1, 1),
    ])
  func accepted(header: String, data: Int, tensors: Int) throws {
    #expect(try open(file(header, data: data)).tensors.count == tensors)
  }

  @Test(
    "tensors of all types of the safetensors library are there, though not all are weights",
    arguments: [
      ("F4", 4), ("F6_E2M3", 6), ("F6_E3M2", 6), ("U8", 8), ("I8", 8), ("BOOL", 8),
      ("F8_E4M3", 8), ("F8_E5M2", 8), ("F8_E8M0", 8), ("F8_E4M3FNUZ", 8), ("F8_E5M2FNUZ", 8),
      ("I16", 16), ("U16", 16), ("F16", 16), ("BF16", 16), ("I32", 32), ("U32", 32), ("F32", 32),
      ("C64", 64), ("I64", 64), ("U64", 64), ("F64", 64),
    ])
  func types(name: String, bits: Int) throws {
    let opened = try open(file("{\(entry("a", 0, bits, name, "[2,4]"))}", data: bits))
    let tensor = try #require(opened.tensors["a"])
    #expect(tensor.type.rawValue == name)
    #expect(tensor.count == 8)
    #expect(Array(opened.bytes(of: tensor)) == (0..<bits).map { UInt8($0) })
    if name.hasPrefix("F8") {
      let error = #expect(throws: InputError.self) { try tensor.checkIsFloatingPoint() }
      #expect(
        error?.problem == "tensor 'a' is of type \(name), expected F32, F16, BF16 or F64")
    }
  }

  @Test("reads metadata, and tensors at odd addresses")
  func contents() throws {
    let header =
      #"{"__metadata__":{"format":"pt","имя":"я"},"#
      + "\(entry("a", 0, 1, "BOOL", "[]")),\(entry("b", 1, 9, "F32", "[1,2]"))}"
    var bytes = file(header, data: 1)
    for value in [1.5, -0.25] as [Float] {
      bytes += (0..<4).map { UInt8(truncatingIfNeeded: value.bitPattern >> (8 * $0)) }
    }
    let opened = try open(bytes)
    #expect(opened.metadata == ["format": "pt", "имя": "я"])
    let tensor = try opened.tensor("b", shape: [1, 2])
    var floats = [Float](repeating: 0, count: 2)
    try floats.withUnsafeMutableBufferPointer { try opened.copy(tensor, to: $0) }
    #expect(floats == [1.5, -0.25])
    let boolean = try opened.tensor("a", shape: [])
    let error = #expect(throws: InputError.self) {
      try floats.withUnsafeMutableBufferPointer {
        try opened.copy(boolean, to: UnsafeMutableBufferPointer(rebasing: $0[..<1]))
      }
    }
    #expect(error?.problem == "tensor 'a' is of type BOOL, expected F32, F16, BF16 or F64")
  }

  @Test("a missing file is an error of the system")
  func missing() {
    let path = folder.path("no.safetensors")
    let error = #expect(throws: FileError.self) { try SafetensorsFile(path: path) }
    #expect(error?.description == "\(path): cannot open: No such file or directory")
  }

  @Test("every half-precision number is widened exactly")
  func halves() {
    for bits in UInt16.min ... .max {
      let expected = Float(Float16(bitPattern: bits))
      let seen = widenedHalf(bits)
      guard seen == expected || (seen.isNaN && expected.isNaN), seen.sign == expected.sign else {
        Issue.record("\(bits) became \(seen), expected \(expected)")
        return
      }
    }
  }
}

@Suite("SafetensorsWriter")
struct SafetensorsWriterTests {
  private func write(
    _ tensors: [(name: String, shape: [Int], values: [Float])], metadata: [String: String],
    to path: String
  ) throws {
    let storage = UnsafeMutableBufferPointer<Float>.allocate(
      capacity: tensors.reduce(0) { $0 + $1.values.count })
    defer { storage.deallocate() }
    _ = storage.initialize(from: tensors.flatMap(\.values))
    var start = 0
    let parts = tensors.map { tensor -> SafetensorsWriter.Tensor in
      defer { start += tensor.values.count }
      return .init(
        name: tensor.name, shape: tensor.shape,
        floats: UnsafeMutableBufferPointer(
          rebasing: storage[start..<start + tensor.values.count]))
    }
    try SafetensorsWriter.write(parts, metadata: metadata, to: path)
  }

  @Test("writes metadata first, tensors by name without gaps, data from a multiple of 8 on")
  func layout() throws {
    let folder = try TemporaryFolder()
    let path = folder.path("model.safetensors")
    try write(
      [("b", [2], [1, -2]), ("a", [], [0.5]), ("c", [0, 3], [])], metadata: ["format": "pt"],
      to: path)
    let header =
      #"{"__metadata__":{"format":"pt"},"#
      + #""a":{"dtype":"F32","shape":[],"data_offsets":[0,4]},"#
      + #""b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]},"#
      + #""c":{"dtype":"F32","shape":[0,3],"data_offsets":[12,12]}}"#
    let padded = header + String(repeating: " ", count: (8 - header.utf8.count % 8) % 8)
    #expect(padded.utf8.count % 8 == 0 && padded.utf8.count != header.utf8.count)
    let data: [UInt8] = [0, 0, 0, 0x3F, 0, 0, 0x80, 0x3F, 0, 0, 0, 0xC0]
    #expect(
      try folder.bytes(of: "model.safetensors")
        == [UInt8(padded.utf8.count), 0, 0, 0, 0, 0, 0, 0] + Array(padded.utf8) + data)
    #expect(try SafetensorsFile(path: path).tensors.keys.sorted() == ["a", "b", "c"])
  }

  @Test("what is written reads back, pieces larger than the buffer too")
  func roundTrip() throws {
    let folder = try TemporaryFolder()
    let path = folder.path("model.safetensors")
    let values = (0..<200_000).map { Float($0) / 3 }
    try write([("x", [200_000], values), ("я", [1], [7])], metadata: [:], to: path)
    let file = try SafetensorsFile(path: path)
    #expect(file.metadata == [:])
    var read = [Float](repeating: 0, count: 200_000)
    let tensor = try file.tensor("x", shape: [200_000])
    try read.withUnsafeMutableBufferPointer { try file.copy(tensor, to: $0) }
    #expect(read == values)
    #expect(file.tensors["я"]?.shape == [1])
  }

  @Test("a large file reads back the same")
  func large() throws {
    let folder = try TemporaryFolder()
    let path = folder.path("large.safetensors")
    // Neither the file nor a tensor ends at a page.
    let floats = UnsafeMutableBufferPointer<Float>.allocate(capacity: 5_000_003)
    defer { floats.deallocate() }
    for index in 0..<floats.count { floats[index] = Float(index) }
    let parts = [("b", 0..<4_999_999), ("a", 4_999_999..<5_000_003)].map { name, range in
      SafetensorsWriter.Tensor(
        name: name, shape: [range.count], floats: .init(rebasing: floats[range]))
    }
    try SafetensorsWriter.write(parts, to: path)
    let file = try SafetensorsFile(path: path)
    for part in parts {
      let written = try part.read()
      var read = [Float](repeating: -1, count: written.count)
      let tensor = try file.tensor(part.name, shape: part.shape)
      try read.withUnsafeMutableBufferPointer { try file.copy(tensor, to: $0) }
      #expect(read.elementsEqual(written))
    }
  }

  @Test("an error of the progress leaves no file")
  func interrupted() throws {
    struct Stop: Error {}
    let folder = try TemporaryFolder()
    let floats = UnsafeMutableBufferPointer<Float>.allocate(capacity: 4)
    defer { floats.deallocate() }
    floats.initialize(repeating: 1)
    var bytes = 0
    #expect(throws: Stop.self) {
      try SafetensorsWriter.write(
        [.init(name: "a", shape: [4], floats: floats)], to: folder.path("a.safetensors")
      ) {
        bytes += $0
        throw Stop()
      }
    }
    #expect(bytes == 16)
    #expect(try folder.names() == [])
  }
}
