import BytePairEncoding
import CommandLineSupport
import FileSupport
import TextGeneration

/// The options for sampling each token, in the order in which they take effect.
struct SamplingOptions: ArgumentGroup {
  @Option(
    help: "make tokens that the text already contains less likely, by dividing their logits by r; "
      + "1: no penalty", valueName: "r", accepting: .above(0))
  var repetitionPenalty: Float = 1
  @Option(
    help: "never write a sequence of n tokens that the text, prompt included, already contains; 0: "
      + "allow repetition", valueName: "n", accepting: .atLeast(0))
  var noRepeatNgram = 0
  @Options(
    help: "never write this word or phrase at the beginning of a text or after a space; it is "
      + "converted to upper case unless --keep-case", valueName: "text")
  var badWord: [String] = []
  @Option(help: "never write the words or phrases in this file, one per line", completion: .file)
  var badWords: String?
  @Option(
    help: "minimum length of a text in tokens, prompt included",
    valueName: "n", accepting: .atLeast(0))
  var minLength = 0
  @Option(
    help: "minimum number of tokens after the prompt", valueName: "n",
    accepting: .atLeast(0))
  var minNewTokens = 0
  @Options(help: "never write the token with this id", valueName: "id")
  var suppressToken: [Int] = []
  @Flag(help: "never let the model end a text: each continues to --max-length")
  var noEndOfText = false
  @Option(
    help: "divide logits by t: lower values favour likely tokens, higher ones are more daring; 0 "
      + "always takes the most likely token, and the options below have no effect", valueName: "t",
    accepting: .atLeast(0))
  var temperature: Float = 1
  @Option(
    help: "sample from the k most likely tokens; 0: from all", valueName: "k",
    accepting: .atLeast(0))
  var topK = 50
  @Option(
    help: "sample from the most likely tokens that together have this probability; 1: from all",
    valueName: "p", accepting: .within(0...1))
  var topP = 1.0
  @Option(
    help: "sample from tokens with at least this fraction of the highest probability; 0: from all",
    valueName: "p", accepting: .within(0...1))
  var minP = 0.0
  @Option(
    help: "sample from the tokens whose surprise is closest to the expected surprise and that "
      + "together have this probability; 1: from all", valueName: "p",
    accepting: Constraint("a number above 0, up to 1") { 0 < $0 && $0 <= 1 })
  var typicalP = 1.0

  /// Checks the options, and that they fit a text's length.
  func validate(maximumLength: Int) throws {
    guard minLength <= maximumLength else {
      throw UsageError(
        "--min-length: \(minLength) is more than --max-length \(maximumLength); raise the latter")
    }
    guard minNewTokens < maximumLength else {
      throw UsageError(
        "--min-new-tokens: \(minNewTokens) does not fit into --max-length \(maximumLength); raise the "
          + "latter")
    }
    if let word = badWord.first(where: { trimmed($0.withoutByteOrderMark) == nil }) {
      throw UsageError("--bad-word: '\(word)' is not accepted; expected a word")
    }
  }

  /// The settings that the options request, with a message if sampling is greedy.
  ///
  /// - Throws: ``UsageError``; ``FileError`` or ``InputError`` for the file of bad words.
  func settings(_ tokenizer: Tokenizer, keepCase: Bool) throws -> SamplingSettings {
    var settings = SamplingSettings()
    apply(to: &settings)
    settings.badWords = try badWords(tokenizer, keepCase: keepCase)
    settings.suppressedTokens = try suppressToken.map { id in
      guard (0..<tokenizer.count).contains(id) else {
        throw UsageError(
          "--suppress-token: there is no token \(id); expected an id from 0 to "
            + "\(tokenizer.count - 1)")
      }
      return Int32(id)
    }
    if settings.isGreedy {
      Log.info("temperature 0: the most likely token each time, whatever the seed")
    }
    return settings
  }

  /// Sets what the options say without a tokenizer.
  func apply(to settings: inout SamplingSettings) {
    settings.repetitionPenalty = repetitionPenalty
    settings.noRepeatNGram = noRepeatNgram
    settings.minimumLength = minLength
    settings.minimumNewTokens = minNewTokens
    settings.allowsEndOfText = !noEndOfText
    settings.temperature = temperature
    settings.topK = topK
    settings.topP = topP
    settings.minP = minP
    settings.typicalP = typicalP
  }

  /// Each word or phrase as two sequences of tokens: at the beginning of a text, and after a space.
  private func badWords(_ tokenizer: Tokenizer, keepCase: Bool) throws -> [[Int32]] {
    var phrases = badWord.map(\.withoutByteOrderMark).compactMap(trimmed)
    if let badWords {
      var lines = try LineReader(path: badWords, as: .cleanedText)
      while let text = try lines.nextText() { phrases += [trimmed(text)].compactMap(\.self) }
    }
    var encoder = Encoder(tokenizer)
    return try phrases.flatMap { [$0, " " + $0] }.map { text in
      try encoder.encode(keepCase ? text : text.uppercased()).map {
        Int32(truncatingIfNeeded: $0)
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
