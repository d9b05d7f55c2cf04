import Communication
import TestSupport
import Testing

@Suite("A sum in the background")
struct BackgroundSumTests {
  @Test("it has the bits of the sum, whatever the pieces", arguments: [2, 3, 4])
  func bits(size: Int) throws {
    let count = 10_000
    for starts in [[9_990, 5_000, 5_000, 1], [0], []] {
      for result in withRanks(
        size,
        { ranks in
          var floats = (0..<count).map { Float(($0 * 7919 + ranks.rank * 104_729) % 1009) / 7 }
          var expected = floats
          expected.withUnsafeMutableBufferPointer { ranks.sum($0, contributors: size) }
          floats.withUnsafeMutableBufferPointer { floats in
            let sum = BackgroundSum(ranks, floats)
            starts.forEach(sum.extend)
            sum.finish()
          }
          return floats == expected
        })
      {
        #expect(try result.get(), "\(starts)")
      }
    }
  }
}
