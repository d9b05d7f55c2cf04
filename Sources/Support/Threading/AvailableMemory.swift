import FileSupport

/// How much memory a process may still take.
public enum AvailableMemory {
  /// Bytes that can be taken without swapping, by the system's estimate and the limits of the control
  /// groups and of the process; `nil` where none is known.
  public static var byteCount: Int? {
    [byteCount(root: ""), SystemLimits.memoryLimit?.rest].compactMap(\.self).min()
  }

  /// What the first two leave, by the files below `root`/proc and `root`/sys.
  package static func byteCount(root: String) -> Int? {
    [system(root: root), controlGroup(root: root)].compactMap(\.self).min()
  }

  private static func system(root: String) -> Int? {
    for line in lines("\(root)/proc/meminfo") where line.hasPrefix("MemAvailable:") {
      let fields = line.split(separator: " ")
      guard fields.count == 3, let kilobytes = Int(fields[1]) else { return nil }
      return kilobytes * 1024
    }
    return nil
  }

  /// What the limits of the process's group (version 2) and those above it leave, caches of files
  /// counted as free.
  private static func controlGroup(root: String) -> Int? {
    guard let line = lines("\(root)/proc/self/cgroup").first(where: { $0.hasPrefix("0::") })
    else { return nil }
    var path = line.dropFirst(3)
    var rests: [Int] = []
    while true {
      if let rest = rest(of: "\(root)/sys/fs/cgroup\(path)") { rests.append(rest) }
      guard let slash = path.lastIndex(of: "/") else { return rests.min() }
      path = path[..<slash]
    }
  }

  private static func rest(of group: String) -> Int? {
    guard let limit = lines("\(group)/memory.max").first.flatMap({ Int($0) }),
      let used = lines("\(group)/memory.current").first.flatMap({ Int($0) })
    else { return nil }
    let cache = lines("\(group)/memory.stat").first { $0.hasPrefix("file ") }
      .flatMap { Int($0.dropFirst(5)) }
    return max(0, limit - used + (cache ?? 0))
  }

  private static func lines(_ path: String) -> [String] {
    guard var reader = try? LineReader(path: path) else { return [] }
    var lines: [String] = []
    while let line = try? reader.next() { lines.append(String(decoding: line, as: UTF8.self)) }
    return lines
  }
}
