/// A short piece as it is looked up: its bytes, zeros behind them, and its length.
struct PieceKey: Equatable {
  /// Longer pieces have no key.
  static let longestPiece = 31
  /// How many bytes are read of a piece, whatever its length.
  static let bytesRead = 32

  /// Bytes 0 to 30 are the piece, byte 31 is its length.
  private let words: (UInt64, UInt64, UInt64, UInt64)

  /// The key of no piece.
  static var none: PieceKey { PieceKey(words: (0, 0, 0, 0)) }

  private init(words: (UInt64, UInt64, UInt64, UInt64)) {
    self.words = words
  }

  /// The key of the piece of `count` bytes, 1 to ``longestPiece``, at `piece`, where ``bytesRead``
  /// bytes can be read.
  @inline(__always)
  init(_ piece: UnsafeRawPointer, count: Int, _ mask: PieceMask) {
    @inline(__always) func word(_ index: Int) -> UInt64 {
      piece.loadUnaligned(fromByteOffset: index * 8, as: UInt64.self)
        & mask.ones.loadUnaligned(fromByteOffset: 32 - count + index * 8, as: UInt64.self)
    }
    words = (word(0), word(1), word(2), word(3) | UInt64(littleEndian: UInt64(count) << 56))
  }

  /// How many bytes the piece has; 0 if there is none.
  var count: Int { Int(UInt64(littleEndian: words.3) >> 56) }

  /// Two products of 128 bits whose halves are folded; only the speed depends on its quality.
  @inline(__always)
  var hash: UInt64 {
    let a = (words.0 ^ 0x9E37_79B9_7F4A_7C15).multipliedFullWidth(
      by: words.1 ^ 0xD6E8_FEB8_6659_FD93)
    let b = (words.2 ^ 0xA076_1D64_78BD_642F).multipliedFullWidth(
      by: words.3 ^ 0xE703_7ED1_A0B4_28DB)
    let folded = a.high ^ a.low ^ b.high ^ b.low
    return folded ^ folded >> 29
  }

  @inline(__always)
  static func == (a: PieceKey, b: PieceKey) -> Bool { a.words == b.words }

  /// Calls `body` with the bytes of the piece.
  func withPiece<Result>(_ body: (UnsafeBufferPointer<UInt8>) -> Result) -> Result {
    withUnsafeBytes(of: words) { bytes in
      body(UnsafeBufferPointer(rebasing: bytes.bindMemory(to: UInt8.self)[..<count]))
    }
  }
}

/// Takes from the bytes at a piece those that belong to it.
final class PieceMask {
  /// 32 bytes of ones with zeros behind them.
  fileprivate let ones: UnsafeMutableRawPointer

  init() {
    ones = .allocate(byteCount: 64, alignment: 64)
    ones.initializeMemory(as: UInt8.self, repeating: 0xFF, count: 32)
    (ones + 32).initializeMemory(as: UInt8.self, repeating: 0, count: 32)
  }

  deinit {
    ones.deallocate()
  }
}
