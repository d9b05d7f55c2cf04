/// The tokens that may still be sampled, in ascending order of id, and their logits.
///
/// Until a token is left out, the index of a logit is its token. All memory is kept for the next
/// sample.
struct CandidateTokens: Sendable {
  /// The logits; those after the first ``count`` are meaningless.
  var logits: [Float]
  private(set) var count: Int
  private var tokens: [Int32]
  private var probabilities: [Float]
  /// The values that top k and typical p select by.
  private var scratch: [Float]
  private var selection = WeightedSelection()
  /// Whether tokens have been left out, so that ``tokens`` holds those of the logits.
  private var isThinnedOut = false
  /// Whether logits have exceeded the range of floats, so that there are no probabilities.
  private(set) var hasOverflowed = false

  init(vocabulary: Int) {
    logits = [Float](repeating: 0, count: vocabulary)
    (probabilities, scratch) = (logits, logits)
    tokens = [Int32](repeating: 0, count: vocabulary)
    count = vocabulary
  }

  /// Takes the logits of all tokens.
  mutating func load(_ source: Span<Float>) {
    precondition(source.count == logits.count)
    source.withUnsafeBufferPointer { source in
      logits.withUnsafeMutableBufferPointer { _ = $0.update(fromContentsOf: source) }
    }
    count = logits.count
    (isThinnedOut, hasOverflowed) = (false, false)
  }

  mutating func divide(by divisor: Float) {
    LogitKernels.divide(&logits, by: divisor, count: count)
  }

  /// The most likely token, the first if there are several; `nil` if none may be sampled.
  func mostLikely() -> Int32? {
    let largest = LogitKernels.largest(logits.span.extracting(first: count))
    guard largest > -.infinity, let index = logits.firstIndex(of: largest) else { return nil }
    return isThinnedOut ? tokens[index] : Int32(index)
  }

  /// The logits of all tokens, −∞ for those that have been left out.
  func logitsOfAll() -> [Float] {
    guard isThinnedOut else { return logits }
    var all = [Float](repeating: -.infinity, count: logits.count)
    for index in 0..<count { all[Int(tokens[index])] = logits[index] }
    return all
  }

  // MARK: - Leaving tokens out

  /// Keeps the `k` largest logits, and all that equal the smallest of them.
  mutating func keepTop(_ k: Int) {
    guard k < count else { return keepPossible() }
    keep(atLeast: lowerBoundOfTop(k))
    guard k < count else { return }
    keep(atLeast: kthLargest(k, of: logits, count: count))
  }

  private mutating func kthLargest(_ k: Int, of values: [Float], count: Int) -> Float {
    selection.kthLargest(k, of: values.span.extracting(first: count))
  }

  /// A number that at least `k` logits reach, and not many more: each group whose maximum reaches
  /// it has at least one such logit.
  private mutating func lowerBoundOfTop(_ k: Int) -> Float {
    guard k <= count / LogitKernels.groupSize / 2 else { return -.infinity }
    let logits = logits
    let groups = LogitKernels.groupMaxima(&scratch, of: logits.span.extracting(first: count))
    guard k <= groups else { return -.infinity }
    return kthLargest(k, of: scratch, count: groups)
  }

  /// Keeps the most likely tokens that together reach `probability`, at least one (Holtzman and others
  /// 2020, nucleus sampling).
  ///
  /// Of equally likely tokens at the edge, those with higher ids are kept.
  mutating func keepNucleus(_ probability: Double) {
    normalize()
    guard count > 0 else { return }
    // The sum runs up from the least likely token, in single precision as in transformers.
    let removable = Float(1 - probability)
    let edge = edge(of: logits) { Float($0) > removable }
    var mass = edge.below
    let last = logits[..<count].lastIndex(of: edge.value).map { tokens[$0] }
    filter { _, logit, weight in
      if logit == edge.value { mass += Double(weight) }
      return logit > edge.value || (logit == edge.value && Float(mass) > removable)
    }
    if count == 0, let last { (tokens[0], logits[0], count) = (last, edge.value, 1) }
  }

