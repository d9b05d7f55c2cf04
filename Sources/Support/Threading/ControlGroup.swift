import FileSupport
import TextSupport

/// The control groups that limit the resources of this process.
enum ControlGroup {
  /// The folders of the process's groups and of their ancestors, below `root`/sys.
  ///
  /// In version 2, one tree limits all resources; in version 1, each `controller`, such as memory, may
  /// have a tree of its own. Within a container, the folder of a group may be the root of what is seen.
  static func folders(root: String, controller: String) -> [String] {
    systemLines("\(root)/proc/self/cgroup").flatMap { line -> [String] in
      let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
      guard fields.count == 3 else { return [] }
      let isVersion2 = fields[1].isEmpty
      guard isVersion2 || fields[1].split(separator: ",").contains(controller[...]) else {
        return []
      }
      let top = "\(root)/sys/fs/cgroup" + (isVersion2 ? "" : "/\(controller)")
      var path = fields[2]
      var folders = [top + path]
      while let slash = path.lastIndex(of: "/") {
        path = path[..<slash]
        folders.append(top + path)
      }
      return folders
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
