import FileSupport
import Foundation
import TestSupport
import Testing

/// `bytes` as a gzip member, packed by the program of that name.
private func gzip(_ text: String, in folder: TemporaryFolder) throws -> [UInt8] {
  let path = try folder.write(text, to: "to-pack")
  let process = Process()
  process.executableURL = URL(filePath: "/bin/gzip")
  process.arguments = ["-f", path]
  try process.run()
  process.waitUntilExit()
  return try folder.bytes(of: "to-pack.gz")
}

private func lines(of path: String) throws -> [String] {
  var lines: [String] = []
  var reader = try LineReader(path: path)
  try reader.forEachLine { number, bytes in
    #expect(number == lines.count + 1)
    lines.append(String(decoding: bytes, as: UTF8.self))
  }
  return lines
}

@Suite("LineReader")
struct LineReaderTests {
  @Test(
    "splits at newlines, with or without a last one",
    arguments: [
      ("", []), ("\n", [""]), ("a", ["a"]), ("a\n", ["a"]), ("a\n\nb", ["a", "", "b"]),
      ("a\r\nb\n", ["a\r", "b"]),
    ])
  func splitting(_ text: String, _ expected: [String]) throws {
    let folder = try TemporaryFolder()
    #expect(try lines(of: folder.write(text, to: "lines")) == expected)
  }

