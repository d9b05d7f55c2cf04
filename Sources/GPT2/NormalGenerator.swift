import CKernels
import Glibc

/// Normally distributed random numbers: Philox 4x32-10 and the Box-Muller transform.
struct NormalGenerator {
  private let key: (UInt32, UInt32)
  private var counter: (UInt32, UInt32, UInt32, UInt32)
  private var spare: Float?

  /// The numbers of `stream`, of which each seed has many.
  init(seed: UInt64, stream: UInt64) {
    key = (UInt32(truncatingIfNeeded: seed), UInt32(truncatingIfNeeded: seed >> 32))
    counter = (0, 0, UInt32(truncatingIfNeeded: stream), UInt32.max)
  }

  mutating func next() -> Float {
    if let spare {
      self.spare = nil
      return spare
    }
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
    // The half keeps the logarithm away from 0.
    let radius = (-2 * log((Double(words.0) + 0.5) * 0x1p-32)).squareRoot()
    let angle = 2 * Double.pi * Double(words.1) * 0x1p-32
    spare = Float(radius * sin(angle))
    return Float(radius * cos(angle))
  }
}
