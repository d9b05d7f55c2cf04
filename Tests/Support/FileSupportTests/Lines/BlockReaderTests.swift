import FileSupport
import TestSupport
import Testing

@Suite("TextBlock")
struct TextBlockTests {
  @Test(
    "has one newline for each kind of line end when they are normalised",
    arguments: [
      ("", "", false), ("a\nb\n\n", "a\nb\n\n", false), ("\r\r\n\n\r", "\n\n\n\n", true),
      ("a\r\nb\rc\n\r\n\r\r\n\nd\r", "a\nb\nc\n\n\n\n\nd\n", true),
    ])
  func lineEnds(_ text: String, _ expected: String, _ hasReturns: Bool) throws {
    let folder = try TemporaryFolder()
    let path = try folder.write(text, to: "text")
    var reader = try BlockReader(path: path, blockSize: 64, lastCut: { _, _ in nil })
    let block = TextBlock()
    _ = try reader.read(into: block)
    #expect(block.hasReturns == hasReturns)
    block.normalizeLineEnds()
    #expect(String(decoding: block.bytes, as: UTF8.self) == expected)
    #expect(!block.hasReturns)
  }
}

@Suite("BlockReader")
struct BlockReaderTests {
  let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
  }

  /// The blocks that `reader` gives, all in the same memory.
  private func blocks(_ reader: BlockReader) throws -> [String] {
    var reader = reader
    let block = TextBlock()
    var blocks: [String] = []
    while try reader.read(into: block) {
      blocks.append(String(decoding: block.bytes, as: UTF8.self))
    }
    #expect(block.count == 0)
    return blocks
  }

  @Test(
    "gives as many whole lines as there is room for, and a longer line whole",
    arguments: [
      ("", []), ("\n", ["\n"]), ("a", ["a"]), ("a\nb\nc\n", ["a\nb\n", "c\n"]),
      ("ab\ncd\nef", ["ab\n", "cd\n", "ef"]), ("abcdefghijk\nl\n", ["abcdefghijk\n", "l\n"]),
      ("a\n\n\nb", ["a\n\n\n", "b"]), ("abcdefghi", ["abcdefghi"]),
    ])
  func lines(_ text: String, _ expected: [String]) throws {
    let path = try folder.write(text, to: "text")
    #expect(try blocks(BlockReader(linesOf: path, blockSize: 4)) == expected)
  }

  @Test("loses and repeats nothing, whatever the size of the blocks", arguments: 1...64)
  func anySize(_ size: Int) throws {
    let text = (0..<60).map { String(repeating: "x", count: $0 * 7 % 41) + "\n" }.joined()
    let path = try folder.write(text, to: "text")
    let found = try blocks(BlockReader(linesOf: path, blockSize: size))
    #expect(found.joined() == text)
    #expect(found.allSatisfy { $0.hasSuffix("\n") })
    // The longest line has 41 bytes, for which the memory grows by steps.
    #expect(found.allSatisfy { $0.utf8.count <= max(size, 41 + max(size, 41 / 4)) })
  }

  @Test("returns to small blocks after a long line", arguments: [4, 100, 1000])
  func behindLongLine(_ size: Int) throws {
    let long = String(repeating: "x", count: 20_000) + "\n"
    let lines = (0..<2000).map { "\($0)\n" }
    let path = try folder.write(lines[0] + long + lines.joined() + long + lines[1], to: "text")
    let found = try blocks(BlockReader(linesOf: path, blockSize: size))
    #expect(found.joined() == lines[0] + long + lines.joined() + long + lines[1])
    let others = found.filter { !$0.contains("x") }
    #expect(found.count - others.count == 2)
    // A line of five bytes is longer than the smallest blocks.
    #expect(others.allSatisfy { $0.utf8.count <= max(size, 8) })
  }

  /// Doubles every byte.
  private final class Doubling: InputFilter {
    func filter(_ bytes: UnsafeRawBufferPointer, isLast: Bool, into output: inout [UInt8]) {
      for byte in bytes { output += [byte, byte] }
    }
  }

  @Test("splits lines after filtering", arguments: [1, 3, 100])
  func filter(_ size: Int) throws {
    let path = try folder.write("a\nbc\n", to: "text")
    let found = try blocks(BlockReader(linesOf: path, blockSize: size, filter: Doubling()))
    #expect(found.joined() == "aa\n\nbbcc\n\n")
    #expect(found.allSatisfy { $0.hasSuffix("\n") })
  }

  @Test("searches no place twice for a cut, except the last bytes")
  func search() throws {
    let path = try folder.write(String(repeating: "x", count: 100_000), to: "text")
    var searched = 0
    let reader = try BlockReader(
      path: path, blockSize: 16,
      lastCut: { text, start in
        searched += text.count - start
        return nil
      })
    #expect(try blocks(reader).map(\.utf8.count) == [100_000])
    #expect(searched < 200_000)
  }
}
