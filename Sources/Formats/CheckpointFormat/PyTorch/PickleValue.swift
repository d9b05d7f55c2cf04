import FileSupport
import TextSupport

/// A value in a pickle of weights.
///
/// Nothing in it can be called: functions and classes are names from a short list.
enum PickleValue {
  case none
  case boolean(Bool)
  case integer(Int)
  case number(Double)
  case string(String)
  /// Its elements, and how deeply tuples are nested in it, including itself.
  case tuple([PickleValue], depth: Int)
  /// The index of a list in the ``Unpickler``.
  case list(Int)
  /// The index of a dictionary in the ``Unpickler``.
  case dictionary(Int)
  case global(PickleGlobal)
  case storage(StorageReference)
  case tensor(TensorReference)

  var integer: Int? { if case .integer(let value) = self { value } else { nil } }
  var string: String? { if case .string(let text) = self { text } else { nil } }
  var elements: [PickleValue]? {
    if case .tuple(let elements, _) = self { elements } else { nil }
  }
  /// The elements of a tuple of integers.
  var integers: [Int]? {
    guard let elements else { return nil }
    let integers = elements.compactMap(\.integer)
    return integers.count == elements.count ? integers : nil
  }

  /// Its kind, for messages.
  var kind: String {
    switch self {
    case .none: "None"
    case .boolean: "a boolean"
    case .integer: "a whole number"
    case .number: "a number"
    case .string: "a string"
    case .tuple: "a tuple"
    case .list: "a list"
    case .dictionary: "a dictionary"
    case .global(let global): "\(global)"
    case .storage: "a storage"
    case .tensor: "a tensor"
    }
  }
}

/// The functions and classes that a pickle of weights may name.
enum PickleGlobal: CustomStringConvertible {
  case orderedDictionary
  case rebuildTensor
  /// Like `rebuildTensor`, but from a storage of bytes, with the type of the elements.
  case rebuildTensorOfType
  case rebuildParameter
  case storage(TensorType)
  case type(TensorType)

  private static let storageTypes: [String: TensorType] = [
    "FloatStorage": .float32, "HalfStorage": .float16, "BFloat16Storage": .bfloat16,
    "DoubleStorage": .float64, "ByteStorage": .uint8, "BoolStorage": .boolean,
    "CharStorage": .int8, "ShortStorage": .int16, "IntStorage": .int32, "LongStorage": .int64,
    "ComplexFloatStorage": .complex64, "ComplexDoubleStorage": .complex128,
  ]
  private static let types: [String: TensorType] = [
    "uint16": .uint16, "uint32": .uint32, "uint64": .uint64, "float8_e4m3fn": .float8E4M3,
    "float8_e4m3fnuz": .float8E4M3FNUZ, "float8_e5m2": .float8E5M2,
    "float8_e5m2fnuz": .float8E5M2FNUZ, "float8_e8m0fnu": .float8E8M0,
  ]

  /// The function or class `name` in the Python module `module`; `nil` if weights do not need it.
  init?(module: String, name: String) {
    switch (module, name) {
    case ("collections", "OrderedDict"): self = .orderedDictionary
    case ("torch._utils", "_rebuild_tensor_v2"): self = .rebuildTensor
    case ("torch._utils", "_rebuild_tensor_v3"): self = .rebuildTensorOfType
    case ("torch._utils", "_rebuild_parameter"): self = .rebuildParameter
    case ("torch.storage", "UntypedStorage"): self = .storage(.uint8)
    case ("torch", _):
      if let type = Self.storageTypes[name] {
        self = .storage(type)
      } else if let type = Self.types[name] {
        self = .type(type)
      } else {
        return nil
      }
    default: return nil
    }
  }

  var description: String {
    switch self {
    case .orderedDictionary: "collections.OrderedDict"
    case .rebuildTensor: "torch._utils._rebuild_tensor_v2"
    case .rebuildTensorOfType: "torch._utils._rebuild_tensor_v3"
    case .rebuildParameter: "torch._utils._rebuild_parameter"
    case .storage(let type): "a class of storages of \(type.rawValue)"
    case .type(let type): "the type \(type.rawValue)"
    }
  }
}

/// An array of numbers that tensors are views of; the pickle does not say where it is.
struct StorageReference: Equatable {
  /// Its name in the file.
  let key: String
  let type: TensorType
  /// The number of elements according to the pickle.
  let count: Int

  /// The size in bytes; checked not to overflow when the pickle was read.
  var byteCount: Int { count * type.blockSize }
}

/// A tensor as a view of a storage, checked to be within it.
struct TensorReference {
  let storage: StorageReference
  /// The first element, counted in elements of the storage.
  let offset: Int
  let shape: [Int]
  let strides: [Int]

  /// The maximum number of elements of a tensor whose storage has fewer: with a stride of 0, a few
  /// bytes could claim any number, which weights do not need.
  static let maximumExpandedCount = 1 << 24

  /// Checks the view; returns `nil` and a description of the problem if it is impossible.
  static func checked(
    _ storage: StorageReference, offset: Int, shape: [Int], strides: [Int]
  ) -> (tensor: TensorReference?, problem: String) {
    guard shape.count == strides.count, shape.count <= 16 else {
      return (nil, "the shape \(shape) with the strides \(strides) is impossible")
    }
    guard offset >= 0, !shape.contains(where: { $0 < 0 }), !strides.contains(where: { $0 < 0 })
    else {
      return (nil, "a tensor has negative sizes: \(shape), strides \(strides), offset \(offset)")
    }
    var count = 1
    var last = offset
    for (size, stride) in zip(shape, strides) {
      let (product, tooMany) = count.multipliedReportingOverflow(by: size)
      let (distance, tooFar) = max(0, size - 1).multipliedReportingOverflow(by: stride)
      let (sum, tooFarInAll) = last.addingReportingOverflow(distance)
      guard !tooMany, !tooFar, !tooFarInAll else {
        return (nil, "the shape \(shape) with the strides \(strides) is impossible")
      }
      (count, last) = (product, sum)
    }
    guard count == 0 ? offset <= storage.count : last < storage.count else {
      return (
        nil,
        "a tensor of \(shape) with the strides \(strides) from element \(offset) on goes past the "
          + "\(storage.count) elements of storage '\(excerpt(storage.key))'"
      )
    }
    guard count <= max(storage.count, maximumExpandedCount) else {
      return (
        nil,
        "a tensor of \(shape) claims \(count) elements of the \(storage.count) in storage "
          + "'\(excerpt(storage.key))'"
      )
    }
    return (
      TensorReference(storage: storage, offset: offset, shape: shape, strides: strides), ""
    )
  }
}
