import Glibc

/// The time of day on this machine.
public enum ClockTime {
  /// `20:41`, in the local time zone.
  public static var now: String {
    var seconds = time(nil)
    var local = tm()
    localtime_r(&seconds, &local)
    func two(_ number: Int32) -> String { number < 10 ? "0\(number)" : "\(number)" }
    return "\(two(local.tm_hour)):\(two(local.tm_min))"
  }
}

/// A time that the user gave, in the local time zone: `07:30`, or `2026-12-01T07:30`.
public struct LocalTime: ArgumentValue, Equatable, Sendable {
  private let date: (year: Int32, month: Int32, day: Int32)?
  private let hour, minute: Int32
  public let argumentText: String

  public static let accepted = "a time such as 07:30 or 2026-12-01T07:30"

  public init?(argument: String) {
    let format = /(?:(\d{4})-(\d\d)-(\d\d)T)?(\d\d?):(\d\d)/
    guard let match = argument.wholeMatch(of: format)?.output, let hour = Int32(match.4),
      let minute = Int32(match.5), hour < 24, minute < 60
    else { return nil }
    (self.hour, self.minute, argumentText) = (hour, minute, argument)
    if let year = match.1.flatMap({ Int32($0) }), let month = match.2.flatMap({ Int32($0) }),
      let day = match.3.flatMap({ Int32($0) })
    {
      date = (year, month, day)
      // The C library takes 31 February for 3 March.
      let time = Self.components(of: seconds(after: 0))
      guard (time.tm_mon + 1, time.tm_mday) == (month, day) else { return nil }
    } else {
      date = nil
    }
  }

  public static func == (a: LocalTime, b: LocalTime) -> Bool { a.argumentText == b.argumentText }

  /// The time in seconds since 1970; without a date, the next such time after `now`.
  public func seconds(after now: Int) -> Int {
    var local = Self.components(of: now)
    if let date {
      (local.tm_year, local.tm_mon, local.tm_mday) = (date.year - 1900, date.month - 1, date.day)
    }
    (local.tm_hour, local.tm_min, local.tm_sec) = (hour, minute, 0)
    let today = Self.seconds(local)
    guard date == nil, today <= now else { return today }
    local.tm_mday += 1
    return Self.seconds(local)
  }

  private static func components(of seconds: Int) -> tm {
    var (seconds, local) = (seconds, tm())
    localtime_r(&seconds, &local)
    return local
  }

  private static func seconds(_ local: tm) -> Int {
    var local = local
    // Whether it is summer time follows from the date.
    local.tm_isdst = -1
    return mktime(&local)
  }
}
