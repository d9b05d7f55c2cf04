import FileSupport

/// The element types of tensors in a safetensors file that this project reads.
public enum TensorType: String, Sendable {
  case float32 = "F32"
  case float16 = "F16"
  case bfloat16 = "BF16"
  case float64 = "F64"
  case int64 = "I64"
  case int32 = "I32"
  case int16 = "I16"
  case int8 = "I8"
  case uint64 = "U64"
  case uint32 = "U32"
  case uint16 = "U16"
  case uint8 = "U8"
  case boolean = "BOOL"

  /// Bytes of an element.
  public var size: Int {
    switch self {
    case .float64, .int64, .uint64: 8
    case .float32, .int32, .uint32: 4
    case .float16, .bfloat16, .int16, .uint16: 2
    case .int8, .uint8, .boolean: 1
    }
  }
}

/// A safetensors file, mapped into memory and checked as the safetensors library checks it.
///
/// The layout: the length of the header (8 bytes, little-endian), the header (JSON: name →
/// `dtype`, `shape`, `data_offsets`; `__metadata__`), the tensors without gap or overlap.
public final class SafetensorsFile: Sendable {
  /// A tensor in the file.
  public struct Tensor: Sendable {
    public let name: String
    public let type: TensorType
    public let shape: [Int]
    /// Where its bytes lie in the file.
    let range: Range<Int>

    /// How many elements it has.
    public var count: Int { shape.reduce(1, *) }
  }

  /// The path of the file.
  public var path: String { file.path }
  /// The tensors by their names.
  public let tensors: [String: Tensor]
  /// The strings under `__metadata__`.
  public let metadata: [String: String]
  private let file: MappedFile
  private static let maximumHeaderSize = 100_000_000

  /// Maps and checks the file at `path`.
  ///
  /// - Throws: ``FileError``; ``InputError`` if it is not a whole safetensors file.
  public init(path: String) throws {
    file = try MappedFile(path: path)
    let bytes = file.bytes
    guard bytes.count >= 8 else {
      throw InputError(path, "\(bytes.count) bytes are too few for a safetensors file")
    }
    let headerSize = bytes.loadUnaligned(as: UInt64.self).littleEndian
    guard headerSize > 0, headerSize <= Self.maximumHeaderSize else {
      throw InputError(
        path, .byte(0), "the header would have \(headerSize) bytes: not a safetensors file")
    }
    let dataStart = 8 + Int(headerSize)
    guard dataStart <= bytes.count else {
      throw InputError(
        path, .byte(bytes.count),
        "the header of \(headerSize) bytes goes past the end: the file is cut off")
    }
    var tensors: [String: Tensor] = [:]
    var metadata: [String: String] = [:]
    var reader = JSONReader(
      bytes: UnsafeRawBufferPointer(rebasing: bytes[8..<dataStart]), path: path, place: .whole)
    try reader.object { reader, name in
      if name == "__metadata__" {
        guard try reader.peek() != .null else { return try reader.null() }
        try reader.object { metadata[$1] = try $0.string() }
      } else {
        tensors[name] = try Self.entry(
          name, JSONValue(&reader), dataStart: dataStart, path: path)
      }
    }
    try reader.finish()
    try Self.checkLayout(tensors.values, dataStart: dataStart, size: bytes.count, path: path)
    self.tensors = tensors
    self.metadata = metadata
  }

