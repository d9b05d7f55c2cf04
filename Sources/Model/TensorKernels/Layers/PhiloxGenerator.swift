import CKernels

/// A counter-based random number generator: Philox 4x32-10 (Salmon et al., SC11).
///
/// A seed has 2⁶⁴ independent streams; ``Dropout`` draws from the streams (pass, place), whose places
/// are small numbers.
public struct PhiloxGenerator: RandomNumberGenerator, Sendable {
  /// What a stream is used for, so that no two uses share one.
  public enum Purpose: UInt32, Sendable {
    case initialWeights = 0xFFFF_FFFF
    case blockOrder = 0xFFFF_FFFE
    case sampling = 0xFFFF_FFFD
    case prompts = 0xFFFF_FFFC
  }

  private let key: (UInt32, UInt32)
  private var counter: (UInt32, UInt32, UInt32, UInt32)
  private var spare: UInt64?

  /// Stream `stream` of `purpose`, without its first `skipped` pairs of numbers.
  public init(seed: UInt64, _ purpose: Purpose, stream: Int, skippingPairs skipped: Int = 0) {
    key = (UInt32(truncatingIfNeeded: seed), UInt32(truncatingIfNeeded: seed >> 32))
    counter = (
      UInt32(truncatingIfNeeded: skipped), UInt32(truncatingIfNeeded: skipped >> 32),
      UInt32(truncatingIfNeeded: stream), purpose.rawValue
    )
  }

  /// The stream under `key` from `counter` on.
  package init(
    key: (UInt32, UInt32), counter: (UInt32, UInt32, UInt32, UInt32)
  ) {
    self.key = key
    self.counter = counter
  }

  public mutating func next() -> UInt64 {
    if let spare {
      self.spare = nil
      return spare
    }
    let words = nextWords()
    spare = UInt64(words.3) << 32 | UInt64(words.2)
    return UInt64(words.1) << 32 | UInt64(words.0)
  }

  /// A number from 0 to below 1, with 53 random bits.
  public mutating func nextUnit() -> Double {
    Double(next() >> 11) * 0x1p-53
  }

  private mutating func nextWords() -> (UInt32, UInt32, UInt32, UInt32) {
    var words: (UInt32, UInt32, UInt32, UInt32) = (0, 0, 0, 0)
    withUnsafeBytes(of: counter) { counter in
      withUnsafeBytes(of: key) { key in
        withUnsafeMutableBytes(of: &words) { words in
          guard let out = words.bindMemory(to: UInt32.self).baseAddress,
            let counter = counter.bindMemory(to: UInt32.self).baseAddress,
            let key = key.bindMemory(to: UInt32.self).baseAddress
          else { return }
          ckernels_philox(out, counter, key)
        }
      }
    }
    counter.0 &+= 1
    if counter.0 == 0 { counter.1 &+= 1 }
    return words
  }
}
