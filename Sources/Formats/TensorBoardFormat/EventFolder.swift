import FileSupport
import Glibc

/// A folder of TensorBoard's event files, which make up one run there.
///
/// Each session of a run writes a file of its own: what was cut off at the end of an earlier one can
/// never be continued, for a reader would take the joined bytes for one record.
public struct EventFolder {
  /// The path of the folder.
  public let path: String
  /// How the name of a file begins; the seconds since 1970 follow.
  private static let prefix = "events.out.tfevents."

  /// The folder of a run that begins now, in `parent`: `Nov28_19-06-03_host`, as the Hugging Face
  /// Trainer names it.
  public init(newIn parent: String) {
    var now = time(nil)
    var local = tm()
    localtime_r(&now, &local)
    func two(_ number: Int32) -> String { number < 10 ? "0\(number)" : "\(number)" }
    let months = [
      "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]
    let clock = [local.tm_hour, local.tm_min, local.tm_sec].map(two).joined(separator: "-")
    let day = "\(months[Int(local.tm_mon) % 12])\(two(local.tm_mday))"
    path = "\(parent)/\(day)_\(clock)_\(Self.host)"
  }

  /// The folder in `parent` with the newest event file; `nil` if there is none.
  ///
  /// - Throws: ``FileError``.
  public init?(newestIn parent: String) throws {
    guard Folder.exists(parent) else { return nil }
    let folders = try Folder.list(parent).map { "\(parent)/\($0)" }.filter(Folder.exists)
    let dated = try folders.compactMap { folder in
      try Self.newestSeconds(in: folder).map { (seconds: $0, path: folder) }
    }
    guard let newest = dated.max(by: { $0 < $1 }) else { return nil }
    path = newest.path
  }

  /// Creates the file of a session whose first step is `firstStep`, and 0 if the run begins with it.
  ///
  /// - Throws: ``FileError``.
  public func makeFile(firstStep: Int) throws -> EventFile {
    try Folder.create(path)
    // Readers take the files in the order of their names, whatever the clock says.
    let earlier = try Self.newestSeconds(in: path)
    let seconds = max(Int(EventFile.now), earlier.map { $0 + 1 } ?? 0)
    return try EventFile(
      path: "\(path)/\(Self.prefix)\(seconds).\(Self.host).\(getpid()).0", firstStep: firstStep)
  }

  /// The seconds in the name of the newest event file in `folder`; `nil` if there is none.
  private static func newestSeconds(in folder: String) throws(FileError) -> Int? {
    try Folder.list(folder).compactMap { name in
      guard name.hasPrefix(prefix) else { return nil }
      return Int(name.dropFirst(prefix.count).prefix { $0.isASCII && $0.isNumber })
    }.filter { $0 < Int(Int32.max) * 2 }.max()
  }

  /// The name of this machine, as part of a file's name.
  private static var host: String {
    var bytes = [CChar](repeating: 0, count: 256)
    let isKnown = gethostname(&bytes, bytes.count - 1) == 0
    let name = String(
      decoding: bytes.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self
    )
    .filter { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-" || $0 == ".") }
    return isKnown && !name.isEmpty ? name : "localhost"
  }
}

/// An event file that is being written.
public final class EventFile {
  private let file: AppendFile
  /// The path of the file.
  public var path: String { file.path }
  /// The time of events that happen now, in seconds since 1970.
  public static var now: Double {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }

  /// - Throws: ``FileError``.
  init(path: String, firstStep: Int) throws(FileError) {
    file = try AppendFile(path: path, mode: 0o666)
    let now = Self.now
    try file.append(
      EventRecord.version(time: now) + EventRecord.start(time: now, step: firstStep))
  }

  /// Appends `values`, which belong to `step` and happened at `time`.
  ///
  /// They make one record, so that a reader sees all of them or none.
  ///
  /// - Throws: ``FileError``; nothing may be appended after that.
  public func append(
    _ values: [EventValue], step: Int, time: Double = EventFile.now
  ) throws(FileError) {
    try file.append(EventRecord.values(values, time: time, step: step))
  }
}
