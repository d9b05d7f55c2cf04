import Foundation
import TelegramSources
import TestSupport
import Testing

@Suite("TDLibrary")
struct TDLibraryTests {
  private func problem(_ path: String?, _ environment: [String: String]) -> String {
    do {
      return "loaded \(try TDLibrary(path: path, environment: environment).path)"
    } catch {
      return error.description
    }
  }

  @Test("prefers the given path, a file or the folder that holds it, to the environment")
  func given() throws {
    let standIn = try StandInLibrary()
    let folder = URL(filePath: standIn.path).deletingLastPathComponent().path
    let environment = ["TDJSON_LIBRARY": "/nonexistent/libtdjson.so"]
    #expect(problem(standIn.path, environment) == "loaded \(standIn.path)")
    #expect(problem(folder, environment) == "loaded \(standIn.path)")
    #expect(problem(nil, ["TDJSON_LIBRARY": standIn.path]) == "loaded \(standIn.path)")
  }

  @Test("looks into the Python packages of the user, where the file has another name")
  func pythonPackages() throws {
    let standIn = try StandInLibrary()
    let home = try TemporaryFolder()
    let place = ".local/lib/python3.11/site-packages/tdjson.libs/libtdjson-ecd0.so.1.8.69"
    try home.write([UInt8](try Data(contentsOf: URL(filePath: standIn.path))), to: place)
    let found = problem(nil, ["HOME": home.path])
    // A library of the system comes first.
    #expect(found == "loaded \(home.path(place))" || found.hasPrefix("loaded /usr"))
    let environment = try TemporaryFolder()
    try environment.write(
      [UInt8](try Data(contentsOf: URL(filePath: standIn.path))),
      to: "lib/python3.11/site-packages/tdjson.libs/libtdjson-1.so")
    #expect(problem(nil, ["VIRTUAL_ENV": environment.path]).hasPrefix("loaded /"))
  }

  @Test("says what it tried and how to get the library, and tries nothing else than the given path")
  func missing() {
    let text = problem("/nonexistent/libtdjson.so", ["HOME": "/nonexistent"])
    let lines = text.split(separator: "\n")
    #expect(lines.count == 3)
    #expect(
      lines.first == "cannot load TDLib (libtdjson), which reads channels live; tried:")
    #expect(lines.dropFirst().first?.hasPrefix("  /nonexistent/libtdjson.so: ") == true)
    #expect(lines.last?.contains("pip download --no-deps tdjson") == true)
    #expect(problem(nil, ["TDJSON_LIBRARY": "/nonexistent/x.so"]).contains("/nonexistent/x.so"))
  }

  @Test("refuses files that are not libraries, and libraries that are not TDLib")
  func others() throws {
    let folder = try TemporaryFolder()
    let text = try folder.write("hello", to: "libtdjson.so")
    #expect(problem(text, [:]).contains("\(text): "))
    #expect(
      problem("/lib/x86_64-linux-gnu/libz.so.1", [:]).contains(
        "libz.so.1: not TDLib's JSON interface of 1.7 (2020) or later")
        || !FileManager.default.fileExists(atPath: "/lib/x86_64-linux-gnu/libz.so.1"))
  }
}
