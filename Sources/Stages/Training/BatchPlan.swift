import TensorKernels

/// Which blocks each step of a training run sees.
///
/// Everything follows from the seed and the index of the step, so a resumed run needs no other
/// state.
package struct BatchPlan {
  let blockCount: Int
  let batchSize: Int
  let accumulation: Int
  let seed: UInt64
  let samplingStrategy: SamplingStrategy

  package init(_ settings: TrainingSettings, blockCount: Int) {
    self.blockCount = blockCount
    batchSize = settings.batchSize
    accumulation = settings.gradientAccumulationSteps
    seed = settings.seed
    samplingStrategy = settings.samplingStrategy
  }

  /// The number of batches in an epoch; the last may be smaller.
  package var batchesPerEpoch: Int { blockCount.dividedRoundingUp(by: batchSize) }

  /// The number of steps in an epoch; the last may have fewer batches.
  package var stepsPerEpoch: Int { batchesPerEpoch.dividedRoundingUp(by: accumulation) }

  /// The number of steps in `epochs` epochs, a trillion at most.
  package func steps(epochs: Double) -> Int {
    max(1, Int(min(1e12, epochs * Double(stepsPerEpoch)).rounded(.up)))
  }

  /// How many epochs are complete after `step` steps.
  package func epoch(after step: Int) -> Double {
    let (whole, rest) = step.quotientAndRemainder(dividingBy: stepsPerEpoch)
    return Double(whole)
      + Double(min(rest * accumulation, batchesPerEpoch)) / Double(batchesPerEpoch)
  }

  /// The positions in the epoch's order of the blocks of each batch of step `step`, counted from 0.
  package func batches(ofStep step: Int) -> [Range<Int>] {
    let first = step % stepsPerEpoch * accumulation
    return (first..<min(first + accumulation, batchesPerEpoch)).map {
      $0 * batchSize..<min(($0 + 1) * batchSize, blockCount)
    }
  }

  /// The order in which epoch `epoch` goes through the blocks.
  package func order(epoch: Int) -> [Int] {
    guard samplingStrategy == .random else { return Array(0..<blockCount) }
    var generator = PhiloxGenerator(seed: seed, .blockOrder, stream: epoch)
    return (0..<blockCount).shuffled(using: &generator)
  }
}
