import CheckpointFormat
import Communication
import FileSupport
import GPT2
import TensorKernels

/// A step: gradients, their sum over all processes, clipping, AdamW.
extension Trainer {
  func step() throws -> (loss: Double, tokens: Int, learningRate: Double) {
    let step = state.globalStep
    let blocks = blocks(ofEpoch: step / plan.stepsPerEpoch)
    let ranges = plan.batches(ofStep: step)
    let blockCount = ranges.reduce(0) { $0 + $1.count }
    let targetCount = blockCount * (settings.blockSize - 1)
    // Each process computes as many batches, one after another.
    let ownCount = settings.gradientAccumulationSteps / communicator.size
    let own = ranges.enumerated().dropFirst(communicator.rank * ownCount).prefix(ownCount)
    var losses = [Double](repeating: 0, count: ownCount)
    var sum: BackgroundSum?
    for (number, (index, range)) in own.enumerated() {
      let batch = Batch(range.lazy.map(blocks.tokens))
      // What is complete of the sum of the last batch is exchanged while the rest is computed.
      if ranges.count == ownCount * communicator.size, number == ownCount - 1, gradientTree == nil,
        communicator.size > 1
      {
        sum = BackgroundSum(
          communicator, pass.gradients.floats.buffer,
          partsOf: moments.isShared ? moments.division : nil)
        pass.reportsGradients = sum?.extend
      }
      let passIndex = step * settings.gradientAccumulationSteps + index
      losses[number] = pass.lossAndGradients(
        inputs: batch.inputs, targets: batch.targets, gradientScale: 1 / Float(targetCount),
        dropoutSeed: .init(
          seed: settings.seed, pass: UInt32(truncatingIfNeeded: passIndex)),
        accumulating: number > 0 && gradientTree == nil)
      gradientTree?.add(pass.gradients, index: number, isLast: number == own.count - 1)
    }
    pass.reportsGradients = nil
    let contributors = (ranges.count + ownCount - 1) / ownCount
    if let sum {
      sum.finish()
    } else if moments.isShared {
      communicator.sumParts(
        of: pass.gradients.floats.buffer, moments.division, contributors: contributors)
    } else {
      communicator.sum(pass.gradients.floats.buffer, contributors: contributors)
    }
    let loss =
      communicator.gather(losses).joined().prefix(ranges.count).reduce(0, +) / Double(targetCount)
    let norm = moments.norm(of: pass.gradients, model.threadPool)
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
    update(learningRate: learningRate, gradientNorm: norm)
    state.globalStep += 1
    state.epoch = plan.epoch(after: state.globalStep)
    let tokens = blockCount * settings.blockSize
    state.inputTokensSeen += tokens
    state.floatingPointOperations += Double(6 * tokens * model.parameterCountWithoutEmbeddings)
    state.lossSum += loss
    state.unloggedLossSum += loss
    state.unloggedSteps += 1
    if isLogDue {
      state.log.append(
        entry([
          "loss": state.unloggedLossSum / Double(state.unloggedSteps),
          "learning_rate": learningRate, "grad_norm": norm,
        ]))
      (state.unloggedLossSum, state.unloggedSteps) = (0, 0)
    }
    return (loss, targetCount, learningRate)
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
