import FileSupport
import Glibc
import TextSupport

/// The element types of tensors in files of weights, with their names in safetensors files.
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
  case complex64 = "C64"
  /// Only in files written by torch.
  case complex128 = "C128"
  case float8E4M3 = "F8_E4M3"
  case float8E4M3FNUZ = "F8_E4M3FNUZ"
  case float8E5M2 = "F8_E5M2"
  case float8E5M2FNUZ = "F8_E5M2FNUZ"
  case float8E8M0 = "F8_E8M0"
  case float6E2M3 = "F6_E2M3"
  case float6E3M2 = "F6_E3M2"
  case float4 = "F4"

  /// The size of an element in bits.
  public var bitCount: Int {
    switch self {
    case .complex128: 128
    case .float64, .int64, .uint64, .complex64: 64
    case .float32, .int32, .uint32: 32
    case .float16, .bfloat16, .int16, .uint16: 16
    case .int8, .uint8, .boolean, .float8E4M3, .float8E4M3FNUZ, .float8E5M2, .float8E5M2FNUZ,
      .float8E8M0:
      8
    case .float6E2M3, .float6E3M2: 6
    case .float4: 4
    }
  }

  /// The size of an element in bytes; 0 if several share a byte.
  public var size: Int { bitCount / 8 }

  /// Whether its elements can be read as floats.
  public var isFloatingPoint: Bool {
    switch self {
    case .float32, .float16, .bfloat16, .float64: true
    default: false
    }
  }
}

/// A tensor in a mapped file of weights.
///
/// Its elements are counted in row-major order, whatever their order in the file.
public struct StoredTensor: Sendable {
  public let name: String
  public let type: TensorType
  public let shape: [Int]
  /// The number of elements.
  public let count: Int
  /// The file, checked to contain all elements.
  let file: MappedFile
  /// The offset in the file of the first element, without any particular alignment.
  let start: Int
  /// The distance in elements between neighbors along each dimension.
  let strides: [Int]
  /// Whether the elements are in row-major order without gaps.
  let isContiguous: Bool

  /// The path of the file.
  public var path: String { file.path }

  /// The tensor whose first element is at byte `start` of `file`, which the caller has checked to
  /// contain all elements.
  ///
  /// Without `strides` they are in row-major order.
  init(
    name: String, type: TensorType, shape: [Int], file: MappedFile, start: Int,
    strides: [Int]? = nil
  ) {
    self.name = name
    self.type = type
    self.shape = shape
    self.file = file
    self.start = start
    count = shape.reduce(1, *)
    let rowMajor = Self.rowMajorStrides(shape)
    self.strides = strides ?? rowMajor
    // The stride of a dimension with one element has no meaning.
    isContiguous =
      count == 0
      || zip(shape, zip(self.strides, rowMajor)).allSatisfy { $0 == 1 || $1.0 == $1.1 }
  }

  private static func rowMajorStrides(_ shape: [Int]) -> [Int] {
    var strides = shape
    var product = 1
    for dimension in shape.indices.reversed() {
      strides[dimension] = product
      product = product.multipliedReportingOverflow(by: max(1, shape[dimension])).partialValue
    }
    return strides
  }

  /// Checks that the elements can be read as floats.
  ///
  /// - Throws: ``InputError`` if the tensor is of another type.
  public func checkIsFloatingPoint() throws {
    guard type.isFloatingPoint else {
      throw InputError(
        path,
        "tensor '\(excerpt(name))' is of type \(type.rawValue), expected F32, F16, BF16 or F64")
    }
  }

