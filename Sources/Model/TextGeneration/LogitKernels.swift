import CKernels

/// Vectorised loops over logits and their probabilities.
///
/// Sums are taken in the same order on every machine.
enum LogitKernels {
  /// The largest of `x`; −∞ if there is none.
  static func largest(_ x: Span<Float>) -> Float {
    x.withUnsafeBufferPointer { ckernels_largest($0.baseAddress, $0.count) }
  }

  /// The natural logarithm of the sum of e^x; NaN if any of `x` is.
  static func logSumExp(_ x: Span<Float>) -> Double {
    x.withUnsafeBufferPointer { ckernels_log_sum_exp($0.baseAddress, $0.count) }
  }

  /// Writes the softmax of `x` to the front of `probabilities` and returns the logarithm of the sum of
  /// e^x.
  static func softmax(_ probabilities: inout [Float], of x: Span<Float>) -> Float {
    precondition(probabilities.count >= x.count)
    return x.withUnsafeBufferPointer {
      ckernels_probabilities(&probabilities, $0.baseAddress, $0.count)
    }
  }

  /// Divides the first `count` of `x`.
  static func divide(_ x: inout [Float], by divisor: Float, count: Int) {
    precondition(x.count >= count)
    ckernels_divide(&x, divisor, count)
  }

  /// The sum of `x`.
  static func sum(_ x: Span<Float>) -> Double {
    x.withUnsafeBufferPointer { ckernels_total($0.baseAddress, $0.count) }
  }

  /// How many logits share one of the maxima that ``groupMaxima(_:of:)`` writes.
  static let groupSize = Int(CKERNELS_LOGIT_GROUP)

  /// Writes the maxima of groups of logits to the front of `maxima` and returns how many there are.
  ///
  /// The last logits are left out if there are too few of them for sixteen groups.
  static func groupMaxima(_ maxima: inout [Float], of x: Span<Float>) -> Int {
    precondition(maxima.count >= x.count / groupSize)
    return x.withUnsafeBufferPointer { ckernels_group_maxima(&maxima, $0.baseAddress, $0.count) }
  }

  /// Moves those of the first `count` logits that are at least `bound`, and their tokens, to the front
  /// in their order, and returns how many there are.
  ///
  /// Without `hasTokens`, the token of a logit is its index.
  static func keep(
    _ logits: inout [Float], _ tokens: inout [Int32], atLeast bound: Float, count: Int,
    hasTokens: Bool
  ) -> Int {
    precondition(logits.count >= count && tokens.count >= count)
    return hasTokens
      ? ckernels_keep_at_least(&logits, &tokens, bound, count)
      : ckernels_keep_first_at_least(&logits, &tokens, bound, count)
  }
}
