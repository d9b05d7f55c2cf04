import TensorKernels
import Testing

@Suite("ContentionDetector")
struct ContentionDetectorTests {
  private let start = ContinuousClock.now

  /// Measures loops of a millisecond, one after another, until the calling thread begins or ceases to
  /// work alone, and returns how many, at most `limit`.
  ///
  /// `time` is in milliseconds after the start.
  private func loops(
    _ contention: inout ContentionDetector, processors: Double, from time: inout Int,
    limit: Int = 1000
  ) -> Int {
    let wasAlone = contention.isAlone
    for loop in 1...limit {
      time += 1
      contention.measured(
        ProcessorUse(elapsed: .milliseconds(1), processorTime: .milliseconds(1) * processors),
        at: start + .milliseconds(time))
      if contention.isAlone != wasAlone { return loop }
    }
    return limit
  }

  @Test("begins when several threads together do no more than one, and is short at first")
  func useless() {
    var (contention, time) = (ContentionDetector(), 0)
    let together = loops(&contention, processors: 0.6, from: &time)
    let alone = loops(&contention, processors: 1, from: &time)
    #expect(together == 8 && alone == 8)
  }

  @Test("does not begin while they do more", arguments: [1.3, 2, 16])
  func useful(processors: Double) {
    var (contention, time) = (ContentionDetector(), 0)
    #expect(loops(&contention, processors: processors, from: &time) == 1000)
  }

  @Test("does not begin because of one wait among many loops")
  func disturbed() {
    var (contention, time) = (ContentionDetector(), 0)
    _ = loops(&contention, processors: 16, from: &time, limit: 4)
    #expect(loops(&contention, processors: 0.1, from: &time, limit: 4) == 4)
    #expect(!contention.isAlone)
  }

  @Test("lasts longer whenever another attempt fails, up to a bound; after a success it is short")
  func repeated() {
    var (contention, time) = (ContentionDetector(), 0)
    var lengths: [Int] = []
    func measure() {
      _ = loops(&contention, processors: 0.6, from: &time)
      lengths.append(loops(&contention, processors: 1, from: &time))
    }
    for _ in 0..<5 { measure() }
    _ = loops(&contention, processors: 2, from: &time, limit: 8)
    measure()
    #expect(lengths == [8, 32, 128, 512, 512, 8])
  }

  @Test("ends where one thread gets less than several, and is tried again much later")
  func crowded() {
    var (contention, time) = (ContentionDetector(), 0)
    _ = loops(&contention, processors: 1, from: &time)
    _ = loops(&contention, processors: 0.5, from: &time)
    let together = loops(&contention, processors: 1, from: &time)
    #expect(together > 200 && together < 1000)
  }
}
