/// Finds where a running sum over ascending values passes a bound, without sorting them.
///
/// A radix selection: values are told apart by 11 bits of theirs at a time, the highest first, so
/// that three passes are enough however the values lie.
struct WeightedSelection: Sendable {
  /// The value at which the sum passes the bound.
  struct Edge {
    var value: Float
    /// The sum of the weights of all smaller values.
    var below: Double
  }

  private static let digits: [(shift: UInt32, bits: UInt32)] = [(21, 11), (10, 11), (0, 10)]
  private var sums = [Double](repeating: 0, count: 1 << 11)

  /// The smallest value up to which the sum of the weights `passes`; the largest if none does.
  ///
  /// - Parameters:
  ///   - values: at least one, no NaN.
  ///   - weight: the weight of the value at an index, not negative.
  ///   - passes: false up to some sum and true from there on.
  /// - Returns: the value and the sum of the weights below it.
  @inline(__always)
  mutating func edge(
    of values: UnsafeBufferPointer<Float>, weight: (Int) -> Double, passes: (Double) -> Bool
  ) -> Edge {
    var below = 0.0
    var prefix: UInt32 = 0
    for (shift, bits) in Self.digits {
      let mask = (1 << bits) - 1 as UInt32
      sums.withUnsafeMutableBufferPointer { sums in
        // A sum of no weights keeps its sign, one of weights that are 0 does not.
        for index in 0...Int(mask) { sums[index] = -0.0 }
        for index in values.indices {
          let key = Self.key(of: values[index])
          // A shift by all 32 bits, at the first digit, leaves 0.
          guard key >> (shift + bits) == prefix else { continue }
          sums[Int(key >> shift & mask)] += weight(index)
        }
        var digit: UInt32 = 0
        var before = below
        var sum = below
        for index in 0...Int(mask) where sums[index].sign == .plus {
          (digit, before) = (UInt32(index), sum)
          sum += sums[index]
          if passes(sum) { break }
        }
        below = before
        prefix = prefix << bits | digit
      }
    }
    return Edge(value: Self.value(of: prefix), below: below)
  }

  /// A number that orders as the value does.
  @inline(__always)
  private static func key(of value: Float) -> UInt32 {
    // −0 and 0 are equal.
    let bits = (value + 0).bitPattern
    return bits ^ (bits >> 31 == 1 ? .max : 0x8000_0000)
  }

  private static func value(of key: UInt32) -> Float {
    Float(bitPattern: key ^ (key >> 31 == 1 ? 0x8000_0000 : .max))
  }
}
