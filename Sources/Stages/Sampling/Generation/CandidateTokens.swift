import Foundation

/// The tokens that may still be chosen, by ascending ids, and their logits.
///
/// Before anything is left out, the index of a logit is its token. All memory is kept for the next
/// choice, and there is only as much of it as was needed.
struct CandidateTokens: Sendable {
  /// The logits; behind the first `count` is what was left.
  var logits: [Float]
  private(set) var count: Int
  private var tokens: [Int32] = []
  private var probabilities: [Float] = []
  /// What typical p sorts by.
  private var deviations: [Float] = []
  private var maxima: [Float] = []
  private var selection = WeightedSelection()
  /// Whether tokens were left out, so that they have to be looked up.
  private var isThinnedOut = false
  /// Whether logits were larger than numbers go, so that there are no probabilities.
  private(set) var hasOverflowed = false
  private let vocabulary: Int

  init(vocabulary: Int) {
    self.vocabulary = vocabulary
    logits = [Float](repeating: 0, count: vocabulary)
    count = vocabulary
  }

  /// Takes the logits of all tokens.
  mutating func load(_ source: UnsafeBufferPointer<Float>) {
    precondition(source.count == vocabulary)
    logits.withUnsafeMutableBufferPointer { _ = $0.update(from: source) }
    count = vocabulary
    isThinnedOut = false
    hasOverflowed = false
  }

  mutating func divide(by divisor: Float) {
    logits.withUnsafeMutableBufferPointer { LogitKernels.divide($0.first(count), by: divisor) }
  }

  /// The most likely token, of several the first; `nil` if none may be chosen.
  func mostLikely() -> Int32? {
    let index = logits.withUnsafeBufferPointer { logits -> Int? in
      let logits = logits.first(count)
      let largest = LogitKernels.largest(logits)
      return largest == -.infinity ? nil : LogitKernels.firstIndex(logits, atLeast: largest)
    }
    return index.map { isThinnedOut ? tokens[$0] : Int32($0) }
  }

  /// The logits of all tokens, −∞ for those that are left out.
  func logitsOfAll() -> [Float] {
    guard isThinnedOut else { return logits }
    var all = [Float](repeating: -.infinity, count: vocabulary)
    for index in 0..<count { all[Int(tokens[index])] = logits[index] }
    return all
  }

  // MARK: - Leaving tokens out

  /// Leaves the `k` largest logits, and all that equal the smallest of them.
  mutating func keepTop(_ k: Int) {
    guard k < count else { return keepPossible() }
    // As many groups of logits have one of at least this size, so as many logits do.
    keep(atLeast: boundOfTop(k))
    guard k < count else { return }
    keep(atLeast: kthLargest(k, of: logits, count: count))
  }

  /// A number that at least `k` logits reach and not many more.
  private mutating func boundOfTop(_ k: Int) -> Float {
    let groups = count / LogitKernels.groupSize
    guard k <= groups / 2 else { return -.infinity }
    grow(&maxima, to: groups)
    let found = logits.withUnsafeBufferPointer { logits in
      maxima.withUnsafeMutableBufferPointer {
        LogitKernels.maximaOfGroups($0, of: logits.first(count))
      }
    }
    return k <= found ? kthLargest(k, of: maxima, count: found) : -.infinity
  }

  private mutating func kthLargest(_ k: Int, of values: [Float], count: Int) -> Float {
    let smaller = Double(count - k)
    return values.withUnsafeBufferPointer {
      selection.edge(of: $0.first(count), weight: { _ in 1 }, passes: { $0 > smaller }).value
    }
  }

  /// Leaves the most likely tokens that together reach `probability`, at least one (Holtzman and
  /// others 2020, nucleus sampling).
  ///
  /// Of equal ones at the edge, those of higher ids are left.
  mutating func keepNucleus(_ probability: Double) {
    normalize()
    guard count > 0 else { return }
    // The sum goes up from the least likely token, in single precision as transformers has it.
    let removable = Float(1 - probability)
    let edge = edge(of: logits) { Float($0) > removable }
    var mass = edge.below
    let last = lastToken(of: edge.value)
    filter { _, logit, weight in
      if logit == edge.value { mass += Double(weight) }
      return logit > edge.value || (logit == edge.value && Float(mass) > removable)
    }
    if count == 0, let last { keepOnly(last, logit: edge.value) }
  }

  /// Leaves the tokens of at least `share` of the most likely one's probability (Nguyen and others
  /// 2024, min p).
  mutating func keep(ofAtLeast share: Double) {
    normalize()
    let limit =
      probabilities.withUnsafeBufferPointer { LogitKernels.largest($0.first(count)) }
      * Float(share)
    filter { _, _, probability in probability >= limit }
  }

  /// Leaves the tokens whose surprise is nearest to the entropy and that together reach
  /// `probability`, and all that are as near as the last of them (Meister and others 2022, locally
  /// typical sampling).
  mutating func keepTypical(_ probability: Double) {
    let logOfSum = normalize()
    guard count > 0 else { return }
    grow(&deviations, to: count)
    Self.deviations(&deviations, of: logits, probabilities, count, logOfSum: logOfSum)
    let mass = Float(probability)
    let limit = edge(of: deviations) { Float($0) >= mass }.value
    let deviations = deviations
    deviations.withUnsafeBufferPointer { deviations in
      filter { index, _, _ in deviations[index] <= limit }
    }
  }

