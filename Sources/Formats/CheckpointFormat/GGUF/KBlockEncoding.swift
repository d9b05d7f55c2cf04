/// Q4_K and Q6_K, whose scales are searched for: ggml's procedure, in its order of operations.
///
/// A block of 256 numbers is divided into sub-blocks, whose scales are themselves quantized.
extension TensorType {
  /// Eight sub-blocks of 32 with a scale and a minimum each, quantized to 6 bits: 144 bytes.
  static func encodeQ4_K(_ numbers: UnsafePointer<Float>, _ block: UnsafeMutableRawPointer) {
    withUnsafeTemporaryAllocation(of: Int32.self, capacity: 320) { memory in
      guard let levels = memory.baseAddress else { return }
      let trial = levels + 256
      var (scales, minima) = ([8 of Float](repeating: 0), [8 of Float](repeating: 0))
      var (largestScale, largestMinimum): (Float, Float) = (0, 0)
      for part in 0..<8 {
        (scales[part], minima[part]) = searchScaleAndMinimum(
          numbers + 32 * part, levels + 32 * part, trial)
        largestScale = max(largestScale, scales[part])
        largestMinimum = max(largestMinimum, minima[part])
      }
      block.storeHalf(largestScale / 63, at: 0)
      block.storeHalf(largestMinimum / 63, at: 2)
      let scale = widenedHalf(halfBits(largestScale / 63))
      let minimum = widenedHalf(halfBits(largestMinimum / 63))
      let inverseScale = largestScale > 0 ? 63 / largestScale : 0
      let inverseMinimum = largestMinimum > 0 ? 63 / largestMinimum : 0
      func sixBits(_ number: Float) -> UInt8 {
        // A negative scale wraps around.
        min(63, UInt8(truncatingIfNeeded: nearest(number)))
      }
      var packed = [12 of UInt8](repeating: 0)
      for part in 0..<8 {
        let scaleBits = sixBits(inverseScale * scales[part])
        let minimumBits = sixBits(inverseMinimum * minima[part])
        if part < 4 {
          packed[part] = scaleBits
          packed[part + 4] = minimumBits
        } else {
          packed[part + 4] = scaleBits & 15 | (minimumBits & 15) << 4
          packed[part - 4] |= (scaleBits >> 4) << 6
          packed[part] |= (minimumBits >> 4) << 6
        }
        let step = scale * Float(scaleBits)
        // The levels of the search stay.
        if step == 0 { continue }
        let lowest = minimum * Float(minimumBits)
        for index in 32 * part..<32 * part + 32 {
          levels[index] = max(0, min(15, nearest((numbers[index] + lowest) / step)))
        }
      }
      for index in packed.indices {
        block.storeBytes(of: packed[index], toByteOffset: 4 + index, as: UInt8.self)
      }
      for index in 0..<128 {
        let first = index / 32 * 64 + index % 32
        block.storeBytes(
          of: UInt8(truncatingIfNeeded: levels[first] | levels[first + 32] << 4),
          toByteOffset: 16 + index, as: UInt8.self)
      }
    }
  }

  /// The scale and the minimum, subtracted, with which `levels` from 0 to 15 come closest to 32
  /// `numbers`; ggml's `make_qkx2_quants`.
  private static func searchScaleAndMinimum(
    _ numbers: UnsafePointer<Float>, _ levels: UnsafeMutablePointer<Int32>,
    _ trial: UnsafeMutablePointer<Int32>
  ) -> (scale: Float, minimum: Float) {
    let count = 32
    let highest: Float = 15
    var squares: Float = 0
    for index in 0..<count { squares += numbers[index] * numbers[index] }
    let average = (squares / 32).squareRoot()
    var weights = [32 of Float](repeating: 0)
    var (low, high) = (numbers[0], numbers[0])
    var (weightSum, sum): (Float, Float) = (0, 0)
    for index in 0..<count {
      let number = numbers[index]
      low = min(low, number)
      high = max(high, number)
      weights[index] = average + abs(number)
      weightSum += weights[index]
      sum += weights[index] * number
    }
    low = min(low, 0)
    guard high != low else {
      for index in 0..<count { levels[index] = 0 }
      return (0, -low)
    }
    let first = highest / (high - low)
    var scale = 1 / first
    var bestError: Float = 0
    for index in 0..<count {
      levels[index] = max(0, min(15, nearest(first * (numbers[index] - low))))
      let difference = scale * Float(levels[index]) + low - numbers[index]
      bestError += weights[index] * (difference * difference)
    }
    for step in 0...20 {
      let inverse = ((-1 + Float(0.1) * Float(step)) + highest) / (high - low)
      var (levelSum, squareSum, productSum): (Float, Float, Float) = (0, 0, 0)
      for index in 0..<count {
        let level = max(0, min(15, nearest(inverse * (numbers[index] - low))))
        trial[index] = level
        let weighted = weights[index] * Float(level)
        levelSum += weighted
        squareSum += weighted * Float(level)
        productSum += weighted * numbers[index]
      }
      let determinant = weightSum * squareSum - levelSum * levelSum
      guard determinant > 0 else { continue }
      var newScale = (weightSum * productSum - sum * levelSum) / determinant
      var newLow = (squareSum * sum - levelSum * productSum) / determinant
      if newLow > 0 {
        newLow = 0
        newScale = productSum / squareSum
      }
      var error: Float = 0
      for index in 0..<count {
        let difference = newScale * Float(trial[index]) + newLow - numbers[index]
        error += weights[index] * (difference * difference)
      }
      guard error < bestError else { continue }
      levels.update(from: trial, count: count)
      (bestError, scale, low) = (error, newScale, newLow)
    }
    return (scale, -low)
  }

