import CBuild
import FileSupport
import Threading

/// The version of all programs of the package; docs/CHANGELOG.md says what is new in it.
public let packageVersion = "0.1.0"

/// The day on which that version was made.
let releaseDate = "2026-11-30"

/// What `--version` prints: the version, the commit, and what of the machine's matters to results and speed.
struct VersionText {
  let name: String
  let facts: [String]

  var text: String {
    let commit = String(cString: cbuild_commit())
    return
      (["\(name) \(packageVersion)", "commit: \(commit.isEmpty ? "none" : commit)"] + facts
      + ["libraries: \(Self.libraries.joined(separator: " "))"]).joined(separator: "\n")
  }

  /// The files of the libraries that are loaded, whose names have their versions.
  private static var libraries: [String] {
    let paths = systemLines("/proc/self/maps").compactMap { line in
      line.firstIndex(of: "/").map { Folder.name(of: String(line[$0...])) }
    }
    return Set(paths.filter { $0.contains(".so") && !$0.hasPrefix("ld-") }).sorted()
  }
}
