import Foundation
import TensorKernels
import Testing
import TextGeneration

@Suite("TokenSampler")
struct TokenSamplerTests {
  /// Settings under which the fast and the plain procedure are compared.
  private static let allSettings: [SamplingSettings] = [
    settings(), settings { $0.topK = 50 }, settings { $0.topK = 1 },
    settings { $0.topK = 700 }, settings { $0.topK = 3000 }, settings { $0.topK = 40_000 },
    settings { $0.topP = 0.9 }, settings { $0.topP = 0.3 }, settings { $0.topP = 0.9995 },
    settings { $0.minP = 0.03 }, settings { $0.typicalP = 0.3 }, settings { $0.typicalP = 0.95 },
    settings { $0.temperature = 0.4 },
    settings {
      $0.temperature = 1.7
      $0.repetitionPenalty = 1.3
      $0.topK = 200
      $0.topP = 0.97
      $0.minP = 0.01
      $0.typicalP = 0.9
    },
    settings {
      $0.noRepeatNGram = 2
      $0.badWords = [[2], [1, 3], [0]]
      $0.suppressedTokens = [4]
      $0.minimumLength = 12
      $0.minimumNewTokens = 8
      $0.allowsEndOfText = false
      $0.topP = 0.8
    },
    settings {
      $0.temperature = 0
      $0.repetitionPenalty = 2
      $0.topK = 3
    },
  ]

  private static let text: [Int32] = [3, 1, 2, 1, 0, 3, 4, 1]

  @Test(
    "leaves what the plain procedure leaves after each step, in vocabularies of any size",
    arguments: [6, 15, 16, 17, 500, 512, 1023, 5000, 50_257])
  func steps(vocabulary: Int) {
    let all: [[Float]] = [
      randomLogits(vocabulary, seed: 1), randomLogits(vocabulary, seed: 2, scale: 12),
      randomLogits(vocabulary, seed: 3).map { ($0 * 2).rounded() / 2 },
      [Float](repeating: 1.5, count: vocabulary),
      randomLogits(vocabulary, seed: 4).enumerated().map { $0 % 3 == 1 ? -.infinity : $1 },
    ]
    for settings in Self.allSettings {
      var sampler = TokenSampler(settings, endOfText: [5], vocabulary: vocabulary)
      for logits in all {
        let steps = sampler.steps(logits, text: Self.text, promptCount: 3)
        let plain = plainSteps(
          logits, text: Self.text, promptCount: 3, endOfText: [5], settings)
        #expect(steps.map(\.processor) == plain.map(\.0))
        #expect(steps.map(\.processor) == sampler.processors)
        for ((processor, values), (_, expected)) in zip(steps, plain) {
          #expect(values == expected, "\(processor) of \(settings)")
        }
      }
    }
  }

  @Test("draws the token that the plain procedure draws with the same number")
  func sameDraws() throws {
    let logits = randomLogits(900, seed: 5, scale: 5)
    for settings in Self.allSettings where !settings.isGreedy {
      var sampler = TokenSampler(settings, endOfText: [5], vocabulary: logits.count)
      let last = plainSteps(logits, text: Self.text, promptCount: 3, endOfText: [5], settings).last
      let probabilities = softmax(last?.1 ?? logits)
      for index in 0..<300 {
        var generator = PhiloxGenerator(seed: 42, .sampling, stream: index)
        var rest = generator.nextUnit() * probabilities.reduce(0) { $0 + Double($1) }
        let expected = probabilities.firstIndex { probability in
          rest -= Double(probability)
          return rest < 0
        }
        let sampled = try sampler.sample(logits, text: Self.text, promptCount: 3, index: index)
        #expect(Int(sampled.token) == expected)
      }
    }
  }

  @Test("takes one number for a token, none if it is greedy")
  func numbers() throws {
    let logits = randomLogits(100, seed: 6)
    for (temperature, count) in [(1, 1), (0, 0)] as [(Float, Int)] {
      var sampler = TokenSampler(
        settings { $0.temperature = temperature }, endOfText: [], vocabulary: 100)
      var generator = PhiloxGenerator(seed: 1, .sampling, stream: 0)
      var other = generator
      _ = try sampler.sample(logits.span, text: [], promptCount: 0, &generator)
      for _ in 0..<count { _ = other.next() }
      #expect(generator.next() == other.next())
    }
  }

