import FileSupport
import TextSupport

/// The control groups (version 2) that limit the resources of this process.
enum ControlGroup {
  /// The folders of the process's group and of its ancestors, below `root`/sys.
  static func folders(root: String) -> [String] {
    guard let line = systemLines("\(root)/proc/self/cgroup").first(where: { $0.hasPrefix("0::") })
    else { return [] }
    var path = line.dropFirst(3)
    var folders: [String] = []
    while true {
      folders.append("\(root)/sys/fs/cgroup\(path)")
      guard let slash = path.lastIndex(of: "/") else { return folders }
      path = path[..<slash]
    }
  }
}

/// The lines of a file in /proc or /sys, without white space at their ends; empty if it is
/// unreadable.
package func systemLines(_ path: String) -> [String] {
  guard var reader = try? LineReader(path: path) else { return [] }
  var lines: [String] = []
  while let line = try? reader.next() {
    lines.append(String(decoding: line, as: UTF8.self).trimmed)
  }
  return lines
}
