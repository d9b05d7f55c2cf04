import FileSupport
import JSONSupport
import TextSupport

/// A safetensors file, mapped into memory and checked as the safetensors library does.
///
/// The layout: the length of the header (8 bytes, little-endian), the header (JSON: name → `dtype`,
/// `shape`, `data_offsets`; `__metadata__`), the tensors without gaps or overlaps.
public final class SafetensorsFile: Sendable {
  /// The path of the file.
  public var path: String { file.path }
  /// The tensors by their names.
  public let tensors: [String: StoredTensor]
  /// The strings under `__metadata__`.
  public let metadata: [String: String]
  private let file: MappedFile
  private static let maximumHeaderSize = 100_000_000

  /// Maps and checks the file at `path`.
  ///
  /// - Throws: ``FileError``; ``InputError`` if it is not a complete safetensors file.
  public init(path: String) throws {
    let file = try MappedFile(path: path, keepingOpen: true)
    self.file = file
    let bytes = file.bytes
    guard bytes.count >= 8 else {
      throw InputError(path, "\(bytes.count) bytes are too few for a safetensors file")
    }
    let headerSize = bytes.loadUnaligned(as: UInt64.self).littleEndian
    guard headerSize > 0, headerSize <= Self.maximumHeaderSize else {
      if let problem = MisplacedFile.problem(of: bytes) { throw InputError(path, problem) }
      throw InputError(
        path, .byte(0), "the header would have \(headerSize) bytes: not a safetensors file")
    }
    let dataStart = 8 + Int(headerSize)
    guard dataStart <= bytes.count else {
      throw InputError(
        path, .byte(bytes.count),
        "the header of \(headerSize) bytes goes past the end: the file is cut off")
    }
    var tensors: [String: StoredTensor] = [:]
    var metadata: [String: String] = [:]
    var reader = JSONReader(
      bytes: UnsafeRawBufferPointer(rebasing: bytes[8..<dataStart]), path: path, place: .whole)
    try reader.object { reader, name in
      if name == "__metadata__" {
        guard try reader.peek() != .null else { return try reader.null() }
        try reader.object { metadata[$1] = try $0.string() }
      } else {
        tensors[name] = try Self.entry(
          name, JSONValue(&reader), dataStart: dataStart, file: file)
      }
    }
    try reader.finish()
    try Self.checkLayout(tensors.values, dataStart: dataStart, size: bytes.count, path: path)
    self.tensors = tensors
    self.metadata = metadata
  }

  private static func entry(
    _ name: String, _ value: JSONValue, dataStart: Int, file: MappedFile
  ) throws -> StoredTensor {
    func failure(_ problem: String) -> InputError {
      InputError(file.path, "tensor '\(excerpt(name))': \(problem)")
    }
    let entry = try JSONObject(value, path: file.path, context: "tensor '\(excerpt(name))': ")
    let typeName = try entry.string("dtype")
    let shape = try entry.integers("shape")
    let offsets = try entry.integers("data_offsets")
    guard let type = TensorType(rawValue: typeName), !type.isQuantized else {
      throw failure("the type \(excerpt(typeName)) is not supported")
    }
    var bits = type.bitCount
    for size in shape {
      let (product, overflow) = bits.multipliedReportingOverflow(by: size)
      guard size >= 0, !overflow else {
        throw failure("the shape \(excerpt("\(shape)")) is impossible")
      }
      bits = product
    }
    guard offsets.count == 2, offsets[0] >= 0, offsets[1] >= offsets[0],
      offsets[1] < Int.max - dataStart, bits % 8 == 0, offsets[1] - offsets[0] == bits / 8
    else {
      throw failure(
        "data_offsets \(excerpt("\(offsets)")) do not hold \(excerpt("\(shape)")) of \(typeName)")
    }
    return StoredTensor(
      name: name, type: type, shape: shape, file: file, start: dataStart + offsets[0])
  }

  private static func checkLayout(
    _ tensors: some Collection<StoredTensor>, dataStart: Int, size: Int, path: String
  ) throws {
    var end = dataStart
    let sorted = tensors.sorted {
      ($0.start, $0.byteCount, $0.name) < ($1.start, $1.byteCount, $1.name)
    }
    for tensor in sorted {
      guard tensor.start == end else {
        throw InputError(
          path, .byte(end),
          "tensor '\(excerpt(tensor.name))' leaves a gap or overlaps the one before")
      }
      end += tensor.byteCount
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
  public func tensor(_ name: String, shape: [Int]) throws -> StoredTensor {
    try tensors.tensor(name, shape: shape, path: path)
  }

  /// The bytes of `tensor`, without any particular alignment; valid as long as this object lives.
  public func bytes(of tensor: StoredTensor) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(rebasing: file.bytes[tensor.start..<tensor.start + tensor.byteCount])
  }

  /// Copies the numbers of `tensor`, of type F32, F16, BF16 or F64, to `floats`.
  ///
  /// - Throws: ``InputError`` if the tensor is of another type; ``FileError``.
  public func copy(
    _ tensor: StoredTensor, to floats: UnsafeMutableBufferPointer<Float>
  ) throws {
    try tensor.checkIsFloatingPoint()
    try tensor.copy(0..<tensor.count, to: floats)
  }
}

extension [String: StoredTensor] {
  /// The tensor `name`, checked to have `shape`; `path` is the file that should name it.
  ///
  /// - Throws: ``InputError`` if it is missing or has another shape.
  func tensor(_ name: String, shape: [Int], path: String) throws -> StoredTensor {
    guard let tensor = self[name] else {
      throw InputError(path, "tensor '\(excerpt(name))' is missing")
    }
    guard tensor.shape == shape else {
      throw InputError(
        tensor.path,
        "tensor '\(excerpt(name))' has the shape \(excerpt("\(tensor.shape)")), expected \(shape)")
    }
    return tensor
  }
}