  /// How far the surprise of each token is from what is expected, the entropy.
  private static func deviations(
    _ deviations: inout [Float], of logits: [Float], _ probabilities: [Float], _ count: Int,
    logOfSum: Float
  ) {
    deviations.withUnsafeMutableBufferPointer { deviations in
      logits.withUnsafeBufferPointer { logits in
        probabilities.withUnsafeBufferPointer { probabilities in
          var entropy = 0.0
          for index in 0..<count {
            let surprise = logOfSum - logits[index]
            deviations[index] = surprise
            entropy += Double(surprise * probabilities[index])
          }
          let expected = Float(entropy)
          for index in 0..<count { deviations[index] = abs(deviations[index] - expected) }
        }
      }
    }
  }

  /// Where the sum of the probabilities, taken in the order of `values`, passes.
  private mutating func edge(
    of values: [Float], passes: (Double) -> Bool
  ) -> WeightedSelection.Edge {
    values.withUnsafeBufferPointer { values in
      probabilities.withUnsafeBufferPointer { probabilities in
        selection.edge(
          of: values.first(count), weight: { Double(probabilities[$0]) }, passes: passes)
      }
    }
  }

  /// Leaves the tokens that may be chosen at all.
  private mutating func keepPossible() { keep(atLeast: -.greatestFiniteMagnitude) }

  private mutating func keep(atLeast bound: Float) {
    // −∞ is no logit of a token that may be chosen.
    let bound = max(bound, -.greatestFiniteMagnitude)
    if !isThinnedOut { grow(&tokens, to: numberOfLogits(atLeast: bound) + LogitKernels.slack) }
    count = Self.moveToFront(&logits, &tokens, count, atLeast: bound, haveTokens: isThinnedOut)
    isThinnedOut = true
  }

  private func numberOfLogits(atLeast bound: Float) -> Int {
    logits.withUnsafeBufferPointer { LogitKernels.count($0.first(count), atLeast: bound) }
  }

  private static func moveToFront(
    _ logits: inout [Float], _ tokens: inout [Int32], _ count: Int, atLeast bound: Float,
    haveTokens: Bool
  ) -> Int {
    logits.withUnsafeMutableBufferPointer { logits in
      tokens.withUnsafeMutableBufferPointer { tokens in
        LogitKernels.moveToFront(
          logits.first(count), tokens, atLeast: bound, haveTokens: haveTokens)
      }
    }
  }

  /// Leaves the tokens for which `isKept` of index, logit and probability holds.
  @inline(__always)
  private mutating func filter(_ isKept: (Int, Float, Float) -> Bool) {
    count = Self.filter(&logits, &tokens, probabilities, count, isKept)
  }

  @inline(__always)
  private static func filter(
    _ logits: inout [Float], _ tokens: inout [Int32], _ probabilities: [Float], _ count: Int,
    _ isKept: (Int, Float, Float) -> Bool
  ) -> Int {
    logits.withUnsafeMutableBufferPointer { logits in
      tokens.withUnsafeMutableBufferPointer { tokens in
        probabilities.withUnsafeBufferPointer { probabilities in
          var kept = 0
          for index in 0..<count {
            let logit = logits[index]
            let isKept = isKept(index, logit, probabilities[index])
            // Written in any case: which are kept cannot be foretold.
            logits[kept] = logit
            tokens[kept] = tokens[index]
            kept += isKept ? 1 : 0
          }
          return kept
        }
      }
    }
  }

  private func lastToken(of logit: Float) -> Int32? {
    logits[..<count].lastIndex(of: logit).map { tokens[$0] }
  }

  private mutating func keepOnly(_ token: Int32, logit: Float) {
    tokens[0] = token
    logits[0] = logit
    count = 1
  }

  // MARK: - Probabilities

  /// Computes the probabilities of what is left and returns the logarithm of the sum of the
  /// exponentials.
  @discardableResult
  private mutating func normalize() -> Float {
    if !isThinnedOut { keepPossible() }
    grow(&probabilities, to: count)
    let logOfSum = Self.softmax(&probabilities, of: logits, count)
    if count > 0 && !logOfSum.isFinite { hasOverflowed = true }
    return logOfSum
  }

  private static func softmax(
    _ probabilities: inout [Float], of logits: [Float], _ count: Int
  ) -> Float {
    logits.withUnsafeBufferPointer { logits in
      probabilities.withUnsafeMutableBufferPointer { probabilities in
        let maximum = LogitKernels.largest(logits.first(count))
        let sum = Float(
          LogitKernels.exponentials(probabilities, of: logits.first(count), maximum: maximum))
        LogitKernels.divide(probabilities.first(count), by: sum)
        return maximum + log(sum)
      }
    }
  }

  /// The token at which the running sum of the probabilities passes `unit`, which is from 0 to below
  /// 1; `nil` if there is none or the probabilities are no numbers.
  mutating func draw(_ unit: Double) -> Int32? {
    normalize()
    guard count > 0, !hasOverflowed else { return nil }
    let index = probabilities.withUnsafeBufferPointer { Sampling.draw($0.first(count), unit) }
    return tokens[index]
  }

}

/// Makes room for `count` elements.
private func grow<Element: ExpressibleByIntegerLiteral>(_ array: inout [Element], to count: Int) {
  guard array.count < count else { return }
  array.append(contentsOf: repeatElement(0, count: count - array.count))
}

extension UnsafeBufferPointer {
  fileprivate func first(_ count: Int) -> Self { Self(rebasing: self[..<count]) }
}

extension UnsafeMutableBufferPointer {
  fileprivate func first(_ count: Int) -> Self { Self(rebasing: self[..<count]) }
}