  /// Keeps the tokens with at least `fraction` of the most likely token's probability (Nguyen and
  /// others 2024, min p).
  mutating func keep(ofAtLeast fraction: Double) {
    normalize()
    let limit = LogitKernels.largest(probabilities.span.extracting(first: count)) * Float(fraction)
    filter { _, _, probability in probability >= limit }
  }

  /// Keeps the tokens whose surprise is nearest to the entropy and that together reach `probability`,
  /// and all that are as near as the last of them (Meister and others 2022, locally typical sampling).
  mutating func keepTypical(_ probability: Double) {
    let logSumExp = normalize()
    guard count > 0 else { return }
    Self.measureDeviations(&scratch, of: logits, probabilities, count, logSumExp: logSumExp)
    let mass = Float(probability)
    let deviations = scratch
    let limit = edge(of: deviations) { Float($0) >= mass }.value
    filter { index, _, _ in deviations[index] <= limit }
  }

  /// How far the surprise of each token is from the expected one, the entropy.
  private static func measureDeviations(
    _ deviations: inout [Float], of logits: [Float], _ probabilities: [Float], _ count: Int,
    logSumExp: Float
  ) {
    var deviations = deviations.mutableSpan
    let logits = logits.span
    let probabilities = probabilities.span
    var entropy = 0.0
    for index in 0..<count {
      let surprise = logSumExp - logits[index]
      deviations[index] = surprise
      entropy += Double(surprise * probabilities[index])
    }
    let expected = Float(entropy)
    for index in 0..<count { deviations[index] = abs(deviations[index] - expected) }
  }

  /// Where the running sum of the probabilities, in ascending order of `values`, passes the bound.
  @inline(__always)
  private mutating func edge(
    of values: [Float], passes: (Double) -> Bool
  ) -> WeightedSelection.Edge {
    let probabilities = probabilities
    return selection.edge(
      of: values.span.extracting(first: count), weight: { Double(probabilities[$0]) },
      passes: passes)
  }

  /// Keeps the tokens that may be sampled at all.
  private mutating func keepPossible() { keep(atLeast: -.greatestFiniteMagnitude) }

  private mutating func keep(atLeast bound: Float) {
    // A logit of −∞ means that the token must not be sampled.
    count = LogitKernels.keep(
      &logits, &tokens, atLeast: max(bound, -.greatestFiniteMagnitude), count: count,
      hasTokens: isThinnedOut)
    isThinnedOut = true
  }

  /// Keeps the tokens for which `isKept` of index, logit and probability holds.
  @inline(__always)
  private mutating func filter(_ isKept: (Int, Float, Float) -> Bool) {
    count = Self.filter(&logits, &tokens, probabilities, count, isKept)
  }

  @inline(__always)
  private static func filter(
    _ logits: inout [Float], _ tokens: inout [Int32], _ probabilities: [Float], _ count: Int,
    _ isKept: (Int, Float, Float) -> Bool
  ) -> Int {
    var logits = logits.mutableSpan
    var tokens = tokens.mutableSpan
    let probabilities = probabilities.span
    var kept = 0
    for index in 0..<count {
      let logit = logits[index]
      let isKept = isKept(index, logit, probabilities[index])
      // Written unconditionally: the processor cannot predict which ones are kept.
      logits[kept] = logit
      tokens[kept] = tokens[index]
      kept += isKept ? 1 : 0
    }
    return kept
  }

  // MARK: - Probabilities

  /// Computes the probabilities of the remaining tokens and returns the logarithm of the sum of the
  /// exponentials.
  @discardableResult
  private mutating func normalize() -> Float {
    if !isThinnedOut { keepPossible() }
    let logits = logits
    let logSumExp = LogitKernels.softmax(
      &probabilities, of: logits.span.extracting(first: count))
    if count > 0 && !logSumExp.isFinite { hasOverflowed = true }
    return logSumExp
  }

  /// The token at which the running sum of the probabilities passes `unit`, from 0 to below 1; `nil`
  /// if no token is left or there are no probabilities.
  mutating func draw(_ unit: Double) -> Int32? {
    normalize()
    guard count > 0, !hasOverflowed else { return nil }
    return tokens[WeightedSelection.draw(probabilities.span.extracting(first: count), unit)]
  }
}