  /// Copies `elements` to `floats`, which has the same count; several threads may copy at once.
  ///
  /// The type must be a floating-point type: see ``checkIsFloatingPoint()``.
  ///
  /// - Throws: ``FileError``; ``InputError`` if the file was truncated in the meantime.
  public func copy(_ elements: Range<Int>, to floats: UnsafeMutableBufferPointer<Float>) throws {
    precondition(elements.lowerBound >= 0 && elements.upperBound <= count)
    precondition(elements.count == floats.count)
    guard isContiguous else { return convert(elements, to: floats) }
    let begin = start + elements.lowerBound * type.size
    if type == .float32 {
      let range = begin..<begin + elements.count * type.size
      return try file.read(range, into: UnsafeMutableRawBufferPointer(floats))
    }
    // As many at a time as stay in the cache.
    let step = min(elements.count, 1 << 14)
    try withUnsafeTemporaryAllocation(byteCount: step * type.size, alignment: 16) { bytes in
      for first in stride(from: 0, to: elements.count, by: max(1, step)) {
        let part = first..<min(first + step, elements.count)
        let bytes = UnsafeMutableRawBufferPointer(rebasing: bytes[..<(part.count * type.size)])
        let offset = begin + first * type.size
        try file.read(offset..<offset + bytes.count, into: bytes)
        copyRun(UnsafeRawBufferPointer(bytes), stride: 1, to: floats.extracting(part))
      }
    }
  }

  /// Copies `elements` to `floats` from the mapped file, whatever their floating-point type and
  /// order.
  public func convert(_ elements: Range<Int>, to floats: UnsafeMutableBufferPointer<Float>) {
    if isContiguous {
      let begin = start + elements.lowerBound * type.size
      let end = begin + elements.count * type.size
      advise(.willNeed, begin..<end)
      copyRun(from: begin, stride: 1, to: floats)
      return advise(.doneWith, begin..<end)
    }
    // One run along the last dimension at a time.
    guard let length = shape.last, let stride = strides.last else { return }
    var done = 0
    while done < elements.count {
      var (rest, column) = (elements.lowerBound + done).quotientAndRemainder(dividingBy: length)
      var offset = column * stride
      for dimension in shape.indices.dropLast().reversed() {
        let index: Int
        (rest, index) = rest.quotientAndRemainder(dividingBy: shape[dimension])
        offset += index * strides[dimension]
      }
      let end = min(done + length - column, elements.count)
      copyRun(
        from: start + offset * type.size, stride: stride,
        to: UnsafeMutableBufferPointer(rebasing: floats[done..<end]))
      done = end
    }
  }

  /// Whether `elements` are the same numbers in `other`, a tensor of the same shape; both must have
  /// floating-point types.
  public func hasSameNumbers(as other: StoredTensor, in elements: Range<Int>) -> Bool {
    precondition(shape == other.shape)
    if file === other.file, start == other.start, type == other.type, strides == other.strides {
      return true
    }
    // Large enough for ``convert(_:to:)`` to release the pages.
    let piece = 1 << 16
    return withUnsafeTemporaryAllocation(of: Float.self, capacity: 2 * piece) { floats in
      for begin in stride(from: elements.lowerBound, to: elements.upperBound, by: piece) {
        let end = min(begin + piece, elements.upperBound)
        let mine = UnsafeMutableBufferPointer(rebasing: floats[0..<end - begin])
        let others = UnsafeMutableBufferPointer(rebasing: floats[piece..<piece + end - begin])
        convert(begin..<end, to: mine)
        other.convert(begin..<end, to: others)
        var differing = 0
        for index in 0..<mine.count { differing += mine[index] == others[index] ? 0 : 1 }
        if differing > 0 { return false }
      }
      return true
    }
  }

  /// The elements in the mapped file if they are aligned floats in row-major order; otherwise
  /// `nil`, and they must be copied.
  ///
  /// They are valid as long as this tensor lives.
  public var mappedFloats: UnsafeBufferPointer<Float>? {
    guard isContiguous, type == .float32, count > 0, let base = file.bytes.baseAddress else {
      return nil
    }
    let address = base + start
    guard Int(bitPattern: address) % MemoryLayout<Float>.alignment == 0 else { return nil }
    return UnsafeBufferPointer(
      start: address.assumingMemoryBound(to: Float.self), count: count)
  }

