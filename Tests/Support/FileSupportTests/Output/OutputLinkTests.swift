import FileSupport
import Foundation
import TestSupport
import Testing

@Suite("An output that is a link")
struct OutputLinkTests {
  let (folder, disk): (TemporaryFolder, TemporaryFolder)

  init() throws {
    (folder, disk) = (try TemporaryFolder(), try TemporaryFolder())
  }

  private func link(_ name: String, to target: String) throws {
    try #require(symlink(target, folder.path(name)) == 0)
  }

  private func isLink(_ name: String) -> Bool {
    var status = stat()
    return lstat(folder.path(name), &status) == 0 && status.st_mode & S_IFMT == S_IFLNK
  }

  @Test("stays a link, and what it leads to is replaced", arguments: ["old", nil])
  func file(_ old: String?) throws {
    if let old { try disk.write(old, to: "posts") }
    try link("out", to: disk.path("posts"))
    let file = try OutputFile(path: folder.path("out"))
    try file.write("new")
    // Where there is room for it.
    #expect(try disk.names().contains("posts.\(getpid()).partial"))
    try file.commit()
    #expect(isLink("out"))
    #expect(try disk.text(of: "posts") == "new")
    #expect(try folder.names() == ["out"])
  }

  @Test("may lead through others, whose paths are relative to them")
  func chain() throws {
    try folder.write("old", to: "b/c/file")
    try link("b/second", to: "c/file")
    try link("first", to: "b/second")
    try replaceFile(at: folder.path("first"), with: "new")
    #expect(try folder.text(of: "b/c/file") == "new")
    #expect(isLink("first") && isLink("b/second"))
    #expect(try Folder.list(folder.path("b/c")) == ["file"])
  }

  @Test("may lead to a folder, with something in it or missing", arguments: [true, false])
  func folders(_ isThere: Bool) throws {
    if isThere { try disk.write("old", to: "tokens/a") }
    try link("out", to: disk.path("tokens"))
    for path in ["out", "out/"] {
      let output = try OutputFolder(path: folder.path(path))
      try replaceFile(at: output.partialPath + "/b", with: path)
      try output.commit()
      #expect(try disk.text(of: "tokens/b") == path)
    }
    #expect(isLink("out"))
    #expect(try Folder.list(disk.path("tokens")) == ["b"])
    #expect(try disk.names() == ["tokens"])
  }

  @Test("above an output may lead to a missing folder")
  func linkAbove() throws {
    try link("data", to: disk.path("data"))
    try replaceFile(at: folder.path("data/raw/posts"), with: "new")
    #expect(try disk.text(of: "data/raw/posts") == "new")
    #expect(isLink("data"))
  }

  @Test("to a disk that is not mounted is an error, and nothing is created there")
  func unmounted() throws {
    let target = disk.path("big/posts")
    try link("out", to: target)
    let path = folder.path("out")
    for error in [
      #expect(throws: FileError.self) { _ = try OutputFile(path: path) },
      #expect(throws: FileError.self) { _ = try OutputFolder(path: path) },
    ] {
      #expect(
        error?.description
          == "\(path): cannot create: No such file or directory; it is a link to \(target); create "
          + "the folder that is to hold it, or mount its disk")
    }
    #expect(try disk.names() == [])
  }

  @Test("in a circle is an error")
  func circle() throws {
    try link("a", to: "b")
    try link("b", to: "a")
    let path = folder.path("a")
    let error = #expect(throws: FileError.self) { _ = try OutputFile(path: path) }
    #expect(error?.code == ELOOP)
  }

  @Test("a folder cannot be replaced with a file, nor a file with a folder")
  func otherKind() throws {
    try folder.write("text", to: "folder/file")
    let paths = (folder.path("folder"), folder.path("folder/file"))
    var error = #expect(throws: FileError.self) { _ = try OutputFile(path: paths.0) }
    #expect(error?.code == EISDIR)
    error = #expect(throws: FileError.self) { _ = try OutputFolder(path: paths.1) }
    #expect(error?.code == ENOTDIR)
    #expect(try folder.text(of: "folder/file") == "text")
  }

  @Test(
    "a mount point is refused before anything is written",
    .enabled(if: MemoryDisk.isAvailable, "this process may not mount a disk"))
  func mountPoint() throws {
    let mounted = try MemoryDisk(kilobytes: 64)
    let path = mounted.path
    let error = #expect(throws: FileError.self) { _ = try OutputFolder(path: path) }
    #expect(error?.description.contains("it is a mount point, which cannot be replaced") == true)
    try replaceFile(at: folder.path("file"), with: "old")
    let file = try folder.write("new", to: "other name")
    try #require(mount(folder.path("file"), file, "", UInt(MS_BIND), nil) == 0)
    defer { umount2(file, Int32(MNT_DETACH)) }
    #expect(throws: FileError.self) { _ = try OutputFile(path: file) }
    // A run folder may be one, as it stays where it is.
    try OutputFolder.holding(mounted.path) { try replaceFile(at: path + "/file", with: "new") }
    #expect(try mounted.names() == ["file"])
  }
}
