import TensorKernels
import Testing

@Suite("Solitude")
struct SolitudeTests {
  private let start = ContinuousClock.now

  /// A wait of `milliseconds` that begins `begin` milliseconds after the start, in which the other
  /// threads use `used` milliseconds of processor time.
  private func wait(
    _ solitude: inout Solitude, at begin: Int, milliseconds: Int, used: Int = 0
  ) {
    let wait = Solitude.Wait(start: start + .milliseconds(begin), processorTime: .seconds(7))
    solitude.waited(
      wait, until: start + .milliseconds(begin + milliseconds),
      processorTime: .seconds(7) + .milliseconds(used))
  }

  /// Whether the calling thread works alone then.
  private func lasts(_ solitude: inout Solitude, at milliseconds: Int) -> Bool {
    solitude.lasts(at: start + .milliseconds(milliseconds))
  }

  @Test("follows a wait for threads without a processor, for as long as the wait")
  func once() {
    var solitude = Solitude()
    let before = lasts(&solitude, at: 99)
    wait(&solitude, at: 100, milliseconds: 4)
    let during = [104, 105, 107].map { lasts(&solitude, at: $0) }
    let after = [108, 109].map { lasts(&solitude, at: $0) }
    #expect(!before && during == [true, true, true] && after == [false, false])
  }

  @Test("does not follow a wait for threads that work, or a short one")
  func working() {
    var solitude = Solitude()
    wait(&solitude, at: 100, milliseconds: 4, used: 3)
    let afterWork = lasts(&solitude, at: 104)
    wait(&solitude, at: 110, milliseconds: 0)
    let afterNothing = lasts(&solitude, at: 110)
    #expect(!afterWork && !afterNothing)
  }

  @Test("lasts longer each time a wait soon follows it, up to a bound, and then begins small again")
  func repeated() {
    var solitude = Solitude()
    var (time, lengths) = (1000, [Int]())
    func measure() {
      wait(&solitude, at: time, milliseconds: 3)
      time += 3
      let begin = time
      while lasts(&solitude, at: time) { time += 1 }
      lengths.append(time - begin)
    }
    for _ in 0..<10 {
      measure()
      time += 3
    }
    time += 1000
    measure()
    #expect(lengths == [3, 6, 12, 24, 48, 96, 192, 192, 192, 192, 3])
  }
}