  @Test("reads lines longer than its buffer, and lines across its edge")
  func longLines() throws {
    let folder = try TemporaryFolder()
    let expected = [
      String(repeating: "a", count: 1_000_000), String(repeating: "b", count: 3_000_000), "c",
      String(repeating: "d", count: 1 << 20),
    ]
    #expect(
      try lines(of: folder.write(expected.joined(separator: "\n") + "\n", to: "lines"))
        == expected)
  }

  @Test("decompresses gzip, also of several members, whatever the name")
  func packed() throws {
    let folder = try TemporaryFolder()
    let text = (1...100_000).map { "line \($0)" }.joined(separator: "\n")
    let bytes = try gzip(text + "\n", in: folder) + gzip("и ещё", in: folder)
    let found = try lines(of: folder.write(bytes, to: "packed"))
    #expect(found.count == 100_001)
    #expect(found.last == "и ещё")
    #expect(found[99_999] == "line 100000")
  }

  @Test("distinguishes a damaged gzip stream from one that is cut off")
  func damaged() throws {
    let folder = try TemporaryFolder()
    let bytes = try gzip((1...1000).map { "\($0)" }.joined(), in: folder)
    let cut = try folder.write(Array(bytes.dropLast(10)), to: "cut.gz")
    let cutError = #expect(throws: InputError.self) { try lines(of: cut) }
    #expect(
      cutError?.description == "\(cut): byte \(bytes.count - 10): the gzip stream is cut off")
    var broken = bytes
    broken[bytes.count / 2] ^= 0xFF
    let brokenPath = try folder.write(broken, to: "broken.gz")
    let brokenError = #expect(throws: InputError.self) { try lines(of: brokenPath) }
    let message = try #require(brokenError?.description)
    let place = try #require(
      message.wholeMatch(of: /.*: byte (\d+): the gzip stream is damaged \([a-z ]+\)/))
    // zlib notices it where it can mean nothing, which may be somewhat later.
    let offset = try #require(Int(place.1))
    #expect((bytes.count / 2...bytes.count).contains(offset))
  }

  @Test("finds a wrong checksum, and data that follows a gzip stream but is not one")
  func wrongEnd() throws {
    let folder = try TemporaryFolder()
    let bytes = try gzip("бугурт\n", in: folder)
    var wrong = bytes
    wrong[bytes.count - 8] ^= 1
    let path = try folder.write(wrong, to: "wrong.gz")
    let error = #expect(throws: InputError.self) { try lines(of: path) }
    #expect(
      error?.description
        == "\(path): byte \(bytes.count - 4): the gzip stream is damaged (incorrect data check)")
    let other = try folder.write(bytes + Array("бугурт".utf8), to: "other.gz")
    let otherError = #expect(throws: InputError.self) { try lines(of: other) }
    #expect(
      otherError?.description
        == "\(other): byte \(bytes.count + 2): the gzip stream is damaged (incorrect header check)")
    let half = try folder.write(bytes + bytes.prefix(12), to: "half.gz")
    let halfError = #expect(throws: InputError.self) { try lines(of: half) }
    #expect(
      halfError?.description == "\(half): byte \(bytes.count + 12): the gzip stream is cut off")
  }

  @Test("skips zeros after a gzip stream, with which blocks are padded")
  func padding() throws {
    let folder = try TemporaryFolder()
    let bytes = try gzip("раз\n", in: folder)
    let zeros = [UInt8](repeating: 0, count: 300_000)
    #expect(try lines(of: folder.write(bytes + zeros, to: "padded")) == ["раз"])
    #expect(try lines(of: folder.write(bytes + zeros + bytes, to: "padded")) == ["раз", "раз"])
    #expect(try lines(of: folder.write(gzip("", in: folder), to: "empty")) == [])
  }

  /// Leaves out the letter `a`, and says `end` at the end.
  private final class Filter: InputFilter {
    func filter(
      _ bytes: UnsafeRawBufferPointer, isLast: Bool, into output: inout [UInt8]
    ) throws {
      if bytes.contains(UInt8(ascii: "!")) { throw InputError("filter", "no") }
      output += bytes.filter { $0 != UInt8(ascii: "a") }
      if isLast { output += Array("end".utf8) }
    }
  }

  @Test("splits lines after decompressing and filtering")
  func filtered() throws {
    let folder = try TemporaryFolder()
    func filteredLines(_ path: String) throws -> [String] {
      var lines: [String] = []
      var reader = try LineReader(path: path, filter: Filter())
      try reader.forEachLine { _, bytes in lines.append(String(decoding: bytes, as: UTF8.self)) }
      return lines
    }
    #expect(try filteredLines(folder.write("", to: "empty")) == ["end"])
    let long = String(repeating: "a", count: 3_000_000)
    let text = "abab\n\(long)\n\(String(repeating: "cab", count: 500_000))\n"
    let expected = ["bb", "", String(repeating: "cb", count: 500_000), "end"]
    #expect(try filteredLines(folder.write(text, to: "text")) == expected)
    #expect(try filteredLines(folder.write(gzip(text, in: folder), to: "packed")) == expected)
    let path = try folder.write("!", to: "bad")
    #expect(throws: InputError.self) { try filteredLines(path) }
  }

  @Test("reports a missing file and a folder as the system does")
  func unreadable() throws {
    let folder = try TemporaryFolder()
    let missing = folder.path("none")
    let error = #expect(throws: FileError.self) { try lines(of: missing) }
    #expect(error?.operation == .open)
    #expect(error?.description == "\(missing): cannot open: No such file or directory")
    let folderError = #expect(throws: FileError.self) { try lines(of: folder.path) }
    #expect(folderError?.description == "\(folder.path): cannot read: Is a directory")
  }

  @Test("counts compressed bytes for progress")
  func consumption() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write(gzip(String(repeating: "x", count: 5000), in: folder), to: "x")
    var reader = try LineReader(path: path)
    let input = reader.input
    try reader.forEachLine { _, _ in }
    #expect(input.bytesConsumed == input.size)
    #expect(input.bytesConsumed < 200)
  }

  @Test("knows the size of several files, but not of pipes, which it leaves alone")
  func totalSize() throws {
    let folder = try TemporaryFolder()
    let paths = [try folder.write("кот", to: "a"), try folder.write("b", to: "b")]
    #expect(try InputFile.totalSize(of: paths) == 7)
    let pipe = Pipe()
    try pipe.fileHandleForWriting.write(contentsOf: Data("text".utf8))
    let path = "/dev/fd/\(pipe.fileHandleForReading.fileDescriptor)"
    #expect(try InputFile.totalSize(of: paths + [path]) == nil)
    #expect(pipe.fileHandleForReading.availableData.count == 4)
  }
}

@Suite("OutputFile")
struct OutputFileTests {
  @Test("gets its name, and the folders above it, only when it is committed")
  func wholeOrNothing() throws {
    let folder = try TemporaryFolder()
    let file = try OutputFile(path: folder.path("a/b/out.txt"))
    try file.write("Бугурт\n")
    #expect(!Folder.hasFile(folder.path("a/b/out.txt")))
    try file.commit()
    #expect(try folder.text(of: "a/b/out.txt") == "Бугурт\n")
    #expect(try Folder.list(folder.path("a/b")) == ["out.txt"])
    #expect(file.byteCount == 13)
  }

