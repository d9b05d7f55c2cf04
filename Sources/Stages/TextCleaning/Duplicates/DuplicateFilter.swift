/// Recognises posts with the same text as an earlier post: a model would learn them by heart.
///
/// Texts are compared as the earlier rules have left them. Only a 128-bit digest of each text is
/// kept; the probability that two texts among a billion share one by chance is 1 in 10²⁰.
public struct DuplicateFilter {
  public static let declaration = RuleDeclaration(
    nil, "duplicates",
    "a post that repeats an earlier one word for word would be learned by heart")

  private var seen: Set<Digest> = []

  /// A filter that has seen no post.
  public init() {}

  /// Whether no earlier text had the digest `digest`.
  package mutating func isNew(_ digest: Digest) -> Bool { seen.insert(digest).inserted }
}

/// 128 bits that stand for a text: SipHash-2-4 with 128 bits of output.
///
/// The same text has the same digest on every machine.
package struct Digest: Hashable, Sendable {
  /// The first eight bytes of the output, in little-endian order.
  package let low: UInt64
  /// The last eight bytes of the output, in little-endian order.
  package let high: UInt64

  /// The digest of `text` under the key `key`.
  package init(of text: Span<UInt8>, key: (low: UInt64, high: UInt64) = (0, 0)) {
    var state = SipState(key)
    let wholeWords = text.count & ~7
    for offset in stride(from: 0, to: wholeWords, by: 8) {
      state.absorb(
        UInt64(
          littleEndian: text.bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self)))
    }
    // The last word holds the remaining bytes and, on top, the length.
    var last = UInt64(truncatingIfNeeded: text.count) << 56
    for offset in wholeWords..<text.count {
      last |= UInt64(text[offset]) << UInt64(8 * (offset - wholeWords))
    }
    state.absorb(last)
    state.v2 ^= 0xEE
    low = state.finish()
    state.v1 ^= 0xDD
    high = state.finish()
  }

  package func hash(into hasher: inout Hasher) {
    // The bits are already mixed.
    hasher.combine(low)
  }
}

/// The four words of SipHash's state.
private struct SipState {
  var v0: UInt64
  var v1: UInt64
  var v2: UInt64
  var v3: UInt64

  init(_ key: (low: UInt64, high: UInt64)) {
    v0 = key.low ^ 0x736F_6D65_7073_6575
    v1 = key.high ^ 0x646F_7261_6E64_6F6D ^ 0xEE
    v2 = key.low ^ 0x6C79_6765_6E65_7261
    v3 = key.high ^ 0x7465_6462_7974_6573
  }

  @inline(__always)
  mutating func absorb(_ word: UInt64) {
    v3 ^= word
    round()
    round()
    v0 ^= word
  }

  /// Performs four rounds and combines the words.
  mutating func finish() -> UInt64 {
    for _ in 0..<4 { round() }
    return v0 ^ v1 ^ v2 ^ v3
  }

  @inline(__always)
  private mutating func round() {
    v0 &+= v1
    v1 = v1 << 13 | v1 >> 51
    v1 ^= v0
    v0 = v0 << 32 | v0 >> 32
    v2 &+= v3
    v3 = v3 << 16 | v3 >> 48
    v3 ^= v2
    v0 &+= v3
    v3 = v3 << 21 | v3 >> 43
    v3 ^= v0
    v2 &+= v1
    v1 = v1 << 17 | v1 >> 47
    v1 ^= v2
    v2 = v2 << 32 | v2 >> 32
  }
}
