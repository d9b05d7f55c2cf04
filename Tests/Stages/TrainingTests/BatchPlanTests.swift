import Testing
import Training

@Suite("BatchPlan")
struct BatchPlanTests {
  private func plan(
    blocks: Int, batch: Int, accumulation: Int = 1, seed: UInt64 = 42
  ) -> BatchPlan {
    var settings = TrainingSettings()
    settings.batchSize = batch
    settings.gradientAccumulationSteps = accumulation
    settings.seed = seed
    return BatchPlan(settings, blockCount: blocks)
  }

  @Test("the last batch of an epoch is smaller, and the next epoch starts again")
  func partialBatch() {
    let plan = plan(blocks: 10, batch: 4)
    #expect(plan.batchesPerEpoch == 3)
    #expect(plan.stepsPerEpoch == 3)
    #expect(
      (0..<5).map(plan.batches) == [[0..<4], [4..<8], [8..<10], [0..<4], [4..<8]])
  }

  @Test("the batches left over from accumulation are a smaller step of their own")
  func accumulationRemainder() {
    let plan = plan(blocks: 19, batch: 4, accumulation: 2)
    #expect(plan.batchesPerEpoch == 5)
    #expect(plan.stepsPerEpoch == 3)
    #expect(
      (0..<4).map(plan.batches)
        == [[0..<4, 4..<8], [8..<12, 12..<16], [16..<19], [0..<4, 4..<8]])
  }

  @Test("fewer blocks than a batch are one batch")
  func fewBlocks() {
    let plan = plan(blocks: 3, batch: 8, accumulation: 4)
    #expect(plan.stepsPerEpoch == 1)
    #expect(plan.batches(ofStep: 7) == [[0..<3]].flatMap { $0 })
  }

  @Test("every step of an epoch sees other blocks, all of them")
  func cover() {
    for (blocks, batch, accumulation) in [(1, 1, 1), (7, 2, 3), (64, 8, 1), (65, 8, 3)] {
      let plan = plan(blocks: blocks, batch: batch, accumulation: accumulation)
      let seen = (0..<plan.stepsPerEpoch).flatMap(plan.batches).flatMap { $0 }
      #expect(seen == Array(0..<blocks))
    }
  }

  @Test("steps of whole and broken epochs are rounded up")
  func steps() {
    let plan = plan(blocks: 10, batch: 4)
    #expect(plan.steps(epochs: 1) == 3)
    #expect(plan.steps(epochs: 10) == 30)
    #expect(plan.steps(epochs: 0.5) == 2)
    #expect(plan.steps(epochs: 1e-9) == 1)
  }

  @Test("the epoch is counted in batches")
  func epochs() {
    let plan = plan(blocks: 19, batch: 4, accumulation: 2)
    #expect((0...6).map(plan.epoch) == [0, 0.4, 0.8, 1, 1.4, 1.8, 2])
  }

  @Test("an order is a permutation, another in each epoch and for each seed")
  func order() {
    let plan = plan(blocks: 100, batch: 4)
    let orders = (0..<5).map(plan.order)
    for order in orders { #expect(order.sorted() == Array(0..<100)) }
    #expect(Set(orders).count == 5)
    #expect(self.plan(blocks: 100, batch: 4, seed: 43).order(epoch: 0) != orders[0])
    #expect(self.plan(blocks: 100, batch: 7).order(epoch: 3) == orders[3])
  }

  /// A training that is resumed by a later version of the program must see the same blocks.
  @Test("the order stays the same from version to version")
  func stable() {
    #expect(plan(blocks: 10, batch: 4).order(epoch: 0) == [7, 2, 8, 4, 6, 5, 3, 1, 9, 0])
    #expect(plan(blocks: 10, batch: 4).order(epoch: 1) == [0, 7, 1, 5, 3, 2, 8, 9, 4, 6])
  }

  @Test("the sequential order is that of the shards, in every epoch")
  func sequential() {
    var settings = TrainingSettings()
    settings.samplingStrategy = .sequential
    let plan = BatchPlan(settings, blockCount: 100)
    #expect((0..<3).map(plan.order) == Array(repeating: Array(0..<100), count: 3))
  }
}
