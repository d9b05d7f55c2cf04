/// Sixteen logits.
typealias Lanes = SIMD16<Float>

/// Loops over logits, sixteen at a time.
///
/// Sums are taken in the same order on every machine.
enum LogitKernels {
  private static let width = Lanes.scalarCount

  /// e^x to 2e-7 relative: 2ⁿ times a polynomial in what is left (coefficients of Cephes' expf).
  ///
  /// Below −87 it is as good as 0, above 88 it stays finite; NaN stays NaN.
  @inline(__always)
  private static func exponential(_ x: Lanes) -> Lanes {
    var x = x.replacing(with: -87, where: x .< -87)
    x = x.replacing(with: 88, where: x .> 88)
    // Adding 1.5 · 2²³ rounds to the nearest whole number.
    let rounder: Float = 12_582_912
    let shifted = x * 1.442_695_04 + rounder
    let whole = shifted - rounder
    let rest = (x - whole * 0.693_359_375) + whole * 2.121_944_4e-4
    var power = rest * 1.987_569_15e-4 + 1.398_199_95e-3
    power = power * rest + 8.333_451_9e-3
    power = power * rest + 4.166_579_6e-2
    power = power * rest + 1.666_666_55e-1
    power = power * rest + 5.000_000_1e-1
    power = power * (rest * rest) + rest + 1
    let bits = (unsafeBitCast(shifted, to: SIMD16<UInt32>.self) &+ 127) &<< 23
    return power * unsafeBitCast(bits, to: Lanes.self)
  }

  @inline(__always)
  private static func load(_ x: UnsafeBufferPointer<Float>, _ index: Int) -> Lanes {
    UnsafeRawPointer(x.baseAddress.unsafelyUnwrapped + index).loadUnaligned(as: Lanes.self)
  }

  @inline(__always)
  private static func store(
    _ lanes: Lanes, _ out: UnsafeMutableBufferPointer<Float>, _ index: Int
  ) {
    UnsafeMutableRawPointer(out.baseAddress.unsafelyUnwrapped + index)
      .storeBytes(of: lanes, as: Lanes.self)
  }

  /// The last logits from `index` on, with `filler` behind them.
  private static func loadTail(
    _ x: UnsafeBufferPointer<Float>, _ index: Int, filler: Float
  ) -> Lanes {
    var lanes = Lanes(repeating: filler)
    for lane in 0..<(x.count - index) { lanes[lane] = x[index + lane] }
    return lanes
  }

  /// The largest of `x`; −∞ of none.
  static func largest(_ x: UnsafeBufferPointer<Float>) -> Float {
    var first = Lanes(repeating: -.infinity)
    var second = first
    let whole = x.count / (2 * width) * 2 * width
    for index in stride(from: 0, to: whole, by: 2 * width) {
      let (a, b) = (load(x, index), load(x, index + width))
      first.replace(with: a, where: a .> first)
      second.replace(with: b, where: b .> second)
    }
    first.replace(with: second, where: second .> first)
    var largest = first.max()
    for index in whole..<x.count where x[index] > largest { largest = x[index] }
    return largest
  }

  /// The sum of e^(x − `maximum`), each of which goes to `out` where there is one.
  @inline(__always)
  private static func exponentials(
    _ x: UnsafeBufferPointer<Float>, maximum: Float, _ out: UnsafeMutableBufferPointer<Float>?
  ) -> Double {
    var total = 0.0
    var index = 0
    let whole = x.count / width * width
    while index < whole {
      // Short stretches are summed in single precision, the stretches in double.
      let end = min(whole, index + 64 * width)
      var sum = Lanes.zero
      while index < end {
        let power = exponential(load(x, index) - maximum)
        if let out { store(power, out, index) }
        sum += power
        index += width
      }
      total += Double(sum.sum())
    }
    if whole < x.count {
      let power = exponential(loadTail(x, whole, filler: maximum) - maximum)
      for lane in 0..<(x.count - whole) {
        out?[whole + lane] = power[lane]
        total += Double(power[lane])
      }
    }
    return total
  }

  /// The sum of e^(x − `maximum`).
  static func sumOfExponentials(_ x: UnsafeBufferPointer<Float>, maximum: Float) -> Double {
    exponentials(x, maximum: maximum, nil)
  }

