import Foundation
import LineEditing
import TestSupport
import Testing

@Suite("LineHistory")
struct LineHistoryTests {
  private let folder: TemporaryFolder
  private var path: String { folder.path("state/gpt-sample/history") }

  init() throws {
    folder = try TemporaryFolder()
  }

  private func permissions(_ path: String) throws -> Int? {
    try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
  }

  @Test("lines come back in the next run; blank ones and repetitions are not kept")
  func keeping() throws {
    let history = try LineHistory(path: path)
    #expect(history.lines == [])
    #expect(try history.append("кот"))
    #expect(try !history.append("кот"))
    #expect(try !history.append("  "))
    #expect(try history.append("дом"))
    #expect(try history.append("кот"))
    #expect(try LineHistory(path: path).lines == ["кот", "дом", "кот"])
  }

  @Test("only their owner can read folder and file, whoever made the file")
  func permissions() throws {
    let history = try LineHistory(path: path)
    _ = try history.append("кот")
    #expect(try permissions(path) == 0o600)
    #expect(try permissions(folder.path("state/gpt-sample")) == 0o700)
    #expect(chmod(path, 0o644) == 0)
    _ = try history.append("дом")
    #expect(try permissions(path) == 0o600)
  }

  @Test("two programs add to the same file")
  func together() throws {
    let (one, other) = (try LineHistory(path: path), try LineHistory(path: path))
    _ = try one.append("1")
    _ = try other.append("2")
    _ = try one.append("3")
    #expect(try LineHistory(path: path).lines == ["1", "2", "3"])
  }

  @Test("the last lines are kept, and a file that grew long is cut")
  func limit() throws {
    let limit = LineHistory.limit
    try folder.write((1...limit + 5).map { "\($0)\n" }.joined(), to: "state/gpt-sample/history")
    #expect(try LineHistory(path: path).lines.first == "6")
    try folder.write((1...2 * limit + 5).map { "\($0)\n" }.joined(), to: "state/gpt-sample/history")
    #expect(try LineHistory(path: path).lines.count == limit)
    let text = try folder.text(of: "state/gpt-sample/history")
    #expect(text.hasPrefix("\(limit + 6)\n") && text.hasSuffix("\n\(2 * limit + 5)\n"))
    #expect(try permissions(path) == 0o600)
  }

  @Test("a history that cannot be kept is an error, and lasts until the program ends")
  func unwritable() throws {
    try folder.write("", to: "state")
    let history = try LineHistory(path: path)
    #expect(throws: (any Error).self) { try history.append("кот") }
    #expect(history.lines == ["кот"])
  }
}
