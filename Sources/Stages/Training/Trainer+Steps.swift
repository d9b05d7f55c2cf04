import CheckpointFormat
import Communication
import FileSupport
import GPT2
import TensorKernels

/// A step: gradients, their sum over all processes, clipping, AdamW.
extension Trainer {
  func step() throws -> (loss: Double, tokens: Int, learningRate: Double) {
    let step = state.globalStep
    let batches = BatchesOfStep(
      plan.batches(ofStep: step), settings.gradientAccumulationSteps, communicator)
    let targetCount = batches.blockCount * (settings.blockSize - 1)
    let losses = computeGradients(batches)
    let loss =
      communicator.gather(losses).joined().prefix(batches.all.count).reduce(0, +)
      / Double(targetCount)
    // Towards the end of an epoch a process may have no batches.
    let takesPart = !takesLocalSteps || !batches.own.isEmpty
    let ownNorm = takesPart ? moments.norm(of: pass.gradients, model.threadPool) : 0
    let norm =
      takesLocalSteps
      ? communicator.gather([ownNorm]).reduce(0) { $0 + $1[0] } / Double(batches.contributors)
      : ownNorm
    guard loss.isFinite, norm.isFinite else {
      throw communicator.shared(
        InputError(
          folder.path,
          "step \(step + 1): the loss or its gradient is no longer finite; try a lower "
            + "--learning-rate or more --warmup-steps"))
    }
    let learningRate =
      settings.learningRate
      * (timeline?.plan.factor(step: step, settings.schedule)
        ?? settings.schedule.factor(step: step, warmupSteps: warmupSteps, total: totalSteps))
    if takesPart { update(learningRate: learningRate, gradientNorm: ownNorm) }
    state.globalStep += 1
    if state.globalStep == settings.wholeRounds(state.globalStep) { averageWeights() }
    record(
      loss: loss, gradientNorm: norm, learningRate: learningRate,
      tokens: batches.blockCount * settings.blockSize)
    return (loss, targetCount, learningRate)
  }

  /// The batches of a step, as ranges of the blocks of an epoch, and how the processes share them.
  private struct BatchesOfStep {
    let all: [Range<Int>]
    /// How many each process computes, one after another; the last ones may have fewer.
    let ownCount: Int
    /// Those of this process, with their indices among all.
    let own: ArraySlice<(offset: Int, element: Range<Int>)>

    init(_ batches: [Range<Int>], _ accumulationSteps: Int, _ communicator: Communicator) {
      all = batches
      ownCount = accumulationSteps / communicator.size
      own = Array(batches.enumerated()).dropFirst(communicator.rank * ownCount).prefix(ownCount)
    }

    var blockCount: Int { all.reduce(0) { $0 + $1.count } }
    var ownBlockCount: Int { own.reduce(0) { $0 + $1.element.count } }
    /// How many processes have any.
    var contributors: Int { all.count.dividedRoundingUp(by: ownCount) }
  }

  /// Computes the gradients of the batches of this process and sums them over all processes, unless each
  /// takes steps of its own; returns the losses of its batches, 0 for those that are missing.
  private func computeGradients(_ batches: BatchesOfStep) -> [Double] {
    let (step, own) = (state.globalStep, batches.own)
    let blocks = blocks(ofEpoch: step / plan.stepsPerEpoch)
    let summedBlocks = takesLocalSteps ? batches.ownBlockCount : batches.blockCount
    let targetCount = summedBlocks * (settings.blockSize - 1)
    var losses = [Double](repeating: 0, count: batches.ownCount)
    var sum: BackgroundSum?
    for (number, (index, range)) in own.enumerated() {
      let batch = Batch(range.lazy.map(blocks.tokens))
      // What is complete of the sum of the last batch is exchanged while the rest is computed.
      if batches.all.count == batches.ownCount * communicator.size, number == batches.ownCount - 1,
        gradientTree == nil, communicator.size > 1, !takesLocalSteps
      {
        sum = BackgroundSum(
          communicator, pass.gradients.floats.buffer,
          partsOf: moments.isShared ? moments.division : nil)
        pass.onGradientsComplete = sum?.extend
      }
      let passIndex = step * settings.gradientAccumulationSteps + index
      losses[number] = pass.lossAndGradients(
        inputs: batch.inputs, targets: batch.targets, gradientScale: 1 / Float(targetCount),
        dropoutSeed: .init(
          seed: settings.seed, pass: UInt32(truncatingIfNeeded: passIndex)),
        accumulating: number > 0 && gradientTree == nil)
      gradientTree?.add(pass.gradients, index: number, isLast: number == own.count - 1)
    }
    pass.onGradientsComplete = nil
    if takesLocalSteps {
      // Each process uses its own.
    } else if let sum {
      sum.finish()
    } else if moments.isShared {
      communicator.sumParts(
        of: pass.gradients.floats.buffer, moments.division, contributors: batches.contributors)
    } else {
      communicator.sum(pass.gradients.floats.buffer, contributors: batches.contributors)
    }
    return losses
  }

