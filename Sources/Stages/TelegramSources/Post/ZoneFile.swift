import FileSupport
import Glibc

/// From when on the clocks of a zone are how far ahead of UTC.
struct ZoneChange: Equatable, Sendable {
  /// Seconds since 1970.
  var time: Int
  /// Seconds ahead of UTC.
  var offset: Int
}

/// Reads the system's files of time zones (RFC 9636, TZif).
enum ZoneFile {
  /// The folder that holds them.
  static var folder: String {
    getenv("TZDIR").map { String(cString: $0) } ?? "/usr/share/zoneinfo"
  }

  static var isInstalled: Bool { Folder.exists(folder) }

  /// The changes of the zone `name`, whatever the case of its letters; `nil` if there is none.
  static func changes(of name: String) -> [ZoneChange]? {
    guard let path = path(of: name), let bytes = try? contents(of: path) else { return nil }
    return bytes.withUnsafeBytes { parse($0) }
  }

  private static func path(of name: String) -> String? {
    var path = folder
    let parts = name.split(separator: "/", omittingEmptySubsequences: false)
    guard !parts.isEmpty, parts.allSatisfy({ !$0.isEmpty && !$0.hasPrefix(".") }) else {
      return nil
    }
    for part in parts {
      guard let names = try? Folder.list(path) else { return nil }
      let found =
        names.first { $0 == part } ?? names.first { $0.lowercased() == part.lowercased() }
      guard let found else { return nil }
      path += "/" + found
    }
    return Folder.hasFile(path) ? path : nil
  }

  /// The zones that are called after the city `name`, such as `Europe/Moscow`.
  static func names(ofCity name: String) -> [String] {
    let city = name.replacing(" ", with: "_").lowercased()
    let regions = (try? Folder.list(folder)) ?? []
    return regions.filter { $0.first?.isUppercase == true && $0 != "Etc" }.flatMap { region in
      ((try? Folder.list(folder + "/" + region)) ?? []).filter { $0.lowercased() == city }
        .map { region + "/" + $0 }
    }
  }

  private static func contents(of path: String) throws -> [UInt8] {
    let input = try InputFile(path: path)
    var bytes = [UInt8](repeating: 0, count: 256 * 1024)
    var count = 0
    try bytes.withUnsafeMutableBytes {
      while count < $0.count {
        let more = try input.read(into: UnsafeMutableRawBufferPointer(rebasing: $0[count...]))
        if more == 0 { break }
        count += more
      }
    }
    return Array(bytes[..<count])
  }

  // MARK: - TZif

  /// The changes in the file `bytes`, those by the rule for the time behind the last one among them.
  static func parse(_ bytes: UnsafeRawBufferPointer) -> [ZoneChange]? {
    var reader = Reader(bytes: bytes)
    // The first part is for programs that know only times of 32 bits.
    guard let old = reader.header(), old.version >= 2, reader.skip(old.size(timeSize: 4)),
      let counts = reader.header()
    else { return nil }
    var times: [Int] = []
    for _ in 0..<counts.times { times.append(reader.integer(8)) }
    var types: [Int] = []
    for _ in 0..<counts.times { types.append(reader.integer(1)) }
    var offsets: [Int] = []
    for _ in 0..<counts.types {
      offsets.append(reader.integer(4))
      _ = reader.skip(2)
    }
    let rest = counts.names + counts.leapSeconds * 12 + counts.standard + counts.universal
    guard !reader.isPastEnd, reader.skip(rest), let first = offsets.first,
      types.allSatisfy({ 0..<offsets.count ~= $0 })
    else { return nil }
    var changes = [ZoneChange(time: .min, offset: first)]
    for (time, type) in zip(times, types) {
      changes.append(ZoneChange(time: time, offset: offsets[type]))
    }
    let footer = String(decoding: reader.rest, as: UTF8.self).split(separator: "\n").first
    if let rule = footer.flatMap({ ZoneRule(String($0)) }) {
      changes += rule.changes(after: times.last ?? .min)
    }
    return changes
  }

  private struct Header {
    var version: Int
    var universal: Int
    var standard: Int
    var leapSeconds: Int
    var times: Int
    var types: Int
    var names: Int

    func size(timeSize: Int) -> Int {
      times * (timeSize + 1) + types * 6 + names + leapSeconds * (timeSize + 4) + standard
        + universal
    }
  }

  private struct Reader {
    let bytes: UnsafeRawBufferPointer
    var index = 0

    var isPastEnd: Bool { index > bytes.count }
    var rest: Slice<UnsafeRawBufferPointer> { bytes[min(index, bytes.count)...] }

    /// A number of `size` bytes, the highest first; 0 past the end.
    mutating func integer(_ size: Int) -> Int {
      defer { index += size }
      guard index + size <= bytes.count else { return 0 }
      let value = bytes[index..<index + size].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
      return switch size {
      case 1: Int(value)
      case 4: Int(Int32(truncatingIfNeeded: value))
      default: Int(truncatingIfNeeded: value)
      }
    }

    mutating func skip(_ count: Int) -> Bool {
      index += count
      return !isPastEnd
    }

    mutating func header() -> Header? {
      guard rest.starts(with: "TZif".utf8), rest.count >= 44 else { return nil }
      let version = Int(rest[index + 4])
      index += 20
      let counts = (0..<6).map { _ in integer(4) }
      guard counts.allSatisfy({ 0...100_000 ~= $0 }) else { return nil }
      return Header(
        version: version >= 0x32 ? 2 : 1, universal: counts[0], standard: counts[1],
        leapSeconds: counts[2], times: counts[3], types: counts[4], names: counts[5])
    }
  }
}