  @Test("keeps the old file and leaves nothing behind when it is not committed")
  func abandoned() throws {
    let folder = try TemporaryFolder()
    try folder.write("old", to: "out.txt")
    func abandon() throws {
      let file = try OutputFile(path: folder.path("out.txt"))
      try file.write(String(repeating: "new", count: 1_000_000))
    }
    try abandon()
    #expect(try folder.text(of: "out.txt") == "old")
    #expect(try folder.names() == ["out.txt"])
  }

  @Test("writes pieces of all sizes in order, and overwrites what it wrote")
  func pieces() throws {
    let folder = try TemporaryFolder()
    let file = try OutputFile(path: folder.path("out"))
    var expected: [UInt8] = []
    for size in [1, 0, 1000, 1 << 18, (1 << 18) - 1, 3, 700_000, 12] {
      let piece = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ size) }
      expected += piece
      try file.write(piece)
    }
    try file.overwrite(at: 2, [1, 2, 3])
    try file.write("end")
    expected.replaceSubrange(2..<5, with: [1, 2, 3])
    try file.commit()
    #expect(try folder.bytes(of: "out") == expected + Array("end".utf8))
  }

  @Test("reports why it cannot be created")
  func uncreatable() throws {
    let folder = try TemporaryFolder()
    try folder.write("", to: "file")
    let path = folder.path("file/out")
    let error = #expect(throws: FileError.self) { _ = try OutputFile(path: path) }
    #expect(error?.operation == .create)
    #expect(error?.description == "\(folder.path("file")): cannot create: Not a directory")
  }

  @Test("replaces a file as a whole")
  func replacing() throws {
    let folder = try TemporaryFolder()
    try folder.write("old and long", to: "f")
    try replaceFile(at: folder.path("f"), with: "new")
    #expect(try folder.text(of: "f") == "new")
  }
}

@Suite("Folder")
struct FolderTests {
  @Test(
    "parts paths",
    arguments: [
      ("a/b", "a", "b"), ("a", ".", "a"), ("/a", "/", "a"), ("a/b/", "a", "b"),
      ("/a/b/c.txt", "/a/b", "c.txt"),
    ])
  func paths(_ path: String, _ parent: String, _ name: String) {
    #expect(Folder.parent(of: path) == parent)
    #expect(Folder.name(of: path) == name)
  }

  @Test("distinguishes folders from files")
  func kinds() throws {
    let folder = try TemporaryFolder()
    try folder.write("", to: "file")
    #expect(Folder.exists(folder.path) && !Folder.hasFile(folder.path))
    #expect(Folder.hasFile(folder.path("file")) && !Folder.exists(folder.path("file")))
    #expect(!Folder.exists(folder.path("none")) && !Folder.hasFile(folder.path("none")))
  }

  @Test(
    "of a program's state is below that of the user",
    arguments: [
      (["XDG_STATE_HOME": "/state", "HOME": "/home/kot"], "/state/tg-dump"),
      (["XDG_STATE_HOME": "state", "HOME": "/home/kot"], "/home/kot/.local/state/tg-dump"),
      ([:], nil),
    ])
  func state(_ environment: [String: String], _ expected: String?) {
    #expect(Folder.state(of: "tg-dump") { environment[$0] } == expected)
  }

  @Test("moves a folder, replacing another")
  func moving() throws {
    let folder = try TemporaryFolder()
    try folder.write("new", to: "source/f")
    try folder.write("old", to: "destination/f")
    try folder.write("old", to: "destination/g")
    try Folder.move(folder.path("source"), replacing: folder.path("destination"))
    #expect(try folder.names() == ["destination"])
    #expect(try Folder.list(folder.path("destination")) == ["f"])
    #expect(try folder.text(of: "destination/f") == "new")
  }