  /// Sixteen sub-blocks of 16 with a scale each, quantized to 8 bits: 210 bytes.
  static func encodeQ6_K(_ numbers: UnsafePointer<Float>, _ block: UnsafeMutableRawPointer) {
    withUnsafeTemporaryAllocation(of: Int32.self, capacity: 272) { memory in
      guard let levels = memory.baseAddress else { return }
      var scales = [16 of Float](repeating: 0)
      var greatest: Float = 0
      for part in 0..<16 {
        scales[part] = searchScale(numbers + 16 * part, levels + 16 * part, levels + 256)
        if abs(scales[part]) > abs(greatest) { greatest = scales[part] }
      }
      guard abs(greatest) >= 1e-15 else {
        block.initializeMemory(as: UInt8.self, repeating: 0, count: 210)
        return
      }
      let inverse = -128 / greatest
      block.storeHalf(1 / inverse, at: 208)
      let scale = widenedHalf(halfBits(1 / inverse))
      for part in 0..<16 {
        let bits = min(127, nearest(inverse * scales[part]))
        block.storeBytes(
          of: Int8(truncatingIfNeeded: bits), toByteOffset: 192 + part, as: Int8.self)
        let step = scale * Float(bits)
        // The levels of the search stay.
        if step == 0 { continue }
        for index in 16 * part..<16 * part + 16 {
          levels[index] = max(-32, min(31, nearest(numbers[index] / step))) + 32
        }
      }
      for half in 0..<2 {
        for index in 0..<32 {
          let first = levels + 128 * half + index
          func store(_ bits: Int32, at offset: Int) {
            block.storeBytes(
              of: UInt8(truncatingIfNeeded: bits), toByteOffset: offset, as: UInt8.self)
          }
          store(first[0] & 15 | (first[64] & 15) << 4, at: 64 * half + index)
          store(first[32] & 15 | (first[96] & 15) << 4, at: 64 * half + 32 + index)
          store(
            first[0] >> 4 | (first[32] >> 4) << 2 | (first[64] >> 4) << 4
              | (first[96] >> 4) << 6,
            at: 128 + 32 * half + index)
        }
      }
    }
  }

  /// The scale with which `levels`, from −32 to 31 and increased by 32, come closest to 16
  /// `numbers`; ggml's `make_qx_quants`.
  private static func searchScale(
    _ numbers: UnsafePointer<Float>, _ levels: UnsafeMutablePointer<Int32>,
    _ trial: UnsafeMutablePointer<Int32>
  ) -> Float {
    let count = 16
    let greatest = Self.greatest(numbers, count)
    guard abs(greatest) >= 1e-15 else {
      for index in 0..<count { levels[index] = 0 }
      return 0
    }
    func sums(_ inverse: Float) -> (products: Float, squares: Float) {
      var (products, squares): (Float, Float) = (0, 0)
      for index in 0..<count {
        let number = numbers[index]
        let level = max(-32, min(31, nearest(inverse * number)))
        trial[index] = level + 32
        let weight = number * number
        products += weight * number * Float(level)
        squares += weight * Float(level) * Float(level)
      }
      return (products, squares)
    }
    let (products, squares) = sums(-32 / greatest)
    levels.update(from: trial, count: count)
    var scale = squares == 0 ? 0 : products / squares
    var best = scale * products
    for step in -9...9 where step != 0 {
      let (products, squares) = sums(-(32 + Float(0.1) * Float(step)) / greatest)
      guard squares > 0, products * products > best * squares else { continue }
      levels.update(from: trial, count: count)
      scale = products / squares
      best = scale * products
    }
    return scale
  }
}

/// The whole number nearest to `number`, ties to even.
///
/// Adding 1.5 · 2^23 leaves no bits for a fraction. Larger numbers, far beyond all levels, are cut
/// off.
@inline(__always)
private func nearest(_ number: Float) -> Int32 {
  let limited = max(-4_000_000, min(4_000_000, number))
  return Int32(bitPattern: (limited + 12_582_912).bitPattern & 0x007F_FFFF) - 0x0040_0000
}
