import CommandLineSupport
import Glibc
import Testing

@Suite("A time on the command line")
struct LocalTimeTests {
  /// The parts of a time in the local time zone.
  private func parts(_ seconds: Int) -> [Int32] {
    var (seconds, local) = (seconds, tm())
    localtime_r(&seconds, &local)
    return [
      local.tm_year + 1900, local.tm_mon + 1, local.tm_mday, local.tm_hour, local.tm_min,
      local.tm_sec,
    ]
  }

  @Test("without a date is the next such time", arguments: ["07:30", "7:30"])
  func timeOfDay(_ text: String) throws {
    let time = try #require(LocalTime(argument: text))
    // In the middle of January no country changes its clocks.
    let noon = try #require(LocalTime(argument: "2026-01-15T12:00")).seconds(after: 0)
    #expect(parts(time.seconds(after: noon)) == [2026, 1, 16, 7, 30, 0])
    let early = noon - 12 * 3600
    #expect(parts(time.seconds(after: early)) == [2026, 1, 15, 7, 30, 0])
    // At the time itself it is the next one.
    let exact = time.seconds(after: early)
    #expect(time.seconds(after: exact) == exact + 24 * 3600)
    #expect(time.seconds(after: exact - 1) == exact)
  }

  @Test("with a date is that moment, even if it has passed")
  func date() throws {
    let time = try #require(LocalTime(argument: "2026-12-01T07:30"))
    #expect(parts(time.seconds(after: 0)) == [2026, 12, 1, 7, 30, 0])
    #expect(time.seconds(after: 1 << 40) == time.seconds(after: 0))
    #expect(time.argumentText == "2026-12-01T07:30")
  }

  @Test(
    "is refused if there is no such time",
    arguments: [
      "", "24:00", "07:60", "7", "07:30:00", "7.30", "-1:30", "2026-02-29T07:30",
      "2026-13-01T07:30",
      "2026-00-01T07:30", "2026-12-01 07:30", "2026-12-01T", "26-12-01T07:30",
    ])
  func refused(_ text: String) {
    #expect(LocalTime(argument: text) == nil)
  }
}
