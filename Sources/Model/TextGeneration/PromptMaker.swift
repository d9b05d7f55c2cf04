import BytePairEncoding

/// Makes prompts from words.
public struct PromptMaker: Sendable {
  private var encoder: Encoder
  /// Whether letters keep their case instead of becoming upper case.
  private let keepsCase: Bool
  private let endOfText: Int32?
  private let contextLength: Int
  private let maximumLength: Int
  private let seed: UInt64
  /// The number of tokens for which there must be room after the prompt.
  private let room: Int

  /// A maker of prompts for a model with `tokenizer` and a context of `contextLength` tokens, for texts
  /// of up to `maximumLength` tokens.
  ///
  /// An empty prompt becomes the token `endOfText`; `seed` determines the first words. Unless
  /// `leavingRoom` is set, a prompt may fill the context, so that nothing can be written after it.
  public init(
    _ tokenizer: Tokenizer, keepsCase: Bool, endOfText: Int32?, contextLength: Int,
    maximumLength: Int, seed: UInt64, leavingRoom: Bool = true
  ) {
    encoder = Encoder(tokenizer)
    self.keepsCase = keepsCase
    self.endOfText = endOfText
    self.contextLength = contextLength
    self.maximumLength = maximumLength
    self.seed = seed
    room = leavingRoom ? 1 : 0
  }

  /// The prompt `text`; if it is empty, the model begins by itself.
  ///
  /// - Throws: ``PromptError``.
  public mutating func prompt(_ text: String) throws -> Prompt {
    if text.isEmpty { return try ownBeginning() }
    let tokens = try tokens(keepsCase ? text : text.uppercased())
    guard tokens.count + room <= contextLength else {
      throw PromptError.longerThanContext(tokens: tokens.count, context: contextLength)
    }
    guard tokens.count + room <= maximumLength else {
      throw PromptError.longerThanText(tokens: tokens.count, maximumLength: maximumLength)
    }
    return Prompt(text: text, tokens: tokens)
  }

  /// The prompt from `source` for the text at `index`.
  ///
  /// - Throws: ``PromptError``; `InputError` if the corpus is damaged.
  public mutating func prompt(_ source: PromptSource, index: Int) throws -> Prompt {
    switch source {
    case .fixed(let prompt): return prompt
    case .firstWords(let corpus):
      guard let word = try corpus.firstWord(seed: seed, index: index) else {
        return try ownBeginning()
      }
      let (tokens, longest) = (try tokens(word), min(contextLength, maximumLength) - room)
      return Prompt(
        text: word, tokens: Array(tokens.prefix(longest)), isWhole: tokens.count <= longest)
    }
  }

  private func ownBeginning() throws(PromptError) -> Prompt {
    guard let endOfText else { throw .noBeginning }
    return Prompt(text: "", tokens: [endOfText])
  }

  private mutating func tokens(_ text: String) throws -> [Int32] {
    try encoder.encode(text).map { Int32(truncatingIfNeeded: $0) }
  }
}

extension Tokenizer {
  /// Of the `vocabulary` tokens of a model, those that cannot begin a word, because there is no white
  /// space before them; empty if all are like that.
  public func wordContinuations(vocabulary: Int) -> [Int32] {
    let continuations = (0..<UInt32(vocabulary)).filter { id in
      guard id < count, !isSpecial(id), let first = bytes(of: id).first else { return true }
      return ![0x20, 0x0A, 0x09, 0x0D].contains(first)
    }
    return continuations.count == vocabulary ? [] : continuations.map { Int32($0) }
  }
}

/// Why a text cannot begin with a prompt.
public enum PromptError: Error, Equatable, CustomStringConvertible {
  /// The model's context has no room for a token after it.
  case longerThanContext(tokens: Int, context: Int)
  /// The requested length has no room for a token after it.
  case longerThanText(tokens: Int, maximumLength: Int)
  /// The prompt is empty, and the model has no token after which a text begins.
  case noBeginning

  public var description: String {
    switch self {
    case .longerThanContext(let tokens, let context):
      "\(tokens) tokens leave no room in the model's context of \(context); shorten it to its last "
        + "words"
    case .longerThanText(let tokens, let maximumLength):
      "\(tokens) tokens leave no room in --max-length \(maximumLength); raise that"
    case .noBeginning:
      "the model has no end-of-text token to begin a text with; give a --prompt"
    }
  }
}

/// Where the prompts of texts come from.
public enum PromptSource: Sendable {
  /// All texts begin with the same prompt.
  case fixed(Prompt)
  /// Each text begins with the first word of a post of the corpus.
  case firstWords(TrainingCorpus)
}
