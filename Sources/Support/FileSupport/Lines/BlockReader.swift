import Glibc

/// Reads a text file in blocks that end where the text may be cut.
///
/// A block is larger than requested only if the text offers no such place earlier, and then at most
/// a quarter larger than necessary.
public struct BlockReader {
  /// Finds the last place after `start` at which `text` may be cut; `nil` if there is none.
  public typealias CutSearch = (_ text: UnsafeRawBufferPointer, _ start: Int) -> Int?

  /// The file being read.
  public let input: InputFile
  private let blockSize: Int
  private let lastCut: CutSearch
  /// What was read beyond the end of the last block, and how much of it has been returned.
  private var rest: [UInt8] = []
  private var restTaken = 0
  private var isAtEnd = false

  /// Opens the file at `path`, compressed with gzip or not; `-` is standard input.
  ///
  /// Blocks have up to `blockSize` bytes, which is at least 1. The bytes pass through `filter`.
  ///
  /// - Throws: ``FileError``; ``InputError`` if a gzip stream is damaged.
  public init(
    path: String, as content: InputFile.Content = .text, blockSize: Int,
    filter: (any InputFilter)? = nil, lastCut: @escaping CutSearch
  ) throws {
    precondition(blockSize > 0)
    input = try InputFile(path: path, as: content, filter: filter)
    self.blockSize = blockSize
    self.lastCut = lastCut
  }

  /// Opens the file at `path` for blocks of whole lines, with their newlines.
  ///
  /// The bytes pass through `filter` before they are split into lines.
  ///
  /// - Throws: ``FileError``; ``InputError`` if a gzip stream is damaged.
  public init(
    linesOf path: String, as content: InputFile.Content = .text, blockSize: Int,
    filter: (any InputFilter)? = nil
  ) throws {
    try self.init(path: path, as: content, blockSize: blockSize, filter: filter) { text, start in
      text[start...].lastIndex(of: 0x0A).map { $0 + 1 }
    }
  }

  /// Fills `block` with the next text; returns false, with the block empty, at the end of the file.
  ///
  /// - Throws: ``FileError``; ``InputError`` if a gzip stream is damaged; what the filter throws.
  public mutating func read(into block: TextBlock) throws -> Bool {
    block.count = 0
    block.resize(blockSize)
    var searched = 0
    while true {
      takeRest(block)
      try fill(block)
      if isAtEnd && rest.isEmpty { return block.count > 0 }
      if let cut = lastCut(block.bytes, searched) {
        putBack(UnsafeRawBufferPointer(rebasing: block.bytes[cut...]))
        block.count = cut
        return true
      }
      // An incomplete character at the end may be the first one after a cut.
      searched = max(0, block.count - 4)
      block.resize(block.memory.count + max(blockSize, block.memory.count / 4))
    }
  }

  /// Moves as much of the rest as fits to `block`.
  private mutating func takeRest(_ block: TextBlock) {
    let free = UnsafeMutableRawBufferPointer(rebasing: block.memory[block.count...])
    let count = min(free.count, rest.count - restTaken)
    free.copyBytes(from: rest[restTaken..<restTaken + count])
    block.count += count
    restTaken += count
    guard restTaken == rest.count else { return }
    // The rest after a very long line may be large, and its memory will not be needed again.
    rest.removeAll(keepingCapacity: rest.count <= blockSize)
    restTaken = 0
  }

  /// Puts back `bytes`, the last ones of a block, to be read next.
  private mutating func putBack(_ bytes: UnsafeRawBufferPointer) {
    if rest.isEmpty {
      rest.append(contentsOf: bytes)
    } else {
      // Nothing was read from the file: the bytes came from the rest.
      restTaken -= bytes.count
    }
  }

  /// Reads until the memory of `block` is full or the file ends.
  private mutating func fill(_ block: TextBlock) throws {
    while !isAtEnd, block.count < block.memory.count {
      let free = UnsafeMutableRawBufferPointer(rebasing: block.memory[block.count...])
      let count = try input.read(into: free)
      isAtEnd = count == 0
      block.count += count
    }
  }
}
