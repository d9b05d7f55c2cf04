import Glibc

/// How the blocks of quantized types are read: the formulas of ggml, in its order of operations, so
/// that the numbers are the same bit for bit.
extension TensorType {
  /// Decodes as many elements as `floats` holds, from element `first` of the first block on.
  ///
  /// The type is quantized, and `blocks` contains all blocks that are needed.
  func decode(
    _ blocks: UnsafeRawBufferPointer, from first: Int, to floats: UnsafeMutableBufferPointer<Float>
  ) {
    let (length, size) = (blockLength, blockSize)
    precondition(isQuantized && first >= 0 && first < length)
    precondition((first + floats.count + length - 1) / length * size <= blocks.count)
    guard let base = blocks.baseAddress, let target = floats.baseAddress else { return }
    withUnsafeTemporaryAllocation(of: Float.self, capacity: length) { whole in
      guard let scratch = whole.baseAddress else { return }
      var done = 0
      while done < floats.count {
        let (block, offset) = (first + done).quotientAndRemainder(dividingBy: length)
        let count = min(length - offset, floats.count - done)
        let source = base + block * size
        if count == length {
          decodeBlock(source, to: target + done)
        } else {
          decodeBlock(source, to: scratch)
          memcpy(target + done, scratch + offset, count * MemoryLayout<Float>.stride)
        }
        done += count
      }
    }
  }

  private func decodeBlock(_ block: UnsafeRawPointer, to floats: UnsafeMutablePointer<Float>) {
    switch self {
    case .q8_0:
      let scale = half(block, 0)
      for index in 0..<32 {
        floats[index] = Float(block.load(fromByteOffset: 2 + index, as: Int8.self)) * scale
      }
    case .q4_0: decodeNibbles(block, at: 2, offset: -8, half(block, 0), 0, to: floats)
    case .q4_1: decodeNibbles(block, at: 4, offset: 0, half(block, 0), half(block, 2), to: floats)
    case .q5_0: decodeFiveBits(block, at: 2, offset: -16, half(block, 0), 0, to: floats)
    case .q5_1: decodeFiveBits(block, at: 4, offset: 0, half(block, 0), half(block, 2), to: floats)
    case .q4_K: decodeSubBlocks(block, quantsAt: 16, fifthBitsAt: nil, to: floats)
    case .q5_K: decodeSubBlocks(block, quantsAt: 48, fifthBitsAt: 16, to: floats)
    case .q6_K: decodeSixBits(block, to: floats)
    default: preconditionFailure("\(rawValue) is not quantized")
    }
  }

  /// Q4_0, Q4_1: 16 bytes, each with elements j and j + 16.
  private func decodeNibbles(
    _ block: UnsafeRawPointer, at start: Int, offset: Int32, _ scale: Float, _ minimum: Float,
    to floats: UnsafeMutablePointer<Float>
  ) {
    for index in 0..<16 {
      let byte = block.load(fromByteOffset: start + index, as: UInt8.self)
      floats[index] = Float(Int32(byte & 15) + offset) * scale + minimum
      floats[index + 16] = Float(Int32(byte >> 4) + offset) * scale + minimum
    }
  }

  /// Q5_0, Q5_1: as Q4_0, after a word that has the fifth bit of each element.
  private func decodeFiveBits(
    _ block: UnsafeRawPointer, at start: Int, offset: Int32, _ scale: Float, _ minimum: Float,
    to floats: UnsafeMutablePointer<Float>
  ) {
    let high = block.loadUnaligned(fromByteOffset: start, as: UInt32.self).littleEndian
    for index in 0..<16 {
      let byte = block.load(fromByteOffset: start + 4 + index, as: UInt8.self)
      let low = Int32(byte & 15) | Int32(high >> UInt32(index) & 1) << 4
      let upper = Int32(byte >> 4) | Int32(high >> UInt32(index + 16) & 1) << 4
      floats[index] = Float(low + offset) * scale + minimum
      floats[index + 16] = Float(upper + offset) * scale + minimum
    }
  }

  /// Q4_K, Q5_K: eight sub-blocks of 32, with scales and minima of six bits.
  private func decodeSubBlocks(
    _ block: UnsafeRawPointer, quantsAt start: Int, fifthBitsAt fifthBits: Int?,
    to floats: UnsafeMutablePointer<Float>
  ) {
    let (scale, minimum) = (half(block, 0), half(block, 2))
    func packed(_ index: Int) -> UInt8 { block.load(fromByteOffset: 4 + index, as: UInt8.self) }
    for part in 0..<8 {
      let (scaleBits, minimumBits) =
        part < 4
        ? (packed(part) & 63, packed(part + 4) & 63)
        : (
          packed(part + 4) & 15 | (packed(part - 4) >> 6) << 4,
          packed(part + 4) >> 4 | (packed(part) >> 6) << 4
        )
      let step = scale * Float(scaleBits)
      let lowest = minimum * Float(minimumBits)
      for index in 0..<32 {
        let byte = block.load(fromByteOffset: start + part / 2 * 32 + index, as: UInt8.self)
        var level = part % 2 == 0 ? byte & 15 : byte >> 4
        if let fifthBits {
          let bits = block.load(fromByteOffset: fifthBits + index, as: UInt8.self)
          level |= (bits >> UInt8(part) & 1) << 4
        }
        floats[part * 32 + index] = step * Float(level) - lowest
      }
    }
  }

  /// Q6_K: sixteen sub-blocks of 16; the lower four and the upper two bits lie apart.
  private func decodeSixBits(_ block: UnsafeRawPointer, to floats: UnsafeMutablePointer<Float>) {
    let scale = half(block, 208)
    for element in 0..<256 {
      let (part, rest) = (element / 128, element % 128)
      let (group, index) = (rest / 32, rest % 32)
      let low = block.load(fromByteOffset: 64 * part + 32 * (group % 2) + index, as: UInt8.self)
      let high = block.load(fromByteOffset: 128 + 32 * part + index, as: UInt8.self)
      let level =
        (group < 2 ? low & 15 : low >> 4) | (high >> UInt8(2 * group) & 3) << 4
      let step = block.load(fromByteOffset: 192 + element / 16, as: Int8.self)
      floats[element] = scale * Float(step) * Float(Int32(level) - 32)
    }
  }

  private func half(_ block: UnsafeRawPointer, _ offset: Int) -> Float {
    widenedHalf(block.loadUnaligned(fromByteOffset: offset, as: UInt16.self).littleEndian)
  }
}
