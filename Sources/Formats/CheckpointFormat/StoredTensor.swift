import FileSupport
import Glibc
import TextSupport

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
  /// The distance in elements between neighbours along each dimension.
  let strides: [Int]
  /// Whether the elements are in row-major order without gaps.
  let isContiguous: Bool
  /// Whether this is a matrix whose elements are in column-major order without gaps.
  let isTransposed: Bool

  /// The path of the file.
  public var path: String { file.path }
  /// The size of its elements in the file, in bytes.
  public var byteCount: Int {
    type.isQuantized ? bytes(of: 0..<count).count : count * type.bitCount / 8
  }

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
    isTransposed = shape.count == 2 && !isContiguous && self.strides == [1, shape[0]]
  }

  /// The transpose of a matrix, whose elements stay where they are.
  public var transposed: StoredTensor {
    precondition(shape.count == 2, "not a matrix")
    return StoredTensor(
      name: name, type: type, shape: shape.reversed(), file: file, start: start,
      strides: strides.reversed())
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
    guard isContiguous, !type.isQuantized else { return convert(elements, to: floats) }
    if type == .float32 {
      return try file.read(bytes(of: elements), into: UnsafeMutableRawBufferPointer(floats))
    }
    // As many at a time as stay in the cache.
    let step = min(elements.count, 1 << 14)
    try withUnsafeTemporaryAllocation(byteCount: step * type.blockSize, alignment: 16) { buffer in
      for first in stride(from: 0, to: elements.count, by: max(1, step)) {
        let part = first..<min(first + step, elements.count)
        let begin = elements.lowerBound + first
        let range = bytes(of: begin..<begin + part.count)
        let bytes = UnsafeMutableRawBufferPointer(rebasing: buffer[..<range.count])
        try file.read(range, into: bytes)
        copyRun(UnsafeRawBufferPointer(bytes), stride: 1, to: floats.extracting(part))
      }
    }
  }

  /// Copies `elements` to `floats` from the mapped file, whatever their floating-point type and
  /// order.
  public func convert(_ elements: Range<Int>, to floats: UnsafeMutableBufferPointer<Float>) {
    if isContiguous {
      let range = bytes(of: elements)
      advise(.willNeed, range)
      copyRun(elements, to: floats)
      return advise(.doneWith, range)
    }
    if isTransposed { return convertTransposed(elements, to: floats) }
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
        from: start + offset * type.blockSize, stride: stride,
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

  /// How many elements from the first on share blocks of the file with no others; pieces of a multiple
  /// of it are copied without decoding a block twice.
  public var pieceLength: Int {
    !type.isQuantized ? 1 : isTransposed ? type.blockLength * shape[1] : type.blockLength
  }

  /// Loads `elements` of the mapped file into memory before they are read.
  public func load(_ elements: Range<Int>) {
    precondition(elements.lowerBound >= 0 && elements.upperBound <= count && isContiguous)
    advise(.willNeed, bytes(of: elements))
  }

  /// Tells the system that the tensor is not needed any more; it can still be read.
  public func release() { advise(.doneWith, bytes(of: 0..<count)) }

  /// The bytes of `elements`, counted in the order of the file, in whole blocks.
  private func bytes(of elements: Range<Int>) -> Range<Int> {
    let length = type.blockLength
    let end = (elements.upperBound + length - 1) / length
    return start + elements.lowerBound / length * type.blockSize..<start + end * type.blockSize
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
    // Only whole pages within the range: other threads read the neighbouring ones.
    let begin = (range.lowerBound + pageSize - 1) / pageSize * pageSize
    let end = range.upperBound / pageSize * pageSize
    let populateRead: Int32 = 22  // MADV_POPULATE_READ, which older headers lack
    madvise(
      UnsafeMutableRawPointer(mutating: base + begin), end - begin,
      advice == .willNeed ? populateRead : MADV_DONTNEED)
  }

  /// Copies elements of a matrix that lies in the file column by column.
  ///
  /// A few columns at a time, so that the memory written to stays in the cache.
  private func convertTransposed(
    _ elements: Range<Int>, to floats: UnsafeMutableBufferPointer<Float>
  ) {
    guard !elements.isEmpty else { return }
    let (rows, columns) = (shape[0], shape[1])
    // The longest block: no block is decoded twice.
    let (height, width) = (256, 16)
    let end = (elements.upperBound + columns - 1) / columns
    var top = elements.lowerBound / columns
    withUnsafeTemporaryAllocation(of: Float.self, capacity: height * width) { tile in
      while top < end {
        let bottom = min(end, (top / height + 1) * height)
        for left in stride(from: 0, to: columns, by: width) {
          let right = min(left + width, columns)
          for column in left..<right {
            let first = column * rows
            copyRun(
              first + top..<first + bottom,
              to: UnsafeMutableBufferPointer(
                rebasing: tile[(column - left) * height..<(column - left) * height + bottom - top]))
          }
          for row in top..<bottom {
            let first = row * columns
            let wanted = Range(first + left...first + right - 1).clamped(to: elements)
            for element in wanted {
              floats[element - elements.lowerBound] =
                tile[(element - first - left) * height + row - top]
            }
          }
        }
        top = bottom
      }
    }
  }

  /// Copies `elements`, counted in the order of the file.
  private func copyRun(_ elements: Range<Int>, to floats: UnsafeMutableBufferPointer<Float>) {
    guard type.isQuantized else {
      return copyRun(
        from: start + elements.lowerBound * type.blockSize, stride: 1, to: floats)
    }
    let range = bytes(of: elements)
    type.decode(
      UnsafeRawBufferPointer(rebasing: file.bytes[range]),
      from: elements.lowerBound % type.blockLength, to: floats)
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
    let step = stride * type.blockSize
    // The last element must not extend past the end.
    precondition((floats.count - 1) * step + type.blockSize <= bytes.count)
    switch type {
    case .float32 where stride == 1:
      memcpy(target, source, floats.count * step)
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
