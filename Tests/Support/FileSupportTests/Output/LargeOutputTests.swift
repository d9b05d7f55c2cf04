import FileSupport
import Foundation
import TestSupport
import Testing

@Suite("OutputFile that is announced to be large")
struct LargeOutputTests {
  /// For files of at least this size room is taken beforehand.
  static let large = 16 << 20

  /// Bytes that show where they belong.
  private func pattern(_ range: Range<Int>) -> [UInt8] {
    range.map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8 &+ $0 >> 16) }
  }

  /// Writes a file of `size` bytes in pieces of several sizes.
  private func write(_ size: Int, expecting expected: Int, to path: String) throws {
    let file = try OutputFile(path: path)
    try file.expect(size: expected)
    let contents = pattern(0..<size)
    let pieces = [8, 5_000_001, 1, 0, 4096, (4 << 20) - 1, 9_000_000]
    var (begin, index) = (0, 0)
    while begin < size {
      let end = min(size, begin + pieces[index % pieces.count])
      try contents[begin..<end].withUnsafeBytes { try file.write($0) }
      (begin, index) = (end, index + 1)
    }
    #expect(file.byteCount == size)
    try file.commit()
  }

  @Test(
    "may become smaller or larger than announced",
    arguments: [
      (0, large), (1, large), (large, large), (large, 3 * large), (large + 5000, large), (100, 1),
    ])
  func otherSize(_ size: Int, _ expected: Int) throws {
    let folder = try TemporaryFolder()
    try write(size, expecting: expected, to: folder.path("out"))
    #expect(try folder.bytes(of: "out") == pattern(0..<size))
  }

  @Test("can be overwritten, synchronized and continued")
  func overwritten() throws {
    let folder = try TemporaryFolder()
    let file = try OutputFile(path: folder.path("out"))
    try file.expect(size: Self.large)
    var expected = pattern(0..<Self.large + 777)
    try file.write(expected)
    try file.overwrite(at: 5, [1, 2, 3])
    try file.write("end")
    try file.synchronize()
    try file.write("of all")
    try file.commit()
    expected.replaceSubrange(5..<8, with: [1, 2, 3])
    #expect(try folder.bytes(of: "out") == expected + Array("endof all".utf8))
  }

  @Test("keeps the old file and leaves nothing behind when it is not committed")
  func abandoned() throws {
    let folder = try TemporaryFolder()
    try folder.write("old", to: "out")
    func abandon() throws {
      let file = try OutputFile(path: folder.path("out"))
      try file.expect(size: 2 * Self.large)
      try file.write(pattern(0..<Self.large))
    }
    try abandon()
    #expect(try folder.text(of: "out") == "old")
    #expect(try folder.names() == ["out"])
  }

  @Test(
    "reports a lack of space before anything is written, or while it is",
    .enabled(if: MemoryDisk.isAvailable, "this process may not mount a disk"))
  func fullDisk() throws {
    let disk = try MemoryDisk(kilobytes: 20 << 10)
    func fill(expecting expected: Int) throws {
      let file = try OutputFile(path: disk.path + "/out")
      try file.expect(size: expected)
      try #require(expected == Self.large, "there was room for \(expected) bytes")
      for _ in 0..<3 { try file.write(pattern(0..<Self.large / 2 + 1)) }
      try file.commit()
    }
    for expected in [2 * Self.large, Self.large] {
      let error = #expect(throws: FileError.self) { try fill(expecting: expected) }
      #expect(error?.code == ENOSPC)
      #expect(error?.operation == .write)
      #expect(try disk.names() == [])
    }
  }
}
