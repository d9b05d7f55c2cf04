import BytePairEncoding
import CommandLineSupport
import FileSupport
import Sampling

/// The options of how each token is chosen, in the order in which they take effect.
struct ChoiceOptions: ArgumentGroup {
  @Option(
    help:
      "make tokens that stand in the text already less likely: what their logits are divided by; "
      + "1: no penalty", valueName: "r", accepting: .above(0))
  var repetitionPenalty: Float = 1
  @Option(
    help:
      "never write n tokens in a row that stand in the text already, the prompt counted; 0: may",
    valueName: "n", accepting: .atLeast(0))
  var noRepeatNgram = 0
  @Options(
    help:
      "never write this word or phrase (again for more), at the beginning or after a blank; upper "
      + "case, unless --keep-case", valueName: "text")
  var badWord: [String] = []
  @Option(help: "never write those in this file, one a line", completion: .file)
  var badWords: String?
  @Option(
    help: "tokens before which a text does not end by itself, the prompt counted", valueName: "n",
    accepting: .atLeast(0))
  var minLength = 0
  @Option(
    help: "tokens after the prompt before which a text does not end by itself", valueName: "n",
    accepting: .atLeast(0))
  var minNewTokens = 0
  @Options(help: "never write the token of this id (again for more)", valueName: "id")
  var suppressToken: [Int] = []
  @Flag(help: "never write the end of a text: all go on to --max-length")
  var noEndOfText = false
  @Option(
    help: "what logits are divided by: lower is more likely, higher more daring; 0 always takes "
      + "the most likely token, and what follows here does nothing", valueName: "t",
    accepting: .atLeast(0))
  var temperature: Float = 1
  @Option(
    help: "choose from the k most likely tokens only; 0: from all", valueName: "k",
    accepting: .atLeast(0))
  var topK = 50
  @Option(
    help: "choose from the most likely tokens that together have this probability; 1: from all",
    valueName: "p", accepting: .within(0...1))
  var topP = 1.0
  @Option(
    help: "choose from tokens of at least this share of the most likely one's probability; 0: from "
      + "all", valueName: "p", accepting: .within(0...1))
  var minP = 0.0
  @Option(
    help: "choose from the tokens that surprise about as much as can be expected and together have "
      + "this probability; 1: from all", valueName: "p",
    accepting: Condition("a number above 0, up to 1") { 0 < $0 && $0 <= 1 })
  var typicalP = 1.0

  /// Checks what the options say beside a text's length.
  func validate(maximumLength: Int) throws {
    guard minLength <= maximumLength else {
      throw UsageError(
        "--min-length: \(minLength) is more than --max-length \(maximumLength); raise that")
    }
    if let word = badWord.first(where: { trimmed($0.withoutByteOrderMark) == nil }) {
      throw UsageError("--bad-word: '\(word)' is not accepted; expected a word")
    }
  }

  /// Puts the options into `settings`; says so if the choice is greedy.
  ///
  /// - Throws: ``UsageError``; ``FileError`` or ``InputError`` of the file of bad words.
  func apply(
    to settings: inout SamplingSettings, _ tokenizer: Tokenizer, keepCase: Bool
  ) throws {
    settings.repetitionPenalty = repetitionPenalty
    settings.noRepeatNGram = noRepeatNgram
    settings.badWords = try badWords(tokenizer, keepCase: keepCase)
    settings.minimumLength = minLength
    settings.minimumNewTokens = minNewTokens
    settings.suppressedTokens = try suppressToken.map { id in
      guard (0..<tokenizer.count).contains(id) else {
        throw UsageError(
          "--suppress-token: there is no token \(id); expected an id from 0 to "
            + "\(tokenizer.count - 1)")
      }
      return Int32(id)
    }
    settings.allowsEndOfText = !noEndOfText
    settings.temperature = temperature
    settings.topK = topK
    settings.topP = topP
    settings.minP = minP
    settings.typicalP = typicalP
    if settings.isGreedy {
      Log.info("temperature 0: the most likely token each time, whatever the seed")
    }
  }

  /// Each word or phrase as two sequences of tokens: as a text begins with it, and after a blank.
  private func badWords(_ tokenizer: Tokenizer, keepCase: Bool) throws -> [[Int32]] {
    var phrases = badWord.map(\.withoutByteOrderMark).compactMap(trimmed)
    if let badWords {
      var lines = try LineReader(path: badWords, as: .cleanedText)
      while let text = try lines.nextText() {
        if let phrase = trimmed(text) { phrases.append(phrase) }
      }
    }
    var encoder = Encoder(tokenizer)
    return try phrases.flatMap { phrase in
      try [phrase, " " + phrase].map { text in
        try encoder.encode(keepCase ? text : text.uppercased())
          .map { Int32(truncatingIfNeeded: $0) }
      }
    }
  }

  /// `text` without white space around it; `nil` if there is nothing else.
  private func trimmed(_ text: String) -> String? {
    guard let first = text.firstIndex(where: { !$0.isWhitespace }),
      let last = text.lastIndex(where: { !$0.isWhitespace })
    else { return nil }
    return String(text[first...last])
  }
}
