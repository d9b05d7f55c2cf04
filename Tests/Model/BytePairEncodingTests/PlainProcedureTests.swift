import BytePairEncoding
import Testing

/// The split and the merges written down as they are defined, slow and with nothing remembered.
private enum PlainProcedure {
  typealias Scalars = ArraySlice<Unicode.Scalar>

  private static func isLetter(_ scalar: Unicode.Scalar) -> Bool {
    switch category(scalar) {
    case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter: true
    default: false
    }
  }

  private static func isNumber(_ scalar: Unicode.Scalar) -> Bool {
    switch category(scalar) {
    case .decimalNumber, .letterNumber, .otherNumber: true
    default: false
    }
  }

  private static func isSpace(_ scalar: Unicode.Scalar) -> Bool { scalar.properties.isWhitespace }

  /// The category in Unicode 16; the standard library may know a later version.
  private static func category(_ scalar: Unicode.Scalar) -> Unicode.GeneralCategory {
    guard let age = scalar.properties.age, age.major <= 16 else { return .unassigned }
    return scalar.properties.generalCategory
  }

  /// How many scalars at the beginning of `text` are the next piece.
  private static func pieceLength(_ text: Scalars) -> Int {
    for contraction in ["'s", "'t", "'re", "'ve", "'m", "'ll", "'d"]
    where text.starts(with: contraction.unicodeScalars) {
      return contraction.unicodeScalars.count
    }
    for isMember in [isLetter, isNumber, { !isLetter($0) && !isNumber($0) && !isSpace($0) }] {
      for space in text.first == " " ? [1, 0] : [0] {
        let run = text.dropFirst(space).prefix(while: isMember).count
        if run > 0 { return space + run }
      }
    }
    // \s+(?!\S): the longest run behind which no other character stands.
    let run = text.prefix(while: isSpace).count
    for length in stride(from: run, to: 0, by: -1) {
      guard let next = text.dropFirst(length).first else { return length }
      if isSpace(next) { return length }
    }
    return run
  }

  static func pieces(_ text: String) -> [[UInt8]] {
    var rest = Array(text.unicodeScalars)[...]
    var pieces: [[UInt8]] = []
    while !rest.isEmpty {
      let length = pieceLength(rest)
      pieces.append(rest.prefix(length).flatMap { Array(String($0).utf8) })
      rest = rest.dropFirst(length)
    }
    return pieces
  }

  /// Merges the pair of the lowest rank, the leftmost, again and again; of two equal merges the
  /// later counts.
  static func tokens(_ piece: [UInt8], _ merges: [String]) -> [String] {
    var symbols = piece.map { TokenizerFixture.symbol(of: $0) }
    while true {
      let pairs = zip(symbols, symbols.dropFirst()).map { "\($0) \($1)" }
      let ranks = pairs.map { merges.lastIndex(of: $0) ?? .max }
      guard let best = ranks.min(), best != .max, let index = ranks.firstIndex(of: best) else {
        return symbols
      }
      symbols.replaceSubrange(index...index + 1, with: [symbols[index] + symbols[index + 1]])
    }
  }
}

@Suite struct PlainProcedureTests {
  static let alphabets: [[String]] = [
    ["a", "b", "c"],
    ["a", "b", " ", "  ", "'", "s", "re", "\n", "\r\n"],
    ["ж", "и", "\u{306}", "й", "ё", " ", "е", "\u{308}", "1", "!"],
    ["\u{A0}", "\u{85}", "\u{3000}", "\u{2028}", "\u{1C}", "\u{0}", "\t", " ", "x", "\u{FEFF}"],
    ["😀", "👨\u{200D}👩", "🇷🇺", "\u{FE0F}", "\u{20E3}", "1", "²", "Ⅷ", "٣", "ª", "\u{200B}", " "],
    ["\u{1C89}", "\u{A7CE}", "\u{E000}", "\u{10FFFF}", "日", "한", "ไ", "'ll", " '", "-", "—"],
  ]

  /// Merges of tokens that the alphabet leads to, some twice and some to a token made before.
  func randomMerges(_ alphabet: [String], _ generator: inout FixedGenerator) -> [String] {
    var tokens = alphabet.flatMap { $0.utf8.map { TokenizerFixture.symbol(of: $0) } }
    var merges: [String] = []
    for _ in 0..<Int.random(in: 0...60, using: &generator) {
      let left = tokens.randomElement(using: &generator) ?? ""
      let right = tokens.randomElement(using: &generator) ?? ""
      merges.append("\(left) \(right)")
      tokens.append(left + right)
    }
    return merges
  }

  @Test("gives the ids of the plain procedure, and the bytes back", arguments: alphabets.indices)
  func sameIDs(alphabet: Int) throws {
    let alphabet = Self.alphabets[alphabet]
    var generator = FixedGenerator(state: UInt64(alphabet.count) + 40)
    for _ in 0..<12 {
      let merges = randomMerges(alphabet, &generator)
      let tokenizer = try TokenizerFixture.tokenizer(merges: merges)
      var encoder = Encoder(tokenizer)
      for length in [1, 2, 4, 8, 30, 120] {
        for _ in 0..<12 {
          let text = generator.text(of: alphabet, upTo: length)
          let ids = try encoder.encode(text)
          let tokens = PlainProcedure.pieces(text).flatMap { PlainProcedure.tokens($0, merges) }
          #expect(ids.compactMap(tokenizer.text(of:)) == tokens)
          #expect(tokenizer.decode(ids) == Array(text.utf8))
        }
      }
    }
  }

  @Test("splits as the plain procedure does around every character of the first planes")
  func characters() throws {
    let preTokenizer = PreTokenizer()
    for code in Array(0..<0x34000) + Array(0xE0000..<0xE0200) + [0xF0000, 0x10FFFF] {
      guard let scalar = Unicode.Scalar(UInt32(code)) else { continue }
      let text = "a\(scalar)1\(scalar)! \(scalar)"
      let pieces = try preTokenizer.pieces(of: Array(text.utf8)).map(Array.init)
      if pieces != PlainProcedure.pieces(text) {
        Issue.record("U+\(String(code, radix: 16)) became \(pieces)")
      }
    }
  }

  @Test("gives the bytes back of texts of any characters")
  func anyCharacters() throws {
    let tokenizer = try TokenizerFixture.tokenizer(merges: ["Ð °", "Ġ Ð°", "ð Ł", "â Ģ", "Ġ Ġ"])
    var encoder = Encoder(tokenizer)
    var generator = FixedGenerator(state: 77)
    for _ in 0..<3000 {
      var text = String.UnicodeScalarView()
      for _ in 0..<Int.random(in: 0...40, using: &generator) {
        let limit: UInt32 = [0x80, 0x600, 0x3100, 0x110000].randomElement(using: &generator) ?? 0
        if let scalar = Unicode.Scalar(UInt32.random(in: 0..<limit, using: &generator)) {
          text.append(scalar)
        }
      }
      let ids = try encoder.encode(String(text))
      #expect(tokenizer.decode(ids) == Array(String(text).utf8))
      var stream = TextStream(tokenizer)
      let parts = ids.map { stream.append($0) } + [stream.finish()]
      #expect(parts.joined().utf8.elementsEqual(String(text).utf8))
    }
  }
}
