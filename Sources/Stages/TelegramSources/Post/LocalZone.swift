import FileSupport
import PostFormat

/// The time zone of the clocks of a place, as people write it: `+3`, `UTC+03:00`, `MSK`,
/// `Europe/Moscow`.
public struct LocalZone: Equatable, Sendable {
  /// What is wrong with the name of a zone.
  public struct Problem: Error, CustomStringConvertible {
    public let description: String
  }

  /// What is accepted, to stand after "expected".
  public static let accepted =
    "an offset from UTC such as +3, +03:00 or UTC+3, the name of a zone such as Europe/Moscow, or "
    + "MSK, UTC, Z"

  /// The offsets, in the order of the times from which they hold; the first holds before too.
  private let changes: [ZoneChange]
  /// What is added to them, for names such as `MSK+4`.
  private let shift: Int

  /// The zone that is always `seconds` ahead of UTC.
  public init(offset seconds: Int) {
    self.init(changes: [ZoneChange(time: .min, offset: seconds)], shift: 0)
  }

  /// The zone that `text` names.
  ///
  /// - Throws: ``Problem`` with what is wrong and how the zone can be named.
  public init(_ text: String) throws(Problem) {
    let name = Self.unified(text)
    let (base, offset) = Self.split(name)
    if let seconds = offset.flatMap(Self.seconds), ["", "UTC", "GMT", "MSK"].contains(base) {
      self =
        base == "MSK"
        ? LocalZone(changes: try Self.changes(of: Self.moscow, asGiven: text), shift: seconds)
        : LocalZone(offset: seconds)
      return
    }
    switch name.uppercased() {
    case "Z", "UTC", "GMT": self.init(offset: 0)
    case "MSK": self.init(changes: try Self.changes(of: Self.moscow, asGiven: text), shift: 0)
    case let abbreviation:
      if let meanings = Self.ambiguous[abbreviation] {
        throw Problem(
          description: "\(text) can mean several zones; name one: "
            + "\(meanings.joined(separator: ", ")), or give an offset such as +03:00")
      }
      guard name.contains(where: \.isLetter) else { throw Self.unknown(text) }
      self.init(changes: try Self.changes(of: name, asGiven: text), shift: 0)
    }
  }

  private init(changes: [ZoneChange], shift: Int) {
    self.changes = changes
    self.shift = shift
  }

  private static let moscow = "Europe/Moscow"

  /// How many seconds the clocks are ahead of UTC when they show `seconds`, counted as if they showed
  /// UTC.
  ///
  /// Of a time that comes twice, when clocks go back, the first is taken.
  public func offset(whenClocksShow seconds: Int) -> Int {
    let local = seconds - shift
    // A change moves the clocks by a day at most.
    var index = changes.lastIndex { $0.time <= local - 86_400 } ?? 0
    while index + 1 < changes.count {
      // The offset holds as long as its clocks have not come to the next change.
      if local - changes[index].offset < changes[index + 1].time { break }
      index += 1
    }
    return changes[index].offset + shift
  }

  // MARK: - Names

  /// `text` without blanks, with an ASCII minus, and with Cyrillic abbreviations in Latin letters.
  private static func unified(_ text: String) -> String {
    var name = text.filter { !$0.isWhitespace }
    for minus in ["\u{2212}", "\u{2013}"] { name = name.replacing(minus, with: "-") }
    for (cyrillic, latin) in [("МСК", "MSK"), ("мск", "MSK"), ("Мск", "MSK")] {
      name = name.replacing(cyrillic, with: latin)
    }
    return name
  }

  /// The letters that `name` begins with, in capitals, and the signed number behind them.
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

  /// The abbreviations that are used for several zones, and names for these.
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

  private static func changes(
    of name: String, asGiven text: String
  ) throws(Problem) -> [ZoneChange] {
    if let changes = ZoneFile.changes(of: name) { return changes }
    guard ZoneFile.isInstalled else {
      throw Problem(
        description: "\(text) cannot be looked up: the system has no time zones in "
          + "\(ZoneFile.folder) (package tzdata); give an offset such as +03:00")
    }
    throw unknown(text)
  }

  private static func unknown(_ text: String) -> Problem {
    let cities = ZoneFile.names(ofCity: text)
    let hint = cities.isEmpty ? "" : "; did you mean \(cities.joined(separator: " or "))?"
    return Problem(description: "'\(text)' is not a time zone; expected \(accepted)\(hint)")
  }
}

extension DateText {
  /// The seconds since 1970 of the date whose text is `bytes`, and whether it names its zone.
  ///
  /// A date without a zone is one of the clocks of `zone`, or of UTC.
  static func seconds(
    _ bytes: UnsafeRawBufferPointer, in zone: LocalZone?
  ) -> (seconds: Int, hasZone: Bool)? {
    guard let found = seconds(bytes, offset: 0) else { return nil }
    guard !found.hasZone, let zone else { return found }
    return (found.seconds - zone.offset(whenClocksShow: found.seconds), false)
  }
}
