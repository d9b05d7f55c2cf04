import Glibc

/// Reads a text file in blocks that end where the text may be cut.
///
/// A block is larger than asked for only where the text has no such place for so long, and then by no
/// more than a quarter larger than it must be.
public struct BlockReader {
  /// Finds the last place behind `start` at which `text` may be cut; `nil` if there is none.
  public typealias CutSearch = (_ text: UnsafeRawBufferPointer, _ start: Int) -> Int?

  /// The file that is read.
  public let input: InputFile
  private let blockSize: Int
  private let normalizesLineEnds: Bool
  private let lastCut: CutSearch
  /// What was read behind the end of the last block.
  private var rest: [UInt8] = []
  private var isAtEnd = false
  /// Whether the last byte was a `\r`, for which a `\n` stands already.
  private var followsReturn = false

  /// Opens the file at `path`, packed with gzip or not; `-` is standard input.
  ///
  /// Blocks have up to `blockSize` bytes, 1 at least. With `normalizesLineEnds` they have `\n` for
  /// `\r\n` and `\r`. The text is what `filter` makes of the bytes.
  ///
  /// - Throws: ``FileError``; ``InputError`` if a gzip stream is damaged.
  public init(
    path: String, blockSize: Int, normalizesLineEnds: Bool = false,
    filter: (any InputFilter)? = nil, lastCut: @escaping CutSearch
  ) throws {
    precondition(blockSize > 0)
    input = try InputFile(path: path, filter: filter)
    self.blockSize = blockSize
    self.normalizesLineEnds = normalizesLineEnds
    self.lastCut = lastCut
  }

  /// Opens the file at `path` for blocks of whole lines, each with its newline.
  ///
  /// The lines are cut of what `filter` makes of the bytes.
  ///
  /// - Throws: ``FileError``; ``InputError`` if a gzip stream is damaged.
  public init(linesOf path: String, blockSize: Int, filter: (any InputFilter)? = nil) throws {
    try self.init(path: path, blockSize: blockSize, filter: filter) { text, start in
      text[start...].lastIndex(of: 0x0A).map { $0 + 1 }
    }
  }

  /// Fills `block` with what follows; returns false, with the block empty, at the end of the file.
  ///
  /// - Throws: ``FileError``; ``InputError`` if a gzip stream is damaged; what the filter throws.
  public mutating func read(into block: TextBlock) throws -> Bool {
    block.count = 0
    block.resize(max(blockSize, rest.count))
    append(rest, to: block)
    rest.removeAll(keepingCapacity: true)
    var searched = 0
    while true {
      try fill(block)
      if isAtEnd { return block.count > 0 }
      if let cut = lastCut(block.bytes, searched) {
        rest.append(contentsOf: block.bytes[cut...])
        block.count = cut
        return true
      }
      // A character that was not whole may be the first behind a cut.
      searched = max(0, block.count - 4)
      block.resize(block.memory.count + max(blockSize, block.memory.count / 4))
    }
  }

  private func append(_ bytes: [UInt8], to block: TextBlock) {
    let free = UnsafeMutableRawBufferPointer(rebasing: block.memory[block.count...])
    free.copyBytes(from: bytes)
    block.count += bytes.count
  }

  /// Reads until the memory of `block` is full or the file ends.
  private mutating func fill(_ block: TextBlock) throws {
    while block.count < block.memory.count {
      let free = UnsafeMutableRawBufferPointer(rebasing: block.memory[block.count...])
      let count = try input.read(into: free)
      if count == 0 {
        isAtEnd = true
        return
      }
      let text = UnsafeMutableRawBufferPointer(rebasing: free[..<count])
      block.count += normalizesLineEnds ? normalizeLineEnds(of: text) : count
    }
  }

  /// Puts `\n` for `\r\n` and `\r` in `text`, and returns how many bytes that leaves.
  private mutating func normalizeLineEnds(of text: UnsafeMutableRawBufferPointer) -> Int {
    guard let base = text.baseAddress else { return 0 }
    if !followsReturn && memchr(base, 0x0D, text.count) == nil { return text.count }
    var written = 0
    for byte in text {
      // The \n of \r\n was written for its \r already.
      if !(followsReturn && byte == 0x0A) {
        text[written] = byte == 0x0D ? 0x0A : byte
        written += 1
      }
      followsReturn = byte == 0x0D
    }
    return written
  }
}
