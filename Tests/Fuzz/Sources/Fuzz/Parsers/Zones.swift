import FileSupport
import TelegramSources

extension FuzzedParser {
  /// `LocalZone`: the zone of a computer as people write it.
  static let zones = FuzzedParser(
    name: "zones",
    seeds: ["+3", "-05:30", "UTC+3", "МСК+4", "Europe/Moscow", "CST", "Z"],
    words: [
      "+", "-", "\u{2212}", ":", "00", "03", "UTC", "GMT", "MSK", "МСК", "Europe/", "/", "..",
      "Etc/GMT",
      "9223372036854775808",
    ]
  ) { bytes, _ in
    do {
      let zone = try LocalZone(String(decoding: bytes, as: UTF8.self))
      for seconds in [-62_167_219_200, 0, 1_400_000_000, 253_402_300_799] {
        expect(abs(zone.offset(whenClocksShow: seconds)) <= 48 * 3600, "an offset of days")
      }
    } catch {
      throw InputError("zone", "\(error)")
    }
  }
}
