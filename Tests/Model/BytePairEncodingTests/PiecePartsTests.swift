import BytePairEncoding
import Testing

/// Very long pieces are merged part by part, to the tokens of the whole.
@Suite("PieceParts")
struct PiecePartsTests {
  /// The parts of `piece` that windows of `window` bytes lead to.
  private func parts(_ piece: [UInt8], _ tokenizer: Tokenizer, window: Int) -> [[UInt32]] {
    var parts: [[UInt32]] = []
    piece.withUnsafeBufferPointer { piece in
      _ = PieceParts(of: piece, PieceMerger(tokenizer)).forEach(window: window) {
        parts.append(Array($0))
        return true
      }
    }
    return parts
  }

  /// The ids of `piece` merged as a whole.
  private func whole(_ piece: [UInt8], _ tokenizer: Tokenizer) -> [UInt32] {
    let parts = parts(piece, tokenizer, window: piece.count)
    #expect(parts.count == 1)
    return parts.joined().map { $0 }
  }

  @Test("have the tokens of the whole, whatever is merged")
  func anyMerges() throws {
    var generator = FixedGenerator(state: 21)
    var partCount = 0
    for round in 0..<60 {
      let letters = Array(["a", "b", "c", "d"].prefix(round % 4 + 1))
      var tokens = letters
      var merges: [String] = []
      for _ in 0..<Int.random(in: 0...40, using: &generator) {
        let left = tokens.randomElement(using: &generator) ?? ""
        let right = tokens.randomElement(using: &generator) ?? ""
        if left.utf8.count + right.utf8.count > 12 { continue }
        merges.append("\(left) \(right)")
        tokens.append(left + right)
      }
      let tokenizer = try TokenizerFixture.tokenizer(merges: merges)
      for _ in 0..<10 {
        let piece = Array(generator.text(of: Array(tokens.suffix(8)), upTo: 400).utf8)
        let expected = whole(piece, tokenizer)
        for window in [8, 16, 40, 150] {
          let parts = parts(piece, tokenizer, window: window)
          #expect(Array(parts.joined()) == expected)
          partCount += parts.count
        }
      }
    }
    // Most pieces do come in parts.
    #expect(partCount > 10_000)
  }

  @Test("are larger where the end of the piece decides on its beginning", arguments: 60...61)
  func farReaching(_ count: Int) throws {
    // Of letters in a row the last two are merged first, then the two before them, and so on.
    let letters = (0..<count).map { UInt8(33 + $0) }
    let symbols = letters.map { TokenizerFixture.symbol(of: $0) }
    let merges = zip(symbols, symbols.dropFirst()).map { "\($0) \($1)" }.reversed()
    let tokenizer = try TokenizerFixture.tokenizer(merges: Array(merges))
    for window in [16, 32] {
      let tokens = parts(letters, tokenizer, window: window).joined().map {
        Array(tokenizer.bytes(of: $0))
      }
      let start = count % 2
      let pairs = stride(from: start, to: count, by: 2).map { Array(letters[$0..<$0 + 2]) }
      #expect(tokens == letters.prefix(start).map { [$0] } + pairs)
    }
  }

  @Test("end when no more are wanted")
  func stopping() throws {
    let piece = [UInt8](repeating: 0x61, count: 1000)
    let merger = PieceMerger(try TokenizerFixture.tokenizer(merges: ["a a"]))
    var taken = 0
    let isComplete = piece.withUnsafeBufferPointer { piece in
      PieceParts(of: piece, merger).forEach(window: 64) { _ in
        taken += 1
        return taken < 3
      }
    }
    #expect(!isComplete)
    #expect(taken == 3)
  }
}