  /// Notes the result of the last step in the state, and in the log if it is due.
  private func record(loss: Double, gradientNorm: Double, learningRate: Double, tokens: Int) {
    state.epoch = plan.epoch(after: state.globalStep)
    state.inputTokensSeen += tokens
    state.floatingPointOperations += Double(6 * tokens * model.parameterCountWithoutEmbeddings)
    state.lossSum += loss
    state.unloggedLossSum += loss
    state.unloggedSteps += 1
    guard isLogDue else { return }
    state.log.append(
      entry([
        "loss": state.unloggedLossSum / Double(state.unloggedSteps),
        "learning_rate": learningRate, "grad_norm": gradientNorm,
      ]))
    (state.unloggedLossSum, state.unloggedSteps) = (0, 0)
  }

  // MARK: - Steps of the processes' own

  /// Whether each process takes steps of its own, after some of which the weights are averaged.
  private var takesLocalSteps: Bool { settings.localSteps != nil && communicator.size > 1 }

  /// Whether all processes have the same weights.
  var isAveraged: Bool { !takesLocalSteps || averagedStep == state.globalStep }

  /// Takes steps until all processes have the same weights, if they do not; at the end of the run it takes
  /// no more.
  func completeRound() throws {
    while !isAveraged {
      if state.isFinished { averageWeights() } else { _ = try step() }
    }
  }

  /// Gives all processes the mean of their weights and that of their moments.
  ///
  /// If each kept its own moments, as in DiLoCo, a checkpoint would need those of all. In bfloat16, with
  /// an error of at most 1/256, the two take as much of the network as the weights.
  private func averageWeights() {
    guard takesLocalSteps else { return }
    for (arena, inBFloat16) in [
      (model.trainable.floats, false), (moments.first, true), (moments.second, true),
    ] {
      communicator.sumsInBFloat16 = inBFloat16
      communicator.sum(arena.floats.buffer, contributors: communicator.size)
      let fraction = 1 / Float(communicator.size)
      model.threadPool.split(arena.count, minimum: 8192) { range, _ in
        for index in range { arena.floats[index] *= fraction }
      }
    }
    communicator.sumsInBFloat16 = false
    model.updateBFloat16Weights()
    averagedStep = state.globalStep
  }

  private func update(learningRate: Double, gradientNorm: Double) {
    let limit = settings.maximumGradientNorm
    let step = AdamWStep(
      index: state.globalStep + 1, learningRate: learningRate, beta1: settings.adamBeta1,
      beta2: settings.adamBeta2, epsilon: settings.adamEpsilon,
      gradientScale: limit > 0 ? min(1, limit / (gradientNorm + 1e-6)) : 1)
    let trainable = model.trainable
    for parameter in trainable.parameters {
      for (range, kept) in moments.parts(in: parameter.range) {
        model.threadPool.adamW(
          trainable.floats[range], gradient: pass.gradients[range],
          firstMoment: moments.first[kept], secondMoment: moments.second[kept],
          bfloat16Weights: moments.isShared ? nil : trainable.bfloat16Weights(range), step,
          weightDecay: parameter.decays ? settings.weightDecay : 0)
      }
    }
    guard moments.isShared else { return }
    communicator.gatherParts(of: trainable.floats.floats.buffer, moments.division)
    model.updateBFloat16Weights()
  }
}
