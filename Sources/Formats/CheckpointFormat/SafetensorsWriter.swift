import FileSupport
import JSONSupport

/// Writes tensors of floats to a safetensors file, in the order of the safetensors library.
public struct SafetensorsWriter {
  /// A tensor to be written.
  public struct Tensor {
    public let name: String
    public let shape: [Int]
    /// Returns the elements, when their turn comes; they are used until the next call.
    public let read: () throws -> UnsafeBufferPointer<Float>

    /// The tensor `name`, whose elements are `floats`.
    public init(name: String, shape: [Int], floats: UnsafeMutableBufferPointer<Float>) {
      precondition(floats.count == shape.reduce(1, *))
      self.init(name: name, shape: shape) { UnsafeBufferPointer(floats) }
    }

    /// The tensor `name`, whose elements `read` returns when they are written.
    ///
    /// They must stay as they are until those of the next tensor are read, so that all tensors may
    /// share memory.
    public init(
      name: String, shape: [Int], read: @escaping () throws -> UnsafeBufferPointer<Float>
    ) {
      self.name = name
      self.shape = shape
      self.read = read
    }

    /// The number of elements.
    var count: Int { shape.reduce(1, *) }
  }

  /// Writes `tensors` as F32 to the file at `path`.
  ///
  /// The header contains `metadata`; transformers needs `format: pt` there.
  ///
  /// - Throws: ``FileError``; what `progress` throws, which is called with the size of each piece;
  ///   what reading a tensor throws.
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
      let end = offset + tensor.count * MemoryLayout<Float>.stride
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
      let floats = try tensor.read()
      precondition(floats.count == tensor.count)
      let bytes = UnsafeRawBufferPointer(floats)
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
