import FileSupport

/// How much more memory this process can get.
public enum AvailableMemory {
  /// How many bytes are available without swapping, according to the system's estimate and the
  /// limits of the control groups and of the process; `nil` if none is known.
  public static var byteCount: Int? {
    [byteCount(root: ""), ProcessMemory.limit?.rest].compactMap(\.self).min()
  }

  /// The same without the limit of the process, according to the files below `root`/proc and
  /// `root`/sys.
  package static func byteCount(root: String) -> Int? {
    let groups = ControlGroup.folders(root: root, controller: "memory").map { rest(of: $0) }
    return ([system(root: root)] + groups).compactMap(\.self).min()
  }

  /// How many bytes of swap space are free; 0 if that is unknown.
  public static var freeSwap: Int { meminfo("SwapFree:", root: "") ?? 0 }

  private static func system(root: String) -> Int? { meminfo("MemAvailable:", root: root) }

  /// A number of `/proc/meminfo`, in bytes.
  private static func meminfo(_ name: String, root: String) -> Int? {
    for line in systemLines("\(root)/proc/meminfo") where line.hasPrefix(name) {
      let fields = line.split(separator: " ")
      guard fields.count == 3, let kilobytes = Int(fields[1]) else { return nil }
      return kilobytes * 1024
    }
    return nil
  }

  /// How much memory the limit of a group, of version 2 or 1, leaves; cached files count as free.
  private static func rest(of group: String) -> Int? {
    func number(_ name: String) -> Int? {
      systemLines("\(group)/\(name)").first.flatMap { Int($0) }
    }
    guard let limit = number("memory.max") ?? number("memory.limit_in_bytes"),
      let used = number("memory.current") ?? number("memory.usage_in_bytes")
    else { return nil }
    let cache = systemLines("\(group)/memory.stat")
      .first { $0.hasPrefix("file ") || $0.hasPrefix("total_cache ") }
      .flatMap { Int($0.drop { $0 != " " }.dropFirst()) }
    return max(0, limit - used + (cache ?? 0))
  }
}
