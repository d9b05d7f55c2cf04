import TensorKernels
import Testing

@Suite("Finite numbers")
struct FiniteNumbersTests {
  private func firstNonFinite(_ numbers: [Float]) -> Int? {
    numbers.withUnsafeBufferPointer { $0.firstNonFinite }
  }

  @Test("the first number that is not finite is found, wherever it is")
  func places() {
    var numbers = [Float](repeating: .greatestFiniteMagnitude, count: 9001)
    numbers[7] = -0
    numbers[8] = -.leastNonzeroMagnitude
    #expect(firstNonFinite([]) == nil)
    #expect(firstNonFinite(numbers) == nil)
    for index in [0, 1, 17, 4095, 4096, 8191, 9000] {
      for bad in [Float.nan, -.nan, .infinity, -.infinity, .signalingNaN] {
        var damaged = numbers
        damaged[index] = bad
        if index < 9000 { damaged[9000] = .nan }
        #expect(firstNonFinite(damaged) == index)
      }
    }
  }
}
