import FileSupport
import JSONSupport
import PostFormat

/// The time of a message or of its edit: seconds since 1970 or, where these are missing, a date.
struct DesktopDate {
  private var unixTime: Int?
  /// A number in place of a text.
  private var number: Int?
  private var text: [UInt8] = []

  mutating func remove() {
    unixTime = nil
    number = nil
    text.removeAll(keepingCapacity: true)
  }

  /// Reads the text of a date, or a number in its place.
  mutating func read(_ reader: inout JSONReader) throws {
    number = nil
    text.removeAll(keepingCapacity: true)
    if try reader.peek() == .string {
      try reader.string(appendingTo: &text)
    } else {
      number = try reader.integerIfAny()
    }
  }

  /// Reads seconds since 1970, in quotes or not.
  mutating func readUnixTime(_ reader: inout JSONReader) throws {
    unixTime = try reader.integerIfAny()
  }

  /// The seconds since 1970, and whether the date has a zone.
  ///
  /// A date without a zone is taken to be in `zone`, or in UTC if that is `nil`. Returns `nil` if
  /// there is no date, or its year does not have four digits.
  func seconds(in zone: LocalZone?) -> (seconds: Int, hasZone: Bool)? {
    for time in [unixTime, number] {
      if let time, DateText.range.contains(time) { return (time, true) }
    }
    guard !text.isEmpty else { return nil }
    let found = text.withUnsafeBytes { DateText.seconds($0, in: zone) }
    return found.flatMap { DateText.range.contains($0.seconds) ? $0 : nil }
  }
}
