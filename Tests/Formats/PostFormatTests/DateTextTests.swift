import Foundation
import PostFormat
import Testing

@Suite("DateText")
struct DateTextTests {
  @Test(
    "turns seconds into text and back",
    arguments: [
      (0, "1970-01-01T00:00:00Z"),
      (1_456_822_800, "2016-03-01T09:00:00Z"),
      (951_782_400, "2000-02-29T00:00:00Z"),
      (-1, "1969-12-31T23:59:59Z"),
      (4_107_542_399, "2100-02-28T23:59:59Z"),
      (4_107_542_400, "2100-03-01T00:00:00Z"),
      (-62_167_219_200, "0000-01-01T00:00:00Z"),
      (253_402_300_799, "9999-12-31T23:59:59Z"),
    ])
  func bothWays(_ seconds: Int, _ text: String) {
    #expect(DateText.text(seconds) == text)
    #expect(DateText.seconds(text) == seconds)
  }

  @Test("agrees with the calendar of Foundation on every day of five centuries")
  func calendar() throws {
    var calendar = Calendar(identifier: .gregorian)
    calendar.timeZone = try #require(TimeZone(secondsFromGMT: 0))
    let first = try #require(DateText.seconds("1800-01-01T12:34:56Z"))
    for day in 0..<183_000 {
      let seconds = first + day * 86_400
      let text = DateText.text(seconds)
      #expect(DateText.seconds(text) == seconds)
      // Foundation is slow: it is asked for one day in eleven, which meets every day of the year.
      guard day % 11 == 0 else { continue }
      let parts = calendar.dateComponents(
        [.year, .month, .day], from: Date(timeIntervalSince1970: Double(seconds)))
      let expected = String(
        format: "%04d-%02d-%02dT12:34:56Z", parts.year ?? 0, parts.month ?? 0, parts.day ?? 0)
      #expect(text == expected)
    }
  }

  @Test(
    "reads zones, fractions, lowercase letters and a space",
    arguments: [
      "2016-03-01T12:00:00+03:00", "2016-03-01t09:00:00z", "2016-03-01 04:00:00-0500",
      "2016-03-01T09:00:00.123456Z", "2016-02-29T23:30:00-09:30", "2016-03-01T08:59:60Z",
    ])
  func forms(_ text: String) {
    #expect(DateText.seconds(text) == 1_456_822_800)
  }

  @Test(
    "refuses what is not a date",
    arguments: [
      "", "2016-03-01", "2016-03-01T09:00Z", "2016-02-30T09:00:00Z", "2015-02-29T09:00:00Z",
      "2016-13-01T09:00:00Z", "2016-00-01T09:00:00Z", "2016-03-00T09:00:00Z",
      "2016-03-01T24:00:00Z", "2016-03-01T09:60:00Z", "2016-03-01T09:00:61Z",
      "2016-03-01T09:00:00.Z", "2016-03-01T09:00:00+3", "2016-03-01T09:00:00Z ",
      "2016-03-01T09:00:00+24:00", "0000-01-01T00:00:00+03:00", "9999-12-31T23:59:59-03:00",
      "1900-02-29T00:00:00Z", "1456822800", "2016-03-01T09:00:00",
    ])
  func refusals(_ text: String) {
    #expect(DateText.seconds(text) == nil)
  }

  @Test("takes a date without a zone to be that far ahead of UTC, one with a zone as it is")
  func offsets() {
    #expect(DateText.seconds("2016-03-01T12:00:00", offset: 10_800) == 1_456_822_800)
    #expect(DateText.seconds("2016-03-01T09:00:00Z", offset: 10_800) == 1_456_822_800)
  }
}
