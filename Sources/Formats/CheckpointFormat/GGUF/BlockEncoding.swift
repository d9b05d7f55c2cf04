/// How numbers are written in the types of GGUF files: the rounding of ggml, byte for byte.
///
/// Blocks run along a row. All arithmetic is in single precision, each operation rounded on its own.
/// Quantized values are computed with the scale in single precision, which is stored in half
/// precision.
extension TensorType {
  /// The types that ``encode(_:to:)`` writes.
  public static let encodable: [TensorType] = [
    .float32, .float16, .bfloat16, .q8_0, .q4_0, .q4_K, .q6_K,
  ]

  /// The size in bytes of `count` elements, whole blocks.
  public func byteCount(of count: Int) -> Int {
    precondition(count % blockLength == 0)
    return count / blockLength * blockSize
  }

  /// Writes `floats`, finite numbers in whole blocks, as a type of ``encodable`` to `bytes`.
  public func encode(
    _ floats: UnsafeBufferPointer<Float>, to bytes: UnsafeMutableRawBufferPointer
  ) {
    precondition(bytes.count == byteCount(of: floats.count))
    guard let source = floats.baseAddress, let target = bytes.baseAddress else { return }
    switch self {
    case .float32: bytes.copyMemory(from: UnsafeRawBufferPointer(floats))
    case .float16:
      for index in 0..<floats.count { target.storeHalf(source[index], at: 2 * index) }
    case .bfloat16:
      for index in 0..<floats.count {
        target.storeLittleEndian(bfloat16Bits(source[index]), at: 2 * index)
      }
    default:
      let encodeBlock = Self.blockEncoder(of: self)
      for block in 0..<floats.count / blockLength {
        encodeBlock(source + block * blockLength, target + block * blockSize)
      }
    }
  }

  typealias BlockEncoder = (UnsafePointer<Float>, UnsafeMutableRawPointer) -> Void

  private static func blockEncoder(of type: TensorType) -> BlockEncoder {
    switch type {
    case .q8_0: encodeQ8_0
    case .q4_0: encodeQ4_0
    case .q4_K: encodeQ4_K
    case .q6_K: encodeQ6_K
    default: preconditionFailure("\(type.rawValue) is not written")
    }
  }

  private static func encodeQ8_0(_ numbers: UnsafePointer<Float>, _ block: UnsafeMutableRawPointer)
  {
    var largest: Float = 0
    for index in 0..<32 { largest = max(largest, abs(numbers[index])) }
    let scale = largest / 127
    let inverse = scale == 0 ? 0 : 1 / scale
    block.storeHalf(scale, at: 0)
    for index in 0..<32 {
      // To the nearest, halves away from zero. (`rounded()` calls a function for each number.)
      let level = numbers[index] * inverse
      let whole = Int32(level)
      let rest = level - Float(whole)
      let rounded = whole &+ (rest >= 0.5 ? 1 : 0) &- (rest <= -0.5 ? 1 : 0)
      block.storeBytes(
        of: Int8(truncatingIfNeeded: rounded), toByteOffset: 2 + index, as: Int8.self)
    }
  }

  private static func encodeQ4_0(_ numbers: UnsafePointer<Float>, _ block: UnsafeMutableRawPointer)
  {
    let scale = greatest(numbers, 32) / -8
    let inverse = scale == 0 ? 0 : 1 / scale
    block.storeHalf(scale, at: 0)
    func level(_ index: Int) -> UInt8 {
      UInt8(truncatingIfNeeded: min(15, Int32(numbers[index] * inverse + 8.5)))
    }
    for index in 0..<16 {
      block.storeBytes(
        of: level(index) | level(index + 16) << 4, toByteOffset: 2 + index, as: UInt8.self)
    }
  }

  /// The number of greatest magnitude, with its sign; of equal ones the first.
  static func greatest(_ numbers: UnsafePointer<Float>, _ count: Int) -> Float {
    var greatest: Float = 0
    for index in 0..<count where abs(numbers[index]) > abs(greatest) { greatest = numbers[index] }
    return greatest
  }
}

extension UnsafeMutableRawPointer {
  func storeLittleEndian(_ bits: UInt16, at offset: Int) {
    storeBytes(of: bits.littleEndian, toByteOffset: offset, as: UInt16.self)
  }

  func storeHalf(_ number: Float, at offset: Int) {
    storeLittleEndian(halfBits(number), at: offset)
  }
}

/// The upper half of `number`, rounded to nearest, ties to even.
private func bfloat16Bits(_ number: Float) -> UInt16 {
  let bits = number.bitPattern
  if number.isNaN { return UInt16(truncatingIfNeeded: bits >> 16) | 64 }
  return UInt16(truncatingIfNeeded: (bits + 0x7FFF + (bits >> 16 & 1)) >> 16)
}

/// `number` in IEEE 754 half precision, rounded to nearest, ties to even.
@inline(__always)
package func halfBits(_ number: Float) -> UInt16 {
  let sign = UInt16(truncatingIfNeeded: number.bitPattern >> 16) & 0x8000
  let magnitude = number.bitPattern & 0x7FFF_FFFF
  let bits: UInt32
  if magnitude > 0x7F80_0000 {
    bits = 0x7E00 | magnitude >> 13 & 0x3FF
  } else if magnitude >= 0x477F_F000 {
    bits = 0x7C00  // 65520 and more round to infinity.
  } else if magnitude < 0x3880_0000 {
    // The last bit of numbers from 0.5 on is worth as much as that of subnormals of half.
    bits = (Float(bitPattern: magnitude) + 0.5).bitPattern - 0x3F00_0000
  } else {
    bits = (magnitude - 0x3800_0000 + 0xFFF + (magnitude >> 13 & 1)) >> 13
  }
  return sign | UInt16(truncatingIfNeeded: bits)
}
