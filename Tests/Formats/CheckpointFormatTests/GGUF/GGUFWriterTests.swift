import CheckpointFormat
import FileSupport
import TestSupport
import Testing

@Suite("GGUFWriter")
struct GGUFWriterTests {
  private let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
  }

  /// Writes the floats 0, 1, 2, … to tensors of F32.
  private func write(
    _ metadata: [(key: String, value: GGUFWriter.Value)], _ tensors: [GGUFWriter.Tensor]
  ) throws -> [UInt8] {
    let file = try OutputFile(path: folder.path("model.gguf"))
    let writer = try GGUFWriter(metadata: metadata, tensors: tensors, to: file)
    for tensor in tensors {
      let bytes = floatBytes((0..<tensor.byteCount / 4).map { Float($0) })
      // In two parts, as a large tensor is.
      try bytes[..<4].withUnsafeBytes { try writer.write($0) }
      try bytes[4...].withUnsafeBytes { try writer.write($0) }
    }
    writer.finish()
    #expect(writer.writtenCount == writer.byteCount)
    try file.commit()
    return try folder.bytes(of: "model.gguf")
  }

  @Test("the bytes are those of the format")
  func bytes() throws {
    let bytes = try write(
      [
        ("a", .string("кот")), ("b", .uint32(258)), ("c", .float32(1)), ("d", .boolean(true)),
        ("e", .strings([Array("x".utf8), []])), ("f", .int32s([-1])),
      ],
      [
        .init(name: "m", shape: [2, 3], type: .float32),
        .init(name: "v", shape: [2], type: .float32),
      ])
    let number = { (value: UInt64) in GGUFBytes.number(value) }
    let word = { (value: UInt32) in GGUFBytes.number(value) }
    var expected = Array("GGUF".utf8) + word(3) + number(2) + number(6)
    expected += number(1) + Array("a".utf8) + word(8) + number(6) + Array("кот".utf8)
    expected += number(1) + Array("b".utf8) + word(4) + [2, 1, 0, 0]
    expected += number(1) + Array("c".utf8) + word(6) + [0, 0, 0x80, 0x3F]
    expected += number(1) + Array("d".utf8) + word(7) + [1]
    expected += number(1) + Array("e".utf8) + word(9) + word(8) + number(2)
    expected += number(1) + Array("x".utf8) + number(0)
    expected += number(1) + Array("f".utf8) + word(9) + word(5) + number(1) + word(.max)
    // Dimensions are written from the row's length on.
    expected += number(1) + Array("m".utf8) + word(2) + number(3) + number(2) + word(0) + number(0)
    expected += number(1) + Array("v".utf8) + word(1) + number(2) + word(0) + number(32)
    expected += [UInt8](repeating: 0, count: (32 - expected.count % 32) % 32)
    expected += floatBytes([0, 1, 2, 3, 4, 5]) + [UInt8](repeating: 0, count: 8)
    expected += floatBytes([0, 1]) + [UInt8](repeating: 0, count: 24)
    #expect(bytes == expected)
  }

  @Test("what is written is read")
  func roundTrip() throws {
    _ = try write(
      [("name", .string("x")), ("ids", .int32s([1, -2]))],
      [.init(name: "m", shape: [3, 32], type: .float32)])
    let file = try GGUFFile(path: folder.path("model.gguf"))
    #expect(try file.string("name") == "x")
    #expect(try file.integers("ids", count: 2) == [1, -2])
    #expect(file.tensors["m"]?.shape == [3, 32])
  }
}
