import FileSupport
import TestSupport
import Testing

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

  @Test("puts one newline for each kind of line end, at the edges of blocks too", arguments: 1...9)
  func lineEnds(_ size: Int) throws {
    let path = try folder.write("a\r\nb\rc\n\r\n\r\r\n\nd\r", to: "text")
    let reader = try BlockReader(
      path: path, blockSize: size, normalizesLineEnds: true, lastCut: { text, _ in text.count })
    #expect(try blocks(reader).joined() == "a\nb\nc\n\n\n\n\nd\n")
  }

  /// Doubles every byte.
  private final class Doubling: InputFilter {
    func filter(_ bytes: UnsafeRawBufferPointer, isLast: Bool, into output: inout [UInt8]) {
      for byte in bytes { output += [byte, byte] }
    }
  }

  @Test("cuts lines of what a filter makes of the file", arguments: [1, 3, 100])
  func filter(_ size: Int) throws {
    let path = try folder.write("a\nbc\n", to: "text")
    let found = try blocks(BlockReader(linesOf: path, blockSize: size, filter: Doubling()))
    #expect(found.joined() == "aa\n\nbbcc\n\n")
    #expect(found.allSatisfy { $0.hasSuffix("\n") })
  }

  @Test("tells no place twice to the search for a cut, but for the last bytes")
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
