import PostFormat
import TelegramSources
import TestSupport
import Testing

@Suite("LocalZone")
struct LocalZoneTests {
  /// The date in UTC when the clocks of `zone` show `text`.
  private func date(_ text: String, in zone: String) throws -> String? {
    let dump = try Dump(
      channel(#"{"id": 1, "date": "\#(text)", "text": "x"}"#), zone: zone)
    return dump.posts.first.map { DateText.text($0.date) }
  }

  private func problem(_ zone: String) -> String? {
    let error = #expect(throws: LocalZone.Problem.self) { try LocalZone(zone) }
    return error?.description
  }

  @Test(
    "is an offset as people write it",
    arguments: [
      ("+3", 3.0), ("+03", 3), ("+0300", 3), ("+03:00", 3), ("+3:00", 3), ("UTC+3", 3),
      ("UTC +03:00", 3), ("utc+3", 3), ("GMT-5", -5), ("-5", -5), ("−5", -5), ("+5:30", 5.5),
      ("-0330", -3.5), ("+14", 14), ("Z", 0), ("z", 0), ("UTC", 0), ("GMT", 0), ("+0", 0),
    ])
  func offsets(_ text: String, _ hours: Double) throws {
    #expect(try LocalZone(text) == LocalZone(offset: Int(hours * 3600)))
  }

  @Test(
    "of a name has the offset of each date",
    arguments: [
      ("Europe/Moscow", "2010-07-01T12:00:00", "2010-07-01T08:00:00Z"),
      ("Europe/Moscow", "2013-12-01T12:00:00", "2013-12-01T08:00:00Z"),
      ("europe/moscow", "2015-07-01T12:00:00", "2015-07-01T09:00:00Z"),
      ("MSK", "2013-12-01T12:00:00", "2013-12-01T08:00:00Z"),
      ("МСК", "2015-07-01T12:00:00", "2015-07-01T09:00:00Z"),
      ("мск", "2045-07-01T12:00:00", "2045-07-01T09:00:00Z"),
      ("MSK+4", "2020-07-01T12:00:00", "2020-07-01T05:00:00Z"),
      ("МСК-1", "2020-07-01T12:00:00", "2020-07-01T10:00:00Z"),
      ("America/New_York", "2020-07-01T12:00:00", "2020-07-01T16:00:00Z"),
      ("America/New_York", "2020-12-01T12:00:00", "2020-12-01T17:00:00Z"),
      ("America/New_York", "2060-07-01T12:00:00", "2060-07-01T16:00:00Z"),
      ("Etc/GMT+5", "2020-07-01T12:00:00", "2020-07-01T17:00:00Z"),
    ])
  func names(_ zone: String, _ local: String, _ utc: String) throws {
    #expect(try date(local, in: zone) == utc)
  }

  @Test("takes the first of two equal times, and the later of those that are skipped")
  func changes() throws {
    // Clocks went back from 3:00 to 2:00, and forward from 2:00 to 3:00.
    #expect(try date("2020-10-25T02:30:00", in: "Europe/Berlin") == "2020-10-25T00:30:00Z")
    #expect(try date("2020-10-25T03:00:00", in: "Europe/Berlin") == "2020-10-25T02:00:00Z")
    #expect(try date("2020-03-29T01:59:59", in: "Europe/Berlin") == "2020-03-29T00:59:59Z")
    #expect(try date("2020-03-29T03:00:00", in: "Europe/Berlin") == "2020-03-29T01:00:00Z")
  }

  @Test("is the same in a page as in JSON")
  func pages() throws {
    var options = SourceOptions()
    options.zone = try LocalZone("MSK")
    let page = htmlPage(htmlMessage(1, htmlText("x"), date: "01.12.2013 12:00:00"))
    let posts = try Dump(pages: [page], options).posts
    #expect(posts.map { DateText.text($0.date) } == ["2013-12-01T08:00:00Z"])
  }

  @Test(
    "is refused if its name has several meanings, with names for these",
    arguments: [("CST", "America/Chicago"), ("IST", "Asia/Kolkata"), ("est", "America/New_York")])
  func ambiguous(_ name: String, _ meaning: String) {
    let problem = problem(name)
    #expect(problem?.hasPrefix("\(name) can mean several zones; name one: \(meaning), ") == true)
  }

  @Test(
    "is refused if it is not one",
    arguments: [
      "", "3", "+25", "+3:5", "+3:60", "+12345", "++3", "XYZ", "../etc", "Europe", "/etc",
    ])
  func unknown(_ name: String) {
    #expect(problem(name) == "'\(name)' is not a time zone; expected \(LocalZone.accepted)")
  }

  @Test("is suggested for the name of a city")
  func cities() {
    #expect(problem("Moscow")?.hasSuffix("; did you mean Europe/Moscow?") == true)
  }
}
