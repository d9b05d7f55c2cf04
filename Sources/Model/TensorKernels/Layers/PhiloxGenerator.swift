import CKernels

/// A counter-based random number generator: Philox 4x32-10 (Salmon et al., SC11).
///
/// A seed has 2⁶⁴ independent streams; ``Dropout`` draws from the streams (pass, place), whose
/// places are small numbers.
public struct PhiloxGenerator: RandomNumberGenerator, Sendable {
  /// What a stream is used for, so that no two uses share one.
  public enum Purpose: UInt32, Sendable {
    case initialWeights = 0xFFFF_FFFF
    case blockOrder = 0xFFFF_FFFE
    case sampling = 0xFFFF_FFFD
    case prompts = 0xFFFF_FFFC
    case initialAdapter = 0xFFFF_FFFB
  }

  private let key: UInt64
  private var counter: CKernelsWords
  private var spare: UInt64?

  /// Stream `stream` of `purpose`.
  public init(seed: UInt64, _ purpose: Purpose, stream: Int) {
    self.init(
      key: seed, counter: (0, 0, UInt32(truncatingIfNeeded: stream), purpose.rawValue))
  }

  /// The stream under `key` from `counter` on.
  package init(key: UInt64, counter: (UInt32, UInt32, UInt32, UInt32)) {
    self.key = key
    self.counter = CKernelsWords(words: counter)
  }

  public mutating func next() -> UInt64 {
    if let spare {
      self.spare = nil
      return spare
    }
    let words = ckernels_philox(counter, key).words
    counter.words.0 &+= 1
    if counter.words.0 == 0 { counter.words.1 &+= 1 }
    spare = UInt64(words.3) << 32 | UInt64(words.2)
    return UInt64(words.1) << 32 | UInt64(words.0)
  }

  /// A number from 0 to below 1, with 53 random bits.
  public mutating func nextUnit() -> Double {
    Double(next() >> 11) * 0x1p-53
  }
}

extension ThreadPool {
  /// Fills `floats` with normally distributed numbers with a mean of zero, made of the random words of
  /// a stream by the Box-Muller transform in single precision.
  ///
  /// A number depends only on the seed, the purpose, the stream and its index.
  public func drawNormal(
    _ floats: Floats, deviation: Float, seed: UInt64, _ purpose: PhiloxGenerator.Purpose,
    stream: Int
  ) {
    let stream = CKernelsStream(
      seed: seed, place: (UInt32(truncatingIfNeeded: stream), purpose.rawValue))
    let stretch = Int(CKERNELS_NORMAL_STRETCH)
    split(floats.count.dividedRoundingUp(by: stretch), minimum: 256) { stretches, _ in
      let first = stretches.lowerBound * stretch
      let part = floats[first..<min(floats.count, stretches.upperBound * stretch)]
      withUnsafePointer(to: stream) {
        ckernels_normal(part.base, deviation, $0, UInt64(first / 4), part.count)
      }
    }
  }
}

extension CKernelsStream {
  init(seed: UInt64, place: (UInt32, UInt32)) {
    self.init(
      key: (UInt32(truncatingIfNeeded: seed), UInt32(truncatingIfNeeded: seed >> 32)), place: place)
  }
}
