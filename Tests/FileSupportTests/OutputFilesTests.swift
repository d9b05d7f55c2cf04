import FileSupport
import Foundation
import TestSupport
import Testing

@Suite("OutputFile, several together")
struct OutputFilesTests {
  @Test("take their names together, in several folders")
  func together() throws {
    let folder = try TemporaryFolder()
    try folder.write("old", to: "a")
    let names = ["a", "b/c", "b/d"]
    let files = try names.map { try OutputFile(path: folder.path($0)) }
    for (file, name) in zip(files, names) { try file.write(name) }
    #expect(try Folder.list(folder.path("b")) == ["c.partial", "d.partial"])
    #expect(try folder.text(of: "a") == "old")
    try OutputFile.commit(files)
    for name in names { #expect(try folder.text(of: name) == name) }
    #expect(try folder.names() == ["a", "b"])
    #expect(try Folder.list(folder.path("b")) == ["c", "d"])
    try OutputFile.commit([])
  }

  @Test("take no name when one of them cannot be written")
  func oneUnwritable() throws {
    let folder = try TemporaryFolder()
    func attempt() throws {
      try FileManager.default.createSymbolicLink(
        atPath: folder.path("full.partial"), withDestinationPath: "/dev/full")
      let files = try ["out", "full"].map { try OutputFile(path: folder.path($0)) }
      for file in files { try file.write("text") }
      try OutputFile.commit(files)
    }
    let error = #expect(throws: FileError.self) { try attempt() }
    #expect(error?.description == "\(folder.path("full")): cannot write: No space left on device")
    #expect(try folder.names() == [])
  }

  @Test("what is no regular file is written as it comes, and stays what it is")
  func pipe() throws {
    let folder = try TemporaryFolder()
    let path = folder.path("pipe")
    #expect(mkfifo(path, 0o600) == 0)
    let reader = open(path, O_RDONLY | O_NONBLOCK)
    defer { close(reader) }
    try folder.write("old", to: "regular")
    let files = try ["pipe", "regular"].map { try OutputFile(path: folder.path($0)) }
    for file in files { try file.write("text") }
    try OutputFile.commit(files)
    var bytes = [UInt8](repeating: 0, count: 100)
    let count = read(reader, &bytes, bytes.count)
    #expect(String(decoding: bytes.prefix(max(0, count)), as: UTF8.self) == "text")
    #expect(try folder.text(of: "regular") == "text")
    var status = stat()
    #expect(stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFIFO)
    #expect(try folder.names() == ["pipe", "regular"])
  }

  @Test("a pipe that is not written to the end stays, too")
  func brokenOff() throws {
    let folder = try TemporaryFolder()
    let path = folder.path("pipe")
    #expect(mkfifo(path, 0o600) == 0)
    let reader = open(path, O_RDONLY | O_NONBLOCK)
    defer { close(reader) }
    _ = try OutputFile(path: path)
    #expect(try folder.names() == ["pipe"])
  }
}
