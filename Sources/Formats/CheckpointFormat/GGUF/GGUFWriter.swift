import FileSupport
import TextSupport

/// Writes a GGUF file of version 3: first the header, then the tensors one after another.
public final class GGUFWriter {
  /// A value of the metadata, with the type that llama.cpp expects.
  public enum Value: Sendable {
    case string(String)
    case uint32(Int)
    case int32(Int)
    case float32(Float)
    case boolean(Bool)
    /// Strings in UTF-8.
    case strings([[UInt8]])
    case int32s([Int32])
  }

  /// A tensor to be written.
  public struct Tensor {
    public let name: String
    /// Row-major: rows and columns of a matrix.
    public let shape: [Int]
    public let type: TensorType

    /// A tensor of a type of ``TensorType/encodable``, whose rows are whole blocks.
    public init(name: String, shape: [Int], type: TensorType) {
      precondition(type.ggmlNumber != nil && (shape.last ?? 0) % type.blockLength == 0)
      self.name = name
      self.shape = shape
      self.type = type
    }

    /// The size in bytes, without padding.
    public var byteCount: Int { type.byteCount(of: shape.reduce(1, *)) }
  }

  /// How many bytes the whole file will have.
  public let byteCount: Int
  private let file: OutputFile
  /// What is still to be written of each tensor, in reverse order.
  private var remaining: [Int]

  private static let alignment = 32

  private static func padding(after count: Int) -> Int {
    (alignment - count % alignment) % alignment
  }

  /// Writes the header to `file`, and reserves space for all of the file.
  ///
  /// - Throws: ``FileError``.
  public init(
    metadata: [(key: String, value: Value)], tensors: [Tensor], to file: OutputFile
  ) throws {
    var header = Array("GGUF".utf8)
    header.append(littleEndian: UInt32(3))
    header.append(littleEndian: UInt64(tensors.count))
    header.append(littleEndian: UInt64(metadata.count))
    for (key, value) in metadata {
      header.append(string: key.utf8)
      header.append(value)
    }
    var offset = 0
    for tensor in tensors {
      header.append(string: tensor.name.utf8)
      header.append(littleEndian: UInt32(tensor.shape.count))
      for size in tensor.shape.reversed() { header.append(littleEndian: UInt64(size)) }
      header.append(littleEndian: tensor.type.ggmlNumber ?? 0)
      header.append(littleEndian: UInt64(offset))
      offset += tensor.byteCount + Self.padding(after: tensor.byteCount)
    }
    header += repeatElement(0, count: Self.padding(after: header.count))
    byteCount = header.count + offset
    self.file = file
    remaining = tensors.map(\.byteCount).reversed()
    try file.expect(size: byteCount)
    try file.write(header)
  }

  /// Writes the next `bytes` of the tensor that is due, which they must not exceed.
  ///
  /// - Throws: ``FileError``.
  public func write(_ bytes: UnsafeRawBufferPointer) throws {
    guard let due = remaining.last, due >= bytes.count else {
      preconditionFailure("more bytes than the tensor has")
    }
    try file.write(bytes)
    remaining[remaining.count - 1] -= bytes.count
    if due > bytes.count { return }
    remaining.removeLast()
    let padding = Self.padding(after: file.byteCount)
    try file.write([UInt8](repeating: 0, count: padding))
  }

  /// How many bytes have been written.
  public var writtenCount: Int { file.byteCount }

  /// Checks that all tensors have been written; the caller then commits the file.
  public func finish() { precondition(remaining.isEmpty, "a tensor is missing") }
}

extension [UInt8] {
  fileprivate mutating func append(littleEndian number: some FixedWidthInteger) {
    Swift.withUnsafeBytes(of: number.littleEndian) { append(contentsOf: $0) }
  }

  fileprivate mutating func append(string utf8: some Collection<UInt8>) {
    append(littleEndian: UInt64(utf8.count))
    append(contentsOf: utf8)
  }

  fileprivate mutating func append(_ value: GGUFWriter.Value) {
    func begin(_ kind: GGUFValue.Kind) { append(littleEndian: kind.rawValue) }
    func beginArray(_ kind: GGUFValue.Kind, _ count: Int) {
      begin(.array)
      begin(kind)
      append(littleEndian: UInt64(count))
    }
    switch value {
    case .string(let text):
      begin(.string)
      append(string: text.utf8)
    case .uint32(let number):
      begin(.uint32)
      append(littleEndian: UInt32(number))
    case .int32(let number):
      begin(.int32)
      append(littleEndian: Int32(number))
    case .float32(let number):
      begin(.float32)
      append(littleEndian: number.bitPattern)
    case .boolean(let flag):
      begin(.boolean)
      append(flag ? 1 : 0)
    case .strings(let strings):
      beginArray(.string, strings.count)
      for string in strings { append(string: string) }
    case .int32s(let numbers):
      beginArray(.int32, numbers.count)
      for number in numbers { append(littleEndian: number) }
    }
  }
}
