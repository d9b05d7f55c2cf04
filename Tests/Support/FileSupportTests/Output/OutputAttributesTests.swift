import FileSupport
import Foundation
import TestSupport
import Testing

@Suite("Owner, group and mode of an output")
struct OutputAttributesTests {
  let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
  }

  private func status(_ name: String) throws -> stat {
    var status = stat()
    try #require(lstat(folder.path(name), &status) == 0)
    return status
  }

  private func mode(_ name: String) throws -> mode_t { try status(name).st_mode & 0o7777 }

  @Test(
    "the mode is kept, also while the file is partial",
    arguments: [0o600, 0o640, 0o644, 0o664, 0o400] as [mode_t])
  func file(_ mode: mode_t) throws {
    try folder.write("old", to: "out")
    try #require(chmod(folder.path("out"), mode) == 0)
    let file = try OutputFile(path: folder.path("out"))
    try file.write("new")
    #expect(try self.mode("out.\(getpid()).partial") == mode)
    try file.commit()
    #expect(try self.mode("out") == mode)
    #expect(try folder.text(of: "out") == "new")
  }

  @Test("a file that is made private while it is written stays so")
  func madePrivate() throws {
    try folder.write("old", to: "out")
    let file = try OutputFile(path: folder.path("out"))
    try file.write("new")
    try #require(chmod(folder.path("out"), 0o600) == 0)
    try file.commit()
    #expect(try mode("out") == 0o600)
  }

  @Test("a private file stays private even if it replaces one that is not")
  func isPrivate() throws {
    try folder.write("text", to: "out")
    let file = try OutputFile(path: folder.path("out"), isPrivate: true)
    try file.write("text")
    #expect(try mode("out.\(getpid()).partial") == 0o600)
    try file.commit()
    #expect(try mode("out") == 0o600)
  }

  @Test("a folder and the files in it keep theirs, and it is private until then")
  func folders() throws {
    try folder.write("old", to: "out/a")
    try folder.write("old", to: "out/b")
    for (name, mode) in [("out/a", 0o600), ("out", 0o2750)] as [(String, mode_t)] {
      try #require(chmod(folder.path(name), mode) == 0)
    }
    let output = try OutputFolder(path: folder.path("out"))
    for name in ["a", "b", "c"] {
      try replaceFile(at: "\(output.partialPath)/\(name)", with: "new")
    }
    #expect(try mode("out.\(getpid()).partial") == 0o2700)
    try output.commit()
    #expect(try mode("out") == 0o2750)
    #expect(try mode("out/a") == 0o600)
    #expect(try mode("out/b") == 0o644 && mode("out/c") == 0o644)
  }

  @Test(
    "owner and group are kept where this process may give files away",
    .enabled(if: geteuid() == 0, "only root gives files away"))
  func owner() throws {
    try folder.write("old", to: "out")
    try #require(chown(folder.path("out"), 65534, 65533) == 0)
    try #require(chmod(folder.path("out"), 0o640) == 0)
    let file = try OutputFile(path: folder.path("out"))
    try file.write("new")
    for name in ["out.\(getpid()).partial", "out"] {
      if name == "out" { try file.commit() }
      let status = try status(name)
      #expect(status.st_uid == 65534 && status.st_gid == 65533)
      #expect(status.st_mode & 0o7777 == 0o640)
    }
  }

  /// Calls `body` with the rights on files of the user and the group 65534; only this thread has them.
  private func asNobody(_ body: () throws -> Void) throws {
    typealias SetID = @convention(c) (UInt32) -> Int32
    let names: [String] = ["setfsgid", "setfsuid"]
    let setters = try names.map {
      unsafeBitCast(try #require(dlsym(nil, $0)), to: SetID.self)
    }
    for set in setters { _ = set(65534) }
    defer { for set in setters.reversed() { _ = set(0) } }
    try body()
  }

  @Test(
    "where they cannot be kept, nobody may do more than before",
    .enabled(if: geteuid() == 0, "only root gives files away"),
    arguments: [(0o640, 0o600), (0o664, 0o644), (0o604, 0o600), (0o666, 0o666)]
      as [(mode_t, mode_t)])
  func lostOwner(_ old: mode_t, _ new: mode_t) throws {
    try folder.write("old", to: "out")
    try #require(chmod(folder.path("out"), old) == 0 && chmod(folder.path, 0o777) == 0)
    try #require(chown(folder.path("out"), 0, 65533) == 0)
    try asNobody { try replaceFile(at: folder.path("out"), with: "new") }
    let status = try status("out")
    #expect(status.st_uid == 65534 && status.st_gid == 65534)
    #expect(status.st_mode & 0o7777 == new)
  }
}
