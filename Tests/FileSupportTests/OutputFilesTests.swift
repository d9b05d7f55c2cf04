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
}
