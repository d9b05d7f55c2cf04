import PostFormat

/// The rule that a zone follows from its last known change on, as POSIX writes it:
/// `EST5EDT,M3.2.0,M11.1.0`.
struct ZoneRule {
  private let standard: Int
  private let summer: (offset: Int, start: Day, end: Day)?

  /// The `day` (0: Sunday) of the `week` (5: the last) of a month, and the second of that day.
  private struct Day {
    let month: Int
    let week: Int
    let day: Int
    let second: Int
  }

  /// Reads a rule; `nil` if it is of another form, which no zone of today needs.
  init?(_ text: String) {
    var scanner = Scanner(rest: text[...])
    guard scanner.skipName(), let standard = scanner.time() else { return nil }
    // POSIX counts westwards.
    self.standard = -standard
    guard !scanner.rest.isEmpty else {
      summer = nil
      return
    }
    guard scanner.skipName() else { return nil }
    let offset = scanner.rest.first == "," ? -standard + 3600 : scanner.time().map { -$0 }
    guard let offset, let start = scanner.day(), let end = scanner.day(), scanner.rest.isEmpty
    else { return nil }
    summer = (offset, start, end)
  }

  /// The changes after `time`, up to a year that is far off.
  func changes(after time: Int) -> [ZoneChange] {
    guard let summer else { return [] }
    var changes: [ZoneChange] = []
    for year in 1970...2100 {
      changes.append(
        ZoneChange(time: Self.seconds(of: summer.start, year) - standard, offset: summer.offset))
      changes.append(
        ZoneChange(time: Self.seconds(of: summer.end, year) - summer.offset, offset: standard))
    }
    return changes.filter { $0.time > time }.sorted { $0.time < $1.time }
  }

  /// When clocks show the time of `day` in `year`, counted as if they showed UTC.
  private static func seconds(of day: Day, _ year: Int) -> Int {
    func firstDay(_ month: Int) -> Int {
      let (year, month) = month > 12 ? (year + 1, 1) : (year, month)
      let text = "\(year)-\(month < 10 ? "0" : "")\(month)-01T00:00:00Z"
      return (DateText.seconds(text) ?? 0) / 86_400
    }
    let first = firstDay(day.month)
    // 1970 began on a Thursday.
    let weekday = (first + 4) % 7
    var date = first + (day.day - weekday + 7) % 7 + (day.week - 1) * 7
    if date >= firstDay(day.month + 1) { date -= 7 }
    return date * 86_400 + day.second
  }

  private struct Scanner {
    var rest: Substring

    /// Reads an abbreviation: letters, or anything in angle brackets.
    mutating func skipName() -> Bool {
      if rest.first == "<" {
        guard let end = rest.firstIndex(of: ">") else { return false }
        rest = rest[rest.index(after: end)...]
        return true
      }
      let name = rest.prefix { $0.isLetter }
      rest = rest[name.endIndex...]
      return name.count >= 3
    }

    mutating func number() -> Int? {
      let digits = rest.prefix { $0.isNumber }
      rest = rest[digits.endIndex...]
      return digits.count <= 3 ? Int(digits) : nil
    }

    mutating func skip(_ character: Character) -> Bool {
      guard rest.first == character else { return false }
      rest = rest.dropFirst()
      return true
    }

    /// The seconds of `5`, `-3` or `2:30:00`.
    mutating func time() -> Int? {
      let sign = skip("-") ? -1 : 1
      if sign > 0 { _ = skip("+") }
      guard let hours = number() else { return nil }
      var seconds = hours * 3600
      for unit in [60, 1] where skip(":") {
        guard let value = number() else { return nil }
        seconds += value * unit
      }
      return sign * seconds
    }

    /// The day of `,M3.2.0/2`.
    mutating func day() -> Day? {
      guard skip(","), skip("M"), let month = number(), 1...12 ~= month, skip("."),
        let week = number(), 1...5 ~= week, skip("."), let day = number(), 0...6 ~= day
      else { return nil }
      guard skip("/") else { return Day(month: month, week: week, day: day, second: 7200) }
      return time().map { Day(month: month, week: week, day: day, second: $0) }
    }
  }
}