  @Test("a folder that is replaced exists whole at every moment, old or new")
  func exchange() async throws {
    let folder = try TemporaryFolder()
    let (source, destination) = (folder.path("source"), folder.path("destination"))
    try folder.write("x", to: "destination/a")
    // A reader that looks again and again while the folder is replaced.
    let reader = Task.detached {
      var missing = 0
      while !Task.isCancelled {
        if !Folder.hasFile(destination + "/a") { missing += 1 }
      }
      return missing
    }
    for _ in 0..<200 {
      try folder.write("x", to: "source/a")
      try Folder.move(source, replacing: destination)
    }
    reader.cancel()
    #expect(await reader.value == 0)
    #expect(try folder.names() == ["destination"])
  }

  @Test("a folder that was set aside gets its name back unless another has it")
  func restore() throws {
    let folder = try TemporaryFolder()
    try Folder.restoreReplaced(folder.path("a"))
    try folder.write("old", to: "a.replaced/f")
    try Folder.restoreReplaced(folder.path("a"))
    #expect(try folder.names() == ["a"])
    try folder.write("older", to: "a.replaced/f")
    try Folder.restoreReplaced(folder.path("a"))
    #expect(try folder.names() == ["a", "a.replaced"])
    #expect(try folder.text(of: "a/f") == "old")
  }

  @Test("creates folders above it, also twice, and removes them with their contents")
  func creating() throws {
    let folder = try TemporaryFolder()
    try Folder.create(folder.path("a/b/c"))
    try Folder.create(folder.path("a/b/c"))
    #expect(Folder.exists(folder.path("a/b/c")))
    try folder.write("x", to: "a/b/f")
    try Folder.remove(folder.path("a"))
    try Folder.remove(folder.path("a"))
    #expect(try folder.names() == [])
  }

  @Test("removes links, not what they lead to")
  func links() throws {
    let folder = try TemporaryFolder()
    try folder.write("x", to: "kept/f")
    try Folder.create(folder.path("a"))
    let manager = FileManager.default
    for link in ["a/folder", "link"] {
      try manager.createSymbolicLink(
        atPath: folder.path(link), withDestinationPath: folder.path("kept"))
    }
    try manager.createSymbolicLink(
      atPath: folder.path("a/none"), withDestinationPath: folder.path("none"))
    try Folder.remove(folder.path("a"))
    try Folder.remove(folder.path("link"))
    #expect(try folder.names() == ["kept"])
    #expect(try folder.text(of: "kept/f") == "x")
  }
}

@Suite("MappedFile and CRC32")
struct MappedFileTests {
  @Test("maps the bytes of a file, also of an empty one")
  func mapping() throws {
    let folder = try TemporaryFolder()
    let file = try MappedFile(path: folder.write([1, 2, 3, 0xFF], to: "f"))
    // The bytes go with the object, which nothing else holds here.
    withExtendedLifetime(file) { #expect(Array(file.bytes) == [1, 2, 3, 0xFF]) }
    #expect(try MappedFile(path: folder.write("", to: "empty")).bytes.isEmpty)
    let missing = folder.path("none")
    let error = #expect(throws: FileError.self) { _ = try MappedFile(path: missing) }
    #expect(error?.code == ENOENT)
  }

  @Test("a file that was kept open can be read past the mapping, until it is cut off")
  func reading() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write([1, 2, 3, 4, 5], to: "f")
    let file = try MappedFile(path: path, keepingOpen: true)
    var bytes: [UInt8] = [0, 0, 0]
    try bytes.withUnsafeMutableBytes { try file.read(1..<4, into: $0) }
    #expect(bytes == [2, 3, 4])
    try bytes.withUnsafeMutableBytes {
      try file.read(5..<5, into: UnsafeMutableRawBufferPointer(rebasing: $0[..<0]))
    }
    #expect(truncate(path, 3) == 0)
    let error = #expect(throws: InputError.self) {
      try bytes.withUnsafeMutableBytes { try file.read(1..<4, into: $0) }
    }
    #expect(error?.description == "\(path): byte 3: the file was cut off while it was being read")
  }

  @Test("has the check value of the CRC-32 catalogue, in one piece or many")
  func checkValue() {
    let bytes = Array("123456789".utf8)
    #expect(CRC32.checksum(bytes) == 0xCBF4_3926)
    #expect(CRC32.checksum([]) == 0)
    var checksum = CRC32()
    for byte in bytes { withUnsafeBytes(of: byte) { checksum.update($0) } }
    #expect(checksum.value == 0xCBF4_3926)
  }
}
