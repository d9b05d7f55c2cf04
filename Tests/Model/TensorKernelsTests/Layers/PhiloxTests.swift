import Glibc
import TensorKernels
import Testing

/// Philox 4x32-10 word for word as section 2 of Salmon and others describes it.
func referencePhilox(counter: [UInt32], key: [UInt32]) -> [UInt32] {
  var (c, k) = (counter, key)
  for _ in 0..<10 {
    let first = UInt64(0xD251_1F53) * UInt64(c[0])
    let second = UInt64(0xCD9E_8D57) * UInt64(c[2])
    c = [
      UInt32(second >> 32) ^ c[1] ^ k[0], UInt32(truncatingIfNeeded: second),
      UInt32(first >> 32) ^ c[3] ^ k[1], UInt32(truncatingIfNeeded: first),
    ]
    k = [k[0] &+ 0x9E37_79B9, k[1] &+ 0xBB67_AE85]
  }
  return c
}

@Suite("PhiloxGenerator")
struct PhiloxTests {
  private func words(_ numbers: [UInt64]) -> [UInt32] {
    numbers.flatMap { [UInt32(truncatingIfNeeded: $0), UInt32($0 >> 32)] }
  }

  @Test(
    "gives the known answers of Random123, and so does the reference",
    arguments: [
      (
        [0, 0, 0, 0], [0, 0],
        [0x6627_E8D5, 0xE169_C58D, 0xBC57_AC4C, 0x9B00_DBD8]
      ),
      (
        [.max, .max, .max, .max], [.max, .max],
        [0x408F_276D, 0x41C8_3B0E, 0xA20B_C7C6, 0x6D54_51FD]
      ),
      (
        [0x243F_6A88, 0x85A3_08D3, 0x1319_8A2E, 0x0370_7344], [0xA409_3822, 0x299F_31D0],
        [0xD16C_FE09, 0x94FD_CCEB, 0x5001_E420, 0x2412_6EA1]
      ),
    ] as [([UInt32], [UInt32], [UInt32])])
  func knownAnswers(counter: [UInt32], key: [UInt32], answer: [UInt32]) {
    var generator = PhiloxGenerator(
      key: UInt64(key[1]) << 32 | UInt64(key[0]),
      counter: (counter[0], counter[1], counter[2], counter[3]))
    #expect(words([generator.next(), generator.next()]) == answer)
    #expect(referencePhilox(counter: counter, key: key) == answer)
  }

  @Test("counts on in the lower two words of the counter")
  func counting() {
    var generator = PhiloxGenerator(key: 2 << 32 | 1, counter: (.max - 1, 3, 4, 5))
    let seen = words((0..<6).map { _ in generator.next() })
    let expected = [[.max - 1, 3, 4, 5], [.max, 3, 4, 5], [0, 4, 4, 5]].flatMap {
      referencePhilox(counter: $0, key: [1, 2])
    }
    #expect(seen == expected)
  }

  @Test("a seed is the key, a purpose and its stream are the upper words of the counter")
  func streams() {
    var generator = PhiloxGenerator(seed: 0x0123_4567_89AB_CDEF, .blockOrder, stream: 9)
    let expected = referencePhilox(
      counter: [0, 0, 9, 0xFFFF_FFFE], key: [0x89AB_CDEF, 0x0123_4567])
    #expect(words([generator.next(), generator.next()]) == expected)
  }

  @Test("units are from 0 to below 1, and even")
  func units() {
    var generator = PhiloxGenerator(seed: 1, .sampling, stream: 0)
    let units = (0..<100_000).map { _ in generator.nextUnit() }
    #expect(units.allSatisfy { (0..<1).contains($0) })
    // The deviation of the mean is 1/√(12 · 100,000) = 9e-4.
    #expect(abs(units.reduce(0, +) / 100_000 - 0.5) < 5e-3)
    let below = units.count { $0 < 0.1 }
    #expect((9500...10500).contains(below))
  }

  @Test(
    "normal numbers are the Box-Muller transform of the words, on any number of threads",
    arguments: [1, 64, 1000, 100_000], [1, 3])
  func boxMuller(count: Int, threads: Int) {
    let numbers = normalNumbers(count, threads: threads)
    // 16 counters give 64 numbers: first the cosines and sines of the first two words of each.
    let expected = (0..<count).map { index in
      let (stretch, place) = index.quotientAndRemainder(dividingBy: 64)
      let words = referencePhilox(
        counter: [UInt32(16 * stretch + place % 16), 0, 7, 0xFFFF_FFFF],
        key: [0x89AB_CDEF, 0x0123_4567])
      let pair = place / 32 * 2
      let radius = 3 * (-2 * log((Double(words[pair]) + 0.5) * 0x1p-32)).squareRoot()
      let angle = 2 * Double.pi * Double(words[pair + 1]) * 0x1p-32
      return radius * (place / 16 % 2 == 0 ? cos(angle) : sin(angle))
    }
    for (number, expected) in zip(numbers, expected) {
      #expect(abs(Double(number) - expected) <= 1e-6 * abs(expected))
    }
  }

  @Test("normal numbers have the moments and the tails of the normal distribution")
  func moments() {
    let count = 1_000_000
    let numbers = normalNumbers(count, threads: 2).map { Double($0) / 3 }
    func mean(_ power: Int) -> Double {
      numbers.reduce(0) { sum, number in sum + (0..<power).reduce(1) { p, _ in p * number } }
        / Double(count)
    }
    // Within five times the deviation of each mean.
    #expect(abs(mean(1)) < 5e-3)
    #expect(abs(mean(2) - 1) < 7.1e-3)
    #expect(abs(mean(3)) < 0.02)
    #expect(abs(mean(4) - 3) < 0.05)
    let beyondThree = numbers.count { abs($0) > 3 }
    #expect((2440...2960).contains(beyondThree))
  }

  private func normalNumbers(_ count: Int, threads: Int) -> [Float] {
    let numbers = FloatArena(count: count)
    ThreadPool(count: threads).drawNormal(
      numbers.floats, deviation: 3, seed: 0x0123_4567_89AB_CDEF, .initialWeights, stream: 7)
    return Array(numbers.floats)
  }
}
