import FileSupport
import JSONSupport

/// Writes tensors of floats to a safetensors file, in the order of the safetensors library.
public struct SafetensorsWriter {
  /// A tensor to be written.
  public struct Tensor {
    public let name: String
    public let shape: [Int]
    public let floats: UnsafeBufferPointer<Float>

    /// The tensor `name`, whose elements are `floats`.
    public init(name: String, shape: [Int], floats: UnsafeMutableBufferPointer<Float>) {
      precondition(floats.count == shape.reduce(1, *))
      self.name = name
      self.shape = shape
      self.floats = UnsafeBufferPointer(floats)
    }
  }

  /// Writes `tensors` as F32 to the file at `path`.
  ///
  /// The header contains `metadata`; transformers needs `format: pt` there.
  ///
  /// - Throws: ``FileError``; what `progress` throws, which is called with the size of each piece.
  public static func write(
    _ tensors: [Tensor], metadata: [String: String] = ["format": "pt"], to path: String,
    progress: (_ bytes: Int) throws -> Void = { _ in }
  ) throws {
    let tensors = tensors.sorted { $0.name < $1.name }
    var members: [JSONValue.Member] = [
      .init(
        "__metadata__",
        .object(metadata.sorted { $0.key < $1.key }.map { .init($0.key, .string($0.value)) }))
    ]
    var offset = 0
    for tensor in tensors {
      let end = offset + tensor.floats.count * MemoryLayout<Float>.stride
      members.append(
        .init(
          tensor.name,
          [
            "dtype": "F32", "shape": .array(tensor.shape.map { .integer($0) }),
            "data_offsets": [.integer(offset), .integer(end)],
          ]))
      offset = end
    }
    var header = Array(JSONValue.object(members).text().utf8)
    // As in the library, the data begins at a multiple of 8.
    header += repeatElement(0x20, count: (8 - header.count % 8) % 8)
    let file = try OutputFile(path: path)
    try file.expect(size: 8 + header.count + offset)
    try file.write((0..<8).map { UInt8(truncatingIfNeeded: header.count >> ($0 * 8)) } + header)
    for tensor in tensors {
      let bytes = UnsafeRawBufferPointer(tensor.floats)
      let piece = 1 << 24
      for start in stride(from: 0, to: bytes.count, by: piece) {
        let end = min(bytes.count, start + piece)
        try file.write(UnsafeRawBufferPointer(rebasing: bytes[start..<end]))
        try progress(end - start)
      }
    }
    try file.commit()
  }
}