  private static func entry(
    _ name: String, _ value: JSONValue, dataStart: Int, path: String
  ) throws -> Tensor {
    guard let typeName = value["dtype"]?.string, let shape = value["shape"]?.elements,
      let ends = value["data_offsets"]?.elements, ends.count == 2
    else {
      throw InputError(path, "tensor '\(name)': expected dtype, shape and data_offsets")
    }
    guard let type = TensorType(rawValue: typeName) else {
      throw InputError(path, "tensor '\(name)': the type \(typeName) is not supported")
    }
    var bytes = type.size
    let sizes = shape.compactMap(\.integer)
    guard sizes.count == shape.count else {
      throw InputError(path, "tensor '\(name)': the shape is not of whole numbers")
    }
    for size in sizes {
      let (product, overflow) = bytes.multipliedReportingOverflow(by: size)
      guard size >= 0, !overflow else {
        throw InputError(path, "tensor '\(name)': the shape \(sizes) is impossible")
      }
      bytes = product
    }
    let offsets = ends.compactMap(\.integer)
    guard offsets.count == 2 else {
      throw InputError(path, "tensor '\(name)': data_offsets are not whole numbers")
    }
    guard offsets[0] >= 0, offsets[1] >= offsets[0], offsets[1] < Int.max - dataStart,
      offsets[1] - offsets[0] == bytes
    else {
      throw InputError(
        path, "tensor '\(name)': data_offsets \(offsets) do not hold \(sizes) of \(typeName)")
    }
    return Tensor(
      name: name, type: type, shape: sizes, range: dataStart + offsets[0]..<dataStart + offsets[1])
  }

  private static func checkLayout(
    _ tensors: some Collection<Tensor>, dataStart: Int, size: Int, path: String
  ) throws {
    var end = dataStart
    let sorted = tensors.sorted {
      ($0.range.lowerBound, $0.range.upperBound, $0.name)
        < ($1.range.lowerBound, $1.range.upperBound, $1.name)
    }
    for tensor in sorted {
      guard tensor.range.lowerBound == end else {
        throw InputError(
          path, .byte(end), "tensor '\(tensor.name)' leaves a gap or overlaps the one before")
      }
      end = tensor.range.upperBound
    }
    guard end == size else {
      throw InputError(
        path, .byte(min(end, size)),
        end > size
          ? "the tensors need \(end) bytes, the file has \(size): it is cut off"
          : "\(size - end) bytes follow the last tensor")
    }
  }

  /// The tensor `name`, checked to have `shape`.
  ///
  /// - Throws: ``InputError`` if it is missing or has another shape.
  public func tensor(_ name: String, shape: [Int]) throws -> Tensor {
    guard let tensor = tensors[name] else { throw InputError(path, "tensor '\(name)' is missing") }
    guard tensor.shape == shape else {
      throw InputError(path, "tensor '\(name)' has the shape \(tensor.shape), expected \(shape)")
    }
    return tensor
  }

  /// The bytes of `tensor`, at no particular alignment; valid as long as this object.
  public func bytes(of tensor: Tensor) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(rebasing: file.bytes[tensor.range])
  }

  /// Copies the numbers of `tensor`, of type F32, F16 or BF16, to `floats`.
  ///
  /// - Throws: ``InputError`` if the tensor is of another type.
  public func copy(_ tensor: Tensor, to floats: UnsafeMutableBufferPointer<Float>) throws {
    precondition(floats.count == tensor.count)
    let source = bytes(of: tensor)
    switch tensor.type {
    case .float32:
      UnsafeMutableRawBufferPointer(floats).copyMemory(from: source)
    case .bfloat16:
      for index in floats.indices {
        let bits = source.loadUnaligned(fromByteOffset: 2 * index, as: UInt16.self)
        floats[index] = Float(bitPattern: UInt32(bits) << 16)
      }
    case .float16:
      for index in floats.indices {
        floats[index] = widenedHalf(
          source.loadUnaligned(fromByteOffset: 2 * index, as: UInt16.self))
      }
    default:
      throw InputError(
        path,
        "tensor '\(tensor.name)' is of type \(tensor.type.rawValue), expected F32, F16 or BF16"
      )
    }
  }
}

/// The number that the IEEE 754 half precision `bits` stand for.
package func widenedHalf(_ bits: UInt16) -> Float {
  let sign = UInt32(bits & 0x8000) << 16
  let magnitude = UInt32(bits & 0x7FFF)
  if magnitude >= 0x7C00 {
    return Float(bitPattern: sign | 0x7F80_0000 | (magnitude & 0x3FF) << 13)
  }
  // Moving the exponent by multiplication turns half's subnormals into ordinary numbers too.
  let moved = Float(bitPattern: magnitude << 13) * Float(bitPattern: 0x7780_0000)
  return Float(bitPattern: sign | moved.bitPattern)
}