  /// Prepares the file for being read repeatedly: see ``MappedFile/preferHugePages()``.
  public func preferHugePages() { file.preferHugePages() }

  /// Loads `elements` of the mapped file into memory before they are read.
  public func load(_ elements: Range<Int>) {
    precondition(elements.lowerBound >= 0 && elements.upperBound <= count && isContiguous)
    advise(.willNeed, bytes(of: elements))
  }

  private func bytes(of elements: Range<Int>) -> Range<Int> {
    start + elements.lowerBound * type.size..<start + elements.upperBound * type.size
  }

  private enum Advice {
    case willNeed
    case doneWith
  }

  /// Tells the system that the bytes in `range` will be read now, or are no longer needed.
  ///
  /// Mapping many pages at once takes a fraction of the time of page faults, and releasing them
  /// keeps the file from counting toward the memory of this process. Both are only advice: the file
  /// is never written through the mapping, and a failure does no harm.
  private func advise(_ advice: Advice, _ range: Range<Int>) {
    let pageSize = 4096
    guard range.count >= 16 * pageSize, let base = file.bytes.baseAddress else { return }
    // Only whole pages within the range: other threads read the neighboring ones.
    let begin = (range.lowerBound + pageSize - 1) / pageSize * pageSize
    let end = range.upperBound / pageSize * pageSize
    let populateRead: Int32 = 22  // MADV_POPULATE_READ, which older headers lack
    madvise(
      UnsafeMutableRawPointer(mutating: base + begin), end - begin,
      advice == .willNeed ? populateRead : MADV_DONTNEED)
  }

  /// Copies the elements from byte `offset` of the mapped file on that are `stride` elements apart.
  private func copyRun(
    from offset: Int, stride: Int, to floats: UnsafeMutableBufferPointer<Float>
  ) {
    copyRun(UnsafeRawBufferPointer(rebasing: file.bytes[offset...]), stride: stride, to: floats)
  }

  /// Copies the elements in `bytes` that are `stride` elements apart.
  private func copyRun(
    _ bytes: UnsafeRawBufferPointer, stride: Int, to floats: UnsafeMutableBufferPointer<Float>
  ) {
    guard !floats.isEmpty, let source = bytes.baseAddress, let target = floats.baseAddress else {
      return
    }
    let step = stride * type.size
    // The last element must not extend past the end.
    precondition((floats.count - 1) * step + type.size <= bytes.count)
    switch type {
    case .float32 where stride == 1:
      memcpy(target, source, floats.count * type.size)
    case .float32:
      for index in 0..<floats.count {
        target[index] = source.loadUnaligned(fromByteOffset: index &* step, as: Float.self)
      }
    case .float64:
      for index in 0..<floats.count {
        target[index] = Float(source.loadUnaligned(fromByteOffset: index &* step, as: Double.self))
      }
    case .bfloat16:
      for index in 0..<floats.count {
        let bits = source.loadUnaligned(fromByteOffset: index &* step, as: UInt16.self)
        target[index] = Float(bitPattern: UInt32(bits) << 16)
      }
    case .float16:
      for index in 0..<floats.count {
        target[index] = widenedHalf(
          source.loadUnaligned(fromByteOffset: index &* step, as: UInt16.self))
      }
    default: preconditionFailure("tensor '\(name)' is of type \(type.rawValue)")
    }
  }
}

/// The number with the IEEE 754 half-precision `bits`.
@inline(__always)
package func widenedHalf(_ bits: UInt16) -> Float {
  let sign = UInt32(bits & 0x8000) << 16
  let magnitude = UInt32(bits & 0x7FFF)
  // Adjusting the exponent by multiplication also turns subnormals of half into normal numbers.
  let moved = (Float(bitPattern: magnitude << 13) * Float(bitPattern: 0x7780_0000)).bitPattern
  // Infinity and NaN keep the highest exponent.
  let special: UInt32 = magnitude >= 0x7C00 ? 0x7F80_0000 : 0
  return Float(bitPattern: sign | moved | special)
}
