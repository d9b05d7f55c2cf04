/// Finds where a running sum of weights passes a bound.
package struct WeightedSelection: Sendable {
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
  /// A radix selection instead of a sort: values are distinguished by 11 of their bits at a time,
  /// the highest first, so three passes are enough whatever the values are.
  ///
  /// - Parameters:
  ///   - values: at least one, no NaN.
  ///   - weight: the weight of the value at an index, not negative.
  ///   - passes: false up to some sum and true from there on.
  /// - Returns: the value and the sum of the weights below it.
  @inline(__always)
  mutating func edge(
    of values: Span<Float>, weight: (Int) -> Double, passes: (Double) -> Bool
  ) -> Edge {
    var below = 0.0
    var prefix: UInt32 = 0
    var sums = sums.mutableSpan
    for (shift, bits) in Self.digits {
      let mask = (1 << bits) - 1 as UInt32
      // A sum of no weights keeps its sign; a sum of weights that are 0 does not.
      for digit in 0...Int(mask) { sums[digit] = -0.0 }
      for index in values.indices {
        let key = Self.key(of: values[index])
        // At the first digit, the shift by all 32 bits leaves 0.
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
    return Edge(value: Self.value(of: prefix), below: below)
  }

  /// The `k`-th largest of `values`, of which there are at least `k`.
  mutating func kthLargest(_ k: Int, of values: Span<Float>) -> Float {
    let smaller = Double(values.count - k)
    return edge(of: values, weight: { _ in 1 }, passes: { $0 > smaller }).value
  }

  /// A number with the same order as the value.
  @inline(__always)
  private static func key(of value: Float) -> UInt32 {
    // −0 and 0 are equal.
    let bits = (value + 0).bitPattern
    return bits ^ (bits >> 31 == 1 ? .max : 0x8000_0000)
  }

  private static func value(of key: UInt32) -> Float {
    Float(bitPattern: key ^ (key >> 31 == 1 ? 0x8000_0000 : .max))
  }

  /// The index at which the running sum of `probabilities` passes the fraction `unit`, from 0 to below
  /// 1, of their sum.
  ///
  /// The probabilities are not negative, and at least one is above 0; their sum need not be 1.
  package static func draw(_ probabilities: Span<Float>, _ unit: Double) -> Int {
    let stretch = 256
    var rest = unit * LogitKernels.sum(probabilities)
    var last = 0
    for start in stride(from: 0, to: probabilities.count, by: stretch) {
      let range = start..<min(start + stretch, probabilities.count)
      let sum = LogitKernels.sum(probabilities.extracting(range))
      if rest < sum {
        for index in range where probabilities[index] > 0 {
          last = index
          rest -= Double(probabilities[index])
          if rest < 0 { break }
        }
        // A sum in another order may leave a remainder of about 1e-9.
        return last
      }
      rest -= sum
      for index in range where probabilities[index] > 0 { last = index }
    }
    return last
  }
}
