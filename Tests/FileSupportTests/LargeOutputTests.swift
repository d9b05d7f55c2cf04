import FileSupport
import Foundation
import TestSupport
import Testing

/// A file system in memory of its own, which goes with the object.
private final class Mount {
  let folder: TemporaryFolder

  init(_ type: String, _ options: String = "") throws {
    folder = try TemporaryFolder()
    guard mount("none", folder.path, type, 0, options) == 0 else {
      throw FileError(path: folder.path, operation: .open)
    }
  }

  deinit {
    umount2(folder.path, Int32(MNT_DETACH))
  }

  /// Whether this process may mount.
  static let isAvailable = (try? Mount("ramfs")) != nil
}

@Suite("OutputFile, told that it will be large")
struct LargeOutputTests {
  /// Files of at least this size go past the page cache, in blocks of a quarter of it.
  static let large = 16 << 20

  /// Bytes that show where they belong.
  private func pattern(_ range: Range<Int>) -> [UInt8] {
    range.map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8 &+ $0 >> 16) }
  }

  /// Writes a file of `size` bytes in pieces of other sizes than the blocks.
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
    "has every byte, whatever its size",
    arguments: [0, 1, 511, 512, 4095, 4096, 4097, (4 << 20) - 1, 4 << 20, (4 << 20) + 1])
  func sizes(_ beyond: Int) throws {
    let folder = try TemporaryFolder()
    let size = Self.large + beyond
    try write(size, expecting: size, to: folder.path("out"))
    #expect(try folder.bytes(of: "out") == pattern(0..<size))
    #expect(try folder.names() == ["out"])
  }

  @Test(
    "may become smaller or larger than was said",
    arguments: [(0, large), (1, large), (large, 3 * large), (large + 5000, large), (100, 1)])
  func otherSize(_ size: Int, _ expected: Int) throws {
    let folder = try TemporaryFolder()
    try write(size, expecting: expected, to: folder.path("out"))
    #expect(try folder.bytes(of: "out") == pattern(0..<size))
  }

  @Test("can be overwritten, synchronized and gone on with")
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

  @Test("leaves the old file alone and nothing else behind when it is not committed")
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
    "is written through the cache where the file system knows no other way",
    .enabled(if: Mount.isAvailable))
  func throughTheCache() throws {
    let mount = try Mount("ramfs")
    let size = Self.large + 4097
    let path = mount.folder.path("out")
    // __O_DIRECT is what the file system must refuse for this test to mean anything.
    let descriptor = open(path, O_WRONLY | O_CREAT | __O_DIRECT, 0o600)
    try #require(descriptor < 0 && errno == EINVAL)
    try write(size, expecting: size, to: path)
    #expect(try mount.folder.bytes(of: "out") == pattern(0..<size))
  }

  @Test(
    "tells that there is not enough room before anything is written, or while it is",
    .enabled(if: Mount.isAvailable))
  func fullDisk() throws {
    let mount = try Mount("tmpfs", "size=20m")
    func fill(expecting expected: Int) throws {
      let file = try OutputFile(path: mount.folder.path("out"))
      try file.expect(size: expected)
      try #require(expected == Self.large, "there was room for \(expected) bytes")
      for _ in 0..<3 { try file.write(pattern(0..<Self.large / 2 + 1)) }
      try file.commit()
    }
    for expected in [2 * Self.large, Self.large] {
      let error = #expect(throws: FileError.self) { try fill(expecting: expected) }
      #expect(error?.code == ENOSPC)
      #expect(error?.operation == .write)
      #expect(try mount.folder.names() == [])
    }
  }
}
