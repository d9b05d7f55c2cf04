import Testing
import Training

@Suite("SampleSchedule")
struct SampleScheduleTests {
  private func schedule(
    trained: Int, validations: Int = 20, batch: Int = 30, post: Int = 60
  ) -> SampleSchedule {
    SampleSchedule(
      fitting: .init(
        validations: validations, trainedTokens: trained, postLength: post, maximumLength: 128,
        batchSize: batch))
  }

  @Test("a long run has 64 texts at each validation, a short one fewer, and then not at each")
  func fitting() {
    #expect(schedule(trained: 100_000_000) == SampleSchedule(count: 64))
    var (counts, intervals): ([Int], [Int]) = ([], [])
    for size in [20_000_000, 8_000_000, 4_000_000, 2_500_000, 2_200_000, 1_000_000, 250_000] {
      counts.append(schedule(trained: size).count)
      intervals.append(schedule(trained: size).interval)
    }
    #expect(counts == counts.sorted(by: >) && Set(counts).count > 3 && counts.last == 4)
    #expect(intervals == intervals.sorted() && intervals.first == 1 && intervals.last ?? 0 > 4)
  }

  @Test("never costs more than a hundredth of the run", arguments: [1, 7, 20, 900])
  func bound(validations: Int) {
    for trained in [10_000, 300_000, 5_000_000, 90_000_000] {
      let schedule = schedule(trained: trained, validations: validations)
      // For each text the prompt and its tokens, and for 30 at a time twice 60 steps.
      let rounds = (schedule.count + 29) / 30
      let cost = 4 * (schedule.count + rounds * 120) + schedule.count * 60
      #expect(validations / schedule.interval * cost <= trained / 100)
    }
  }

  @Test("less memory, longer texts and more validations mean fewer texts")
  func sizes() {
    let size = 12_000_000
    let usual = schedule(trained: size).count
    #expect(schedule(trained: size, batch: 1).count < usual)
    #expect(schedule(trained: size, post: 200).count < usual)
    #expect(schedule(trained: size, validations: 100).count < usual)
    let merged = SampleSchedule(
      fitting: .init(
        validations: 20, trainedTokens: 250_000, postLength: 60, maximumLength: 128, batchSize: 30,
        merges: true))
    #expect(merged.count == 4 && merged.interval > schedule(trained: 250_000).interval)
    // Posts longer than a text may be count as long as that.
    #expect(schedule(trained: size, post: 5000) == schedule(trained: size, post: 128))
  }
}
