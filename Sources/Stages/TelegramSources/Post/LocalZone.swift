import Foundation
import PostFormat

/// A time zone, as people write it: `+3`, `UTC+03:00`, `MSK`, `Europe/Moscow`.
public struct LocalZone: Equatable, Sendable {
  /// What is wrong with the name of a zone.
  public struct Problem: Error, CustomStringConvertible {
    public let description: String
  }

  /// What is accepted, for errors, after "expected".
  public static let accepted =
    "an offset from UTC such as +3, +03:00 or UTC+3, the name of a zone such as Europe/Moscow, or "
    + "MSK, UTC, Z"

  /// The zone; `nil` for one that is always ``shift`` ahead of UTC.
  private let zone: TimeZone?
  /// Seconds that are added to the zone's offset, for names such as `MSK+4`.
  private let shift: Int

  /// The zone that is always `seconds` ahead of UTC.
  public init(offset seconds: Int) {
    (zone, shift) = (nil, seconds)
  }

  /// The zone that `text` names.
  ///
  /// - Throws: ``Problem``, which says what is wrong and how to name the zone.
  public init(_ text: String) throws(Problem) {
    let name = Self.normalized(text)
    let (base, offset) = Self.split(name)
    if let seconds = offset.flatMap(Self.seconds), ["", "UTC", "GMT", "MSK"].contains(base) {
      (zone, shift) = (base == "MSK" ? Self.moscow : nil, seconds)
      return
    }
    switch name.uppercased() {
    case "Z", "UTC", "GMT": (zone, shift) = (nil, 0)
    case "MSK": (zone, shift) = (Self.moscow, 0)
    case let abbreviation:
      if let meanings = Self.ambiguous[abbreviation] {
        throw Problem(
          description: "\(text) can mean several zones; name one: "
            + "\(meanings.joined(separator: ", ")), or give an offset such as +03:00")
      }
      guard let zone = Self.zone(named: name) else {
        let cities = TimeZone.knownTimeZoneIdentifiers.filter {
          $0.lowercased().hasSuffix("/" + text.replacing(" ", with: "_").lowercased())
        }
        let hint = cities.isEmpty ? "" : "; did you mean \(cities.joined(separator: " or "))?"
        throw Problem(
          description: "'\(text)' is not a time zone; expected \(Self.accepted)\(hint)")
      }
      (self.zone, shift) = (zone, 0)
    }
  }

  /// How many seconds the clocks are ahead of UTC when they show `seconds`, counted as if they showed
  /// UTC.
  ///
  /// A time that occurs twice, when clocks go back, is taken to be the first of the two.
  public func offset(whenClocksShow seconds: Int) -> Int {
    guard let zone else { return shift }
    func offset(at time: Int) -> Int {
      zone.secondsFromGMT(for: Date(timeIntervalSince1970: Double(time)))
    }
    let local = seconds - shift
    // If the clocks change on this day, the time may be from before the change or from after it.
    let (before, after) = (offset(at: local - 86_400), offset(at: local + 86_400))
    return (offset(at: local - before) == before ? before : after) + shift
  }

  // MARK: - Names

  /// `text` without white space, with an ASCII minus, and with Cyrillic abbreviations in Latin letters.
  private static func normalized(_ text: String) -> String {
    var name = text.filter { !$0.isWhitespace }
    for minus in ["\u{2212}", "\u{2013}"] { name = name.replacing(minus, with: "-") }
    for (cyrillic, latin) in [("МСК", "MSK"), ("мск", "MSK"), ("Мск", "MSK")] {
      name = name.replacing(cyrillic, with: latin)
    }
    return name
  }

  /// The letters that `name` begins with, in uppercase, and the signed number after them.
  private static func split(_ name: String) -> (base: String, offset: Substring?) {
    let base = name.prefix { $0.isLetter }
    let rest = name[base.endIndex...]
    return (base.uppercased(), rest.first == "+" || rest.first == "-" ? rest : nil)
  }

  /// The seconds of `+3`, `+03`, `+0300`, `+3:00`, `+03:00` or `-5:30`.
  private static func seconds(_ text: Substring) -> Int? {
    let sign = text.first == "-" ? -1 : 1
    let parts = text.dropFirst().split(separator: ":", omittingEmptySubsequences: false)
    guard parts.allSatisfy({ $0.utf8.allSatisfy { 0x30...0x39 ~= $0 } }) else { return nil }
    var hours = parts.first ?? ""
    var minutes: Substring = "0"
    if parts.count == 2, parts[1].count == 2 {
      minutes = parts[1]
    } else if parts.count == 1, hours.count == 4 {
      (hours, minutes) = (hours.prefix(2), hours.suffix(2))
    } else if parts.count != 1 {
      return nil
    }
    guard 1...2 ~= hours.count, let hour = Int(hours), let minute = Int(minutes), minute < 60,
      hour * 60 + minute <= 18 * 60
    else { return nil }
    return sign * (hour * 3600 + minute * 60)
  }

  /// Abbreviations that are used for several zones, and the names of those zones.
  private static let ambiguous = [
    "ADT": ["America/Halifax", "Asia/Baghdad"], "AMT": ["Asia/Yerevan", "America/Manaus"],
    "AST": ["America/Halifax", "Asia/Riyadh"], "BST": ["Europe/London", "Asia/Dhaka"],
    "CDT": ["America/Chicago", "America/Havana"],
    "CST": ["America/Chicago", "Asia/Shanghai", "America/Havana"],
    "ECT": ["America/Guayaquil", "America/Puerto_Rico"],
    "EDT": ["America/New_York", "Australia/Sydney"],
    "EST": ["America/New_York", "Australia/Sydney"],
    "GST": ["Asia/Dubai", "Atlantic/South_Georgia"],
    "IST": ["Asia/Kolkata", "Asia/Jerusalem", "Europe/Dublin"],
    "MST": ["America/Denver", "Asia/Kuala_Lumpur"], "PDT": ["America/Los_Angeles"],
    "PST": ["America/Los_Angeles", "Asia/Manila"], "SST": ["Asia/Singapore", "Pacific/Pago_Pago"],
    "WST": ["Australia/Perth", "Pacific/Apia"],
  ]

  private static let moscow =
    TimeZone(identifier: "Europe/Moscow") ?? TimeZone(secondsFromGMT: 3 * 3600)

  /// The zone with this name, regardless of case.
  private static func zone(named name: String) -> TimeZone? {
    guard name.contains(where: \.isLetter) else { return nil }
    let known = TimeZone.knownTimeZoneIdentifiers.first { $0.lowercased() == name.lowercased() }
    return TimeZone(identifier: known ?? name) ?? TimeZone(identifier: name.capitalized)
  }
}

extension DateText {
  /// The seconds since 1970 of the date whose text is `bytes`, and whether it names its zone.
  ///
  /// A date without a zone is taken to be in `zone`, or in UTC if that is `nil`.
  static func seconds(
    _ bytes: UnsafeRawBufferPointer, in zone: LocalZone?
  ) -> (seconds: Int, hasZone: Bool)? {
    guard let found = seconds(bytes, offset: 0) else { return nil }
    guard !found.hasZone, let zone else { return found }
    return (found.seconds - zone.offset(whenClocksShow: found.seconds), false)
  }
}