  @Test("samples the same whatever was sampled before")
  func memory() throws {
    var used = TokenSampler(settings { $0.topP = 0.9 }, endOfText: [], vocabulary: 2000)
    for seed in 0..<20 as Range<UInt64> {
      let logits = randomLogits(2000, seed: seed, scale: Float(seed))
      var new = TokenSampler(settings { $0.topP = 0.9 }, endOfText: [], vocabulary: 2000)
      #expect(
        try used.sample(logits, index: Int(seed)) == new.sample(logits, index: Int(seed)))
    }
  }

  // MARK: - Greedy sampling

  @Test("takes the first of several most likely tokens", arguments: [4, 40, 400])
  func firstOfTies(vocabulary: Int) throws {
    var logits = [Float](repeating: -1, count: vocabulary)
    for token in [vocabulary / 2, vocabulary / 2 + 1, vocabulary - 1] { logits[token] = 2 }
    var sampler = TokenSampler(
      settings { $0.temperature = 0 }, endOfText: [], vocabulary: vocabulary)
    #expect(try sampler.sample(logits).token == vocabulary / 2)
  }

  @Test("obeys the rules, but not what thins out, where it is greedy")
  func greedy() throws {
    var sampler = TokenSampler(
      settings {
        $0.temperature = 0
        $0.noRepeatNGram = 1
        $0.suppressedTokens = [3]
        $0.topK = 1
        $0.topP = 0.1
        $0.minP = 0.9
        $0.typicalP = 0.1
      }, endOfText: [], vocabulary: 5)
    #expect(sampler.processors == [.noRepeatNGram, .suppressedTokens])
    #expect(try sampler.sample([1, 5, 2, 9, 3], text: [1]).token == 4)
  }

  // MARK: - Log-probability

  @Test("gives the log-probability by the model alone", arguments: [3, 16, 1000, 50_257])
  func logProbability(vocabulary: Int) throws {
    let logits = randomLogits(vocabulary, seed: 8, scale: 6)
    let maximum = logits.max() ?? 0
    let sum = logits.reduce(0) { $0 + exp(Double($1) - Double(maximum)) }
    for settings in Self.allSettings.prefix(14) {
      var sampler = TokenSampler(settings, endOfText: [], vocabulary: vocabulary)
      let sampled = try sampler.sample(logits, text: [0, 1, 1])
      let expected = Double(logits[Int(sampled.token)]) - Double(maximum) - log(sum)
      #expect(abs(Double(sampled.logProbability) - expected) < 2e-6 * max(1, -expected))
    }
  }

  @Test("distinguishes tokens that are certain, hopeless or alone")
  func extremes() throws {
    var sampler = TokenSampler(settings(), endOfText: [], vocabulary: 3)
    #expect(
      try sampler.sample([500, -500, -.infinity]) == SampledToken(token: 0, logProbability: 0))
    var other = TokenSampler(settings { $0.suppressedTokens = [0] }, endOfText: [], vocabulary: 3)
    #expect(
      try other.sample([500, -500, -.infinity]) == SampledToken(token: 1, logProbability: -1000))
    var one = TokenSampler(settings { $0.topP = 0 }, endOfText: [], vocabulary: 1)
    #expect(try one.sample([-3e38]) == SampledToken(token: 0, logProbability: 0))
  }

  // MARK: - Errors

  @Test("reports logits that are not finite", arguments: [0, 1] as [Float])
  func notFinite(temperature: Float) {
    for bad in [.nan, .infinity] as [Float] {
      for count in [2, 40] {
        for place in [0, count - 1] {
          var sampler = TokenSampler(
            settings { $0.temperature = temperature }, endOfText: [], vocabulary: count)
          var logits = randomLogits(count, seed: 9)
          logits[place] = bad
          #expect(throws: SamplingError.notFinite) { try sampler.sample(logits) }
          logits = [Float](repeating: -.infinity, count: count)
          logits[place] = bad
          #expect(throws: SamplingError.notFinite) { try sampler.sample(logits) }
        }
      }
    }
  }

  @Test("reports that no token is left", arguments: [0, 1] as [Float])
  func nothingLeft(temperature: Float) throws {
    let all = settings {
      $0.temperature = temperature
      $0.noRepeatNGram = 1
      $0.topK = 2
      $0.topP = 0.5
      $0.minP = 0.5
      $0.typicalP = 0.5
    }
    var sampler = TokenSampler(all, endOfText: [], vocabulary: 4)
    #expect(throws: SamplingError.nothingLeft) {
      try sampler.sample([1, 2, 3, 4], text: [0, 1, 2, 3])
    }
    #expect(throws: SamplingError.nothingLeft) {
      try sampler.sample([Float](repeating: -.infinity, count: 4))
    }
    #expect(
      sampler.steps([1, 2, 3, 4], text: [0, 1, 2, 3]).allSatisfy { $0.logits.max() == -.infinity })
    // The sampler is as good as new.
    #expect(try sampler.sample([1, 2, 3, 4], text: [0, 1, 2]).token == 3)
  }

  @Test("reports a temperature that is too low to compute with")
  func tooLarge() {
    for change in [
      { $0.topK = 2 }, { $0.topP = 0.5 }, { $0.minP = 0.5 }, { $0.typicalP = 0.5 },
    ] as [(inout SamplingSettings) -> Void] {
      var cold = settings(change)
      cold.temperature = .leastNonzeroMagnitude
      var sampler = TokenSampler(cold, endOfText: [], vocabulary: 3)
      #expect(throws: SamplingError.tooLarge) { try sampler.sample([1, 2, -3]) }
    }
  }
}
