import FileSupport
import TextSupport

/// A file of token ids, mapped into memory.
public struct TokenShard: Sendable {
  /// The header of the file.
  public let header: TokenShardHeader
  private let file: MappedFile

  /// The path of the file.
  public var path: String { file.path }
  /// The number of ids.
  public var count: Int { header.count }
  /// The size of the file in bytes.
  public var byteCount: Int { file.bytes.count }

  /// Opens the shard at `path` and checks its header and size.
  ///
  /// Unless `verifyingContents` is false, it also reads all ids: their CRC-32 must match that of
  /// the header, and they must be smaller than the vocabulary.
  ///
  /// - Throws: ``InputError`` with the byte offset; ``FileError``.
  public init(path: String, verifyingContents: Bool = true) throws {
    file = try MappedFile(path: path)
    header = try Self.header(of: file)
    if verifyingContents { try verify() }
  }

  /// The id at `position`, which is below ``count``.
  public subscript(position: Int) -> UInt32 {
    precondition(0..<count ~= position, "the token is not in the shard")
    return token(position)
  }

  /// Copies the ids in `range`, which is within the shard, to `buffer`, which is large enough.
  public func copy<Element: FixedWidthInteger>(
    _ range: Range<Int>, to buffer: UnsafeMutableBufferPointer<Element>
  ) {
    precondition(range.lowerBound >= 0 && range.upperBound <= count, "the range is out of bounds")
    precondition(range.count <= buffer.count, "the buffer is too small for the tokens")
    for (index, position) in range.enumerated() {
      buffer[index] = Element(truncatingIfNeeded: token(position))
    }
  }

  @inline(__always)
  private func token(_ position: Int) -> UInt32 {
    if header.bytesPerToken == 2 {
      let offset = TokenShardHeader.byteCount + position * 2
      return UInt32(
        UInt16(littleEndian: file.bytes.loadUnaligned(fromByteOffset: offset, as: UInt16.self)))
    }
    let offset = TokenShardHeader.byteCount + position * 4
    return UInt32(
      littleEndian: file.bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
  }

  /// The largest id; 0 if there are none.
  ///
  /// The loop has no early exit, so that it vectorises.
  private var largestID: UInt32 {
    func largest<ID: FixedWidthInteger>(_ type: ID.Type) -> UInt32 {
      let ids = UnsafeRawBufferPointer(rebasing: file.bytes[TokenShardHeader.byteCount...])
      var largest: ID = 0
      for position in 0..<count {
        let id = ids.loadUnaligned(
          fromByteOffset: position &* MemoryLayout<ID>.size, as: ID.self)
        largest = max(largest, ID(littleEndian: id))
      }
      return UInt32(largest)
    }
    return header.bytesPerToken == 2 ? largest(UInt16.self) : largest(UInt32.self)
  }

  private static func header(of file: MappedFile) throws -> TokenShardHeader {
    func failure(_ word: Int, _ problem: String) -> InputError {
      InputError(file.path, .byte(word * 4), problem)
    }
    guard file.bytes.count >= TokenShardHeader.byteCount else {
      throw InputError(
        file.path, .byte(file.bytes.count),
        "the file ends within its header of \(TokenShardHeader.byteCount) bytes: it is cut off")
    }
    func word(_ index: Int) -> UInt32 {
      UInt32(littleEndian: file.bytes.load(fromByteOffset: index * 4, as: UInt32.self))
    }
    let bytesPerToken: Int
    switch word(0) {
    case TokenShardHeader.shortMagic: bytesPerToken = 2
    case TokenShardHeader.longMagic: bytesPerToken = 4
    default: throw failure(0, "the magic number is \(word(0)); this is not a file of tokens")
    }
    let version =
      bytesPerToken == 2 ? TokenShardHeader.shortVersion : TokenShardHeader.longVersion
    guard word(1) == version else {
      throw failure(1, "version \(word(1)); expected version \(version)")
    }
    guard let count = Int32(exactly: word(2)).map(Int.init) else {
      throw failure(2, "the count of tokens, \(Int32(bitPattern: word(2))), is negative")
    }
    let expected = TokenShardHeader.byteCount + count * bytesPerToken
    guard file.bytes.count == expected else {
      throw InputError(
        file.path, .byte(min(file.bytes.count, expected)),
        "the file has \(file.bytes.count) bytes; \(count) tokens need \(expected): "
          + (file.bytes.count < expected ? "it is cut off" : "something follows them"))
    }
    var description: TokenShardHeader.Description?
    switch word(3) {
    case 0: break
    case TokenShardHeader.described:
      guard word(4) == UInt32(bytesPerToken) else {
        throw failure(4, "\(word(4)) bytes per token; the magic number says \(bytesPerToken)")
      }
      guard word(5) <= Int32.max else { throw failure(5, "a vocabulary of \(word(5)) tokens") }
      guard bytesPerToken == TokenShardHeader.bytesPerToken(vocabularySize: Int(word(5))) else {
        throw failure(
          5, "ids of \(bytesPerToken) bytes do not match a vocabulary of \(word(5)) tokens")
      }
      guard word(6) < word(5) else {
        throw failure(6, "the end of text, id \(word(6)), is not in the vocabulary of \(word(5))")
      }
      description = .init(
        vocabularySize: Int(word(5)), endOfText: word(6), tokenizerDigest: word(7),
        checksum: word(8))
    default: throw failure(3, "description version \(word(3)); expected 0 or 1")
    }
    return TokenShardHeader(count: count, bytesPerToken: bytesPerToken, description: description)
  }

  private func verify() throws {
    guard let description = header.description else { return }
    let checksum = checksum()
    guard checksum == description.checksum else {
      throw InputError(
        path, .byte(TokenShardHeader.byteCount),
        "the CRC-32 of the tokens is \(NumberText.hexadecimal(checksum)), "
          + "the header says \(NumberText.hexadecimal(description.checksum)): the file is damaged")
    }
    try checkIDs(below: description.vocabularySize)
  }

  /// The CRC-32 of the bytes of the ids.
  func checksum() -> UInt32 {
    var checksum = CRC32()
    checksum.update(UnsafeRawBufferPointer(rebasing: file.bytes[TokenShardHeader.byteCount...]))
    return checksum.value
  }

  /// How often `id` occurs in the shard.
  func occurrences(of id: UInt32) -> Int {
    var count = 0
    for position in 0..<self.count where token(position) == id { count += 1 }
    return count
  }

  /// Checks that all ids are below `vocabularySize`.
  ///
  /// - Throws: ``InputError`` with the offset of the first id that is not.
  func checkIDs(below vocabularySize: Int) throws {
    guard largestID >= vocabularySize else { return }
    for position in 0..<count where token(position) >= vocabularySize {
      throw InputError(
        path, .byte(TokenShardHeader.byteCount + position * header.bytesPerToken),
        "the id \(token(position)) is not in the vocabulary of \(vocabularySize)")
    }
  }
}
