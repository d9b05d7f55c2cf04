/// Converts between dates as text (RFC 3339, Gregorian calendar) and seconds since 1970.
public enum DateText {
  /// The date `seconds` seconds after the start of 1970, in UTC: `2016-03-01T09:00:00Z`.
  public static func text(_ seconds: Int) -> String {
    var bytes: [UInt8] = []
    append(seconds, to: &bytes)
    return String(decoding: bytes, as: UTF8.self)
  }

  /// The seconds since 1970 of `text`, such as `2016-03-01T09:00:00Z` or
  /// `2016-03-01 12:00:00+03:00`.
  ///
  /// Fractions of a second are dropped. A date without a zone is taken to be `offset` seconds ahead
  /// of UTC, or is not accepted as a date if `offset` is `nil`. Returns `nil` if `text` is not a
  /// date, or not in ``range``.
  public static func seconds(_ text: String, offset: Int? = nil) -> Int? {
    var text = text
    return text.withUTF8 { seconds(UnsafeRawBufferPointer($0), offset: offset)?.seconds }
  }

  /// The seconds since 1970 of the date whose text is `bytes`, like ``seconds(_:offset:)`` for a
  /// string, and whether it names its zone.
  public static func seconds(
    _ bytes: UnsafeRawBufferPointer, offset: Int? = nil
  ) -> (seconds: Int, hasZone: Bool)? {
    var scanner = Scanner(bytes: bytes)
    guard
      let year = scanner.digits(4), scanner.skip("-"),
      let month = scanner.digits(2), scanner.skip("-"),
      let day = scanner.digits(2), scanner.skip("T") || scanner.skip("t") || scanner.skip(" "),
      let hour = scanner.digits(2), scanner.skip(":"),
      let minute = scanner.digits(2), scanner.skip(":"),
      let second = scanner.digits(2),
      1...12 ~= month, day >= 1, day <= dayCount(year: year, month: month),
      hour < 24, minute < 60, second <= 60
    else { return nil }
    if scanner.skip(".") {
      guard scanner.digits(1) != nil else { return nil }
      while scanner.digits(1) != nil {}
    }
    let local = days(year: year, month: month, day: day) * 86_400 + hour * 3600 + minute * 60
    let hasZone = !scanner.isAtEnd
    guard let zone = hasZone ? scanner.zone() : offset, scanner.isAtEnd else { return nil }
    let seconds = local + second - zone
    return range.contains(seconds) ? (seconds, hasZone) : nil
  }

  /// Appends the text of the date `seconds` seconds after the start of 1970 to `bytes`.
  static func append(_ seconds: Int, to bytes: inout [UInt8]) {
    let (day, second) = seconds.divided(by: 86_400)
    let date = civil(days: day)
    appendTwoDigits(date.year / 100, to: &bytes)
    appendTwoDigits(date.year % 100, to: &bytes, then: "-")
    appendTwoDigits(date.month, to: &bytes, then: "-")
    appendTwoDigits(date.day, to: &bytes, then: "T")
    appendTwoDigits(second / 3600, to: &bytes, then: ":")
    appendTwoDigits(second / 60 % 60, to: &bytes, then: ":")
    appendTwoDigits(second % 60, to: &bytes, then: "Z")
  }

  /// Appends the two digits of `value` and a character.
  private static func appendTwoDigits(
    _ value: Int, to bytes: inout [UInt8], then character: Unicode.Scalar? = nil
  ) {
    bytes.append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: value / 10))
    bytes.append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: value % 10))
    if let character { bytes.append(UInt8(ascii: character)) }
  }

  /// The seconds since 1970 whose year has four digits.
  public static let range =
    days(year: 0, month: 1, day: 1) * 86_400..<days(year: 10_000, month: 1, day: 1) * 86_400

  // MARK: - The calendar

  // Years are counted from March, so that the leap day is the last day of its year, and in cycles
  // of 400 years, or 146,097 days, after which the calendar repeats. Counted from March as 0, month
  // m begins on day (153 m + 2) / 5: months of 31, 30, 31, 30, 31 days over and over.

  /// The number of days from 1970-01-01 to a date.
  private static func days(year: Int, month: Int, day: Int) -> Int {
    let (cycle, yearOfCycle) = (month > 2 ? year : year - 1).divided(by: 400)
    let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
    let dayOfCycle = yearOfCycle * 365 + yearOfCycle / 4 - yearOfCycle / 100 + dayOfYear
    return cycle * 146_097 + dayOfCycle - daysTo1970
  }

  /// The date `days` after 1970-01-01.
  private static func civil(days: Int) -> (year: Int, month: Int, day: Int) {
    let (cycle, dayOfCycle) = (days + daysTo1970).divided(by: 146_097)
    // Leap days are subtracted first: one in 1,461 days, minus one in 36,524, plus one in 146,096.
    let yearOfCycle =
      (dayOfCycle - dayOfCycle / 1460 + dayOfCycle / 36_524 - dayOfCycle / 146_096) / 365
    let dayOfYear = dayOfCycle - (yearOfCycle * 365 + yearOfCycle / 4 - yearOfCycle / 100)
    let monthFromMarch = (5 * dayOfYear + 2) / 153
    let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
    let year = cycle * 400 + yearOfCycle + (month <= 2 ? 1 : 0)
    return (year, month, dayOfYear - (153 * monthFromMarch + 2) / 5 + 1)
  }

  /// The number of days from 0000-03-01 to 1970-01-01.
  private static let daysTo1970 = 719_468

  private static func dayCount(year: Int, month: Int) -> Int {
    switch month {
    case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
    case 4, 6, 9, 11: 30
    default: 31
    }
  }

  // MARK: - Reading

  private struct Scanner {
    let bytes: UnsafeRawBufferPointer
    var index = 0

    var isAtEnd: Bool { index == bytes.count }

    /// The value of exactly `count` digits.
    mutating func digits(_ count: Int) -> Int? {
      guard index + count <= bytes.count else { return nil }
      var value = 0
      for byte in bytes[index..<index + count] {
        let digit = byte &- UInt8(ascii: "0")
        guard digit < 10 else { return nil }
        value = value * 10 + Int(digit)
      }
      index += count
      return value
    }

    mutating func skip(_ character: Unicode.Scalar) -> Bool {
      guard index < bytes.count, bytes[index] == UInt8(ascii: character) else { return false }
      index += 1
      return true
    }

    /// The offset of a zone in seconds.
    mutating func zone() -> Int? {
      if skip("Z") || skip("z") { return 0 }
      let isAhead = skip("+")
      guard isAhead || skip("-"), let hour = digits(2) else { return nil }
      _ = skip(":")
      guard let minute = digits(2), hour < 24, minute < 60 else { return nil }
      return (isAhead ? 1 : -1) * (hour * 3600 + minute * 60)
    }
  }
}

extension Int {
  /// The quotient by `divisor`, which is positive, rounded toward minus infinity, and the
  /// remainder.
  fileprivate func divided(by divisor: Int) -> (quotient: Int, remainder: Int) {
    let remainder = (self % divisor + divisor) % divisor
    return ((self - remainder) / divisor, remainder)
  }
}