  /// Writes e^(x − `maximum`) to `out`, which has room for as many, and returns the sum.
  static func exponentials(
    _ out: UnsafeMutableBufferPointer<Float>, of x: UnsafeBufferPointer<Float>, maximum: Float
  ) -> Double {
    precondition(out.count >= x.count)
    return exponentials(x, maximum: maximum, out)
  }

  /// Divides all of `x`.
  static func divide(_ x: UnsafeMutableBufferPointer<Float>, by divisor: Float) {
    let whole = x.count / width * width
    for index in stride(from: 0, to: whole, by: width) {
      store(load(UnsafeBufferPointer(x), index) / divisor, x, index)
    }
    for index in whole..<x.count { x[index] /= divisor }
  }

  /// The sum of `x`.
  static func sum(_ x: UnsafeBufferPointer<Float>) -> Double {
    var total = 0.0
    var index = 0
    let whole = x.count / width * width
    while index < whole {
      let end = min(whole, index + 64 * width)
      var sum = Lanes.zero
      while index < end {
        sum += load(x, index)
        index += width
      }
      total += Double(sum.sum())
    }
    for index in whole..<x.count { total += Double(x[index]) }
    return total
  }

  /// The first index at which `x` is `value` or more.
  static func firstIndex(_ x: UnsafeBufferPointer<Float>, atLeast value: Float) -> Int? {
    let whole = x.count / width * width
    var index = 0
    while index < whole, !any(load(x, index) .>= value) { index += width }
    while index < x.count, !(x[index] >= value) { index += 1 }
    return index < x.count ? index : nil
  }

  /// How many logits share one of the numbers that ``maximaOfGroups(_:of:)`` writes.
  static let groupSize = 32

  /// Writes the maxima of groups of ``groupSize`` to `out` and returns how many there are.
  ///
  /// The last logits, too few for sixteen groups, are left out.
  static func maximaOfGroups(
    _ out: UnsafeMutableBufferPointer<Float>, of x: UnsafeBufferPointer<Float>
  ) -> Int {
    let stretch = groupSize * width
    let stretches = x.count / stretch
    precondition(out.count >= stretches * width)
    for group in 0..<stretches {
      let start = group * stretch
      var largest = load(x, start)
      for index in stride(from: start + width, to: start + stretch, by: width) {
        let lanes = load(x, index)
        largest.replace(with: lanes, where: lanes .> largest)
      }
      store(largest, out, group * width)
    }
    return stretches * width
  }

  /// How many of `x` are at least `bound`.
  static func count(_ x: UnsafeBufferPointer<Float>, atLeast bound: Float) -> Int {
    let whole = x.count / width * width
    let (one, zero) = (SIMD16<Int32>(repeating: 1), SIMD16<Int32>.zero)
    var counts = zero
    for index in stride(from: 0, to: whole, by: width) {
      counts &+= zero.replacing(with: one, where: load(x, index) .>= bound)
    }
    return Int(counts.wrappedSum()) + x[whole...].count { $0 >= bound }
  }

  /// How many tokens more than those that are kept ``moveToFront(_:_:atLeast:haveTokens:)`` may write.
  static let slack = 1

  /// Moves the logits `x` of at least `bound`, and their tokens, to the front, in their order, and
  /// returns how many there are.
  ///
  /// If not `haveTokens`, the token of a logit is its index, and `tokens` needs room only for those
  /// that are kept and ``slack``.
  static func moveToFront(
    _ x: UnsafeMutableBufferPointer<Float>, _ tokens: UnsafeMutableBufferPointer<Int32>,
    atLeast bound: Float, haveTokens: Bool
  ) -> Int {
    var kept = 0
    let whole = x.count / width * width
    for start in stride(from: 0, to: x.count, by: width) {
      let end = start < whole ? start + width : x.count
      if start < whole, !any(load(UnsafeBufferPointer(x), start) .>= bound) { continue }
      for index in start..<end {
        let logit = x[index]
        // Written in any case: which are kept cannot be foretold.
        x[kept] = logit
        tokens[kept] = haveTokens ? tokens[index] : Int32(index)
        kept += logit >= bound ? 1 : 0
      }
    }
    return kept
  }
}
