import FileSupport
import Foundation
import TestSupport
import Testing

@Suite("OutputFile, several together")
struct OutputFilesTests {
  @Test("take their names together, also in several folders")
  func together() throws {
    let folder = try TemporaryFolder()
    try folder.write("old", to: "a")
    let names = ["a", "b/c", "b/d"]
    let files = try names.map { try OutputFile(path: folder.path($0)) }
    for (file, name) in zip(files, names) { try file.write(name) }
    let partial = ["c", "d"].map { "\($0).\(getpid()).partial" }
    #expect(try Folder.list(folder.path("b")) == [".c.lock", ".d.lock"] + partial)
    #expect(try folder.text(of: "a") == "old")
    #expect(try OutputFile.commit(files))
    for name in names { #expect(try folder.text(of: name) == name) }
    #expect(try folder.names() == ["a", "b"])
    #expect(try Folder.list(folder.path("b")) == ["c", "d"])
    try OutputFile.commit([])
  }

  @Test(
    "take no name when one of them cannot be written",
    .enabled(if: MemoryDisk.isAvailable, "this process may not mount a disk"))
  func oneUnwritable() throws {
    let (folder, disk) = (try TemporaryFolder(), try MemoryDisk(kilobytes: 64))
    func attempt() throws {
      let files = try [folder.path("out"), disk.path + "/full"].map { try OutputFile(path: $0) }
      for file in files { try file.write(String(repeating: "text", count: 1 << 15)) }
      try OutputFile.commit(files)
    }
    let error = #expect(throws: FileError.self) { try attempt() }
    #expect(
      error?.description.hasPrefix("\(disk.path)/full: cannot write: No space left on device; free")
        == true)
    #expect(try folder.names() + disk.names() == [])
  }

  @Test("a pipe or device is written directly and stays what it is")
  func pipe() throws {
    let folder = try TemporaryFolder()
    let path = folder.path("pipe")
    #expect(mkfifo(path, 0o600) == 0)
    let reader = open(path, O_RDONLY | O_NONBLOCK)
    defer { close(reader) }
    try folder.write("old", to: "regular")
    func write() throws {
      let files = try ["pipe", "regular"].map { try OutputFile(path: folder.path($0)) }
      for file in files { try file.write("text") }
      try OutputFile.commit(files)
    }
    try write()
    var bytes = [UInt8](repeating: 0, count: 100)
    let count = read(reader, &bytes, bytes.count)
    #expect(String(decoding: bytes.prefix(max(0, count)), as: UTF8.self) == "text")
    #expect(try folder.text(of: "regular") == "text")
    var status = stat()
    #expect(stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFIFO)
    #expect(try folder.names() == ["pipe", "regular"])
  }

  @Test("a pipe that is not written to the end stays too")
  func brokenOff() throws {
    let folder = try TemporaryFolder()
    let path = folder.path("pipe")
    #expect(mkfifo(path, 0o600) == 0)
    let reader = open(path, O_RDONLY | O_NONBLOCK)
    defer { close(reader) }
    _ = try OutputFile(path: path)
    #expect(try folder.names() == ["pipe"])
  }

  @Test("what the process has open is written directly, even if it is a regular file")
  func openFile() throws {
    let folder = try TemporaryFolder()
    let descriptor = open(try folder.write("before ", to: "log"), O_RDWR | O_APPEND)
    defer { close(descriptor) }
    for path in ["/dev/fd/\(descriptor)", "/proc/self/fd/\(descriptor)"] {
      let file = try OutputFile(path: path)
      try file.write("text ")
      try file.commit()
    }
    #expect(try folder.text(of: "log") == "before text text ")
    #expect(try folder.names() == ["log"])
    var status = stat()
    #expect(fstat(descriptor, &status) == 0 && status.st_nlink == 1)
  }
}
