import CommandLineSupport
import Testing
import TextSupport

@Suite("Progress")
struct ProgressTests {
  @Test(
    "shows bytes in powers of ten",
    arguments: [
      (0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (1549, "1.5 kB"), (99_949, "99.9 kB"),
      (99_950, "100 kB"), (999_499, "999 kB"), (999_500, "1.0 MB"), (2.5e9, "2.5 GB"),
      (3e15, "3000 TB"),
    ])
  func bytes(_ count: Double, _ text: String) {
    #expect(NumberText.bytes(count) == text)
  }

  @Test(
    "groups the digits of counts",
    arguments: [
      (0, "0"), (2.5, "2.5"), (9.96, "10.0"), (12.3, "12"), (999.5, "1,000"), (12345, "12,345"),
      (1_234_567, "1,234,567"), (-123, "-123"), (-1234, "-1,234"), (.infinity, "inf"),
      (1e18, "1e+18"),
    ])
  func counts(_ count: Double, _ text: String) {
    #expect(NumberText.count(count) == text)
  }

  @Test(
    "shows times in suitable units",
    arguments: [
      (0, "0 s"), (59.4, "59 s"), (59.5, "1 min 00 s"), (130, "2 min 10 s"),
      (3599.6, "1 h 00 min"), (11_100, "3 h 05 min"), (.infinity, "unknown time"),
      (.nan, "unknown time"),
    ])
  func times(_ seconds: Double, _ text: String) {
    #expect(NumberText.duration(seconds) == text)
  }

  @Test(
    "writes decimals without an exponent, rounded half away from zero",
    arguments: [
      (1.25, 1, "1.3"), (-1.25, 1, "-1.3"), (0.05, 1, "0.1"), (-0.01, 1, "0.0"), (3, 2, "3.00"),
      (1.005, 0, "1"), (.nan, 1, "nan"),
    ])
  func decimals(_ value: Double, _ digits: Int, _ text: String) {
    #expect(NumberText.decimal(value, digits: digits) == text)
  }

  @Test("shows fraction, amount, rate, remaining time and a detail")
  func text() {
    let progress = Progress("reading", total: 4_000_000, unit: .bytes)
    #expect(
      progress.text(1_160_000, elapsed: 2, detail: "a], b", isInteractive: false)
        == "reading 29%, 1.2 MB of 4.0 MB, 5 s left, a], b, 580 kB/s")
    #expect(
      progress.text(4_000_000, elapsed: 2, detail: "", isInteractive: true)
        == "reading [██████████] 100%, 4.0 MB of 4.0 MB, 2.0 MB/s")
    #expect(
      progress.text(0, elapsed: 2, detail: "", isInteractive: true)
        == "reading [··········] 0%, 0 B of 4.0 MB")
  }

  @Test("shows what it can if the total is unknown, and leaves an earlier run out of the rate")
  func withoutTotal() {
    let endless = Progress("reading", total: nil, unit: .items("posts"))
    #expect(
      endless.text(3000, elapsed: 4, detail: "", isInteractive: true)
        == "reading 3,000 posts, 750 posts/s")
    let resumed = Progress("step", total: 100, unit: .items("steps"), initial: 90)
    #expect(
      resumed.text(95, elapsed: 10, detail: "", isInteractive: false)
        == "step 95%, 95 of 100 steps, 10 s left, 0.5 steps/s")
  }

  @Test("the loss of a long training and the time left are within 80 columns")
  func columns() throws {
    let training = Progress("training", total: 24_000, unit: .items("steps"))
    let text = training.text(
      12_345, elapsed: 50_000, detail: "loss 3.142, 1,234 tokens/s", isInteractive: true)
    let shown = text.prefix(79)
    #expect(shown.contains("13 h 06 min left, loss 3.142"), "\(shown)")
  }

  @Test("limits a fraction above the whole to it")
  func beyondTotal() {
    let progress = Progress("reading", total: 10, unit: .items("posts"))
    #expect(
      progress.text(12, elapsed: 0, detail: "", isInteractive: false)
        == "reading 100%, 12 of 10 posts")
  }
}
