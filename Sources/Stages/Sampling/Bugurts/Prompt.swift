import BytePairEncoding
import FileSupport

/// What a text begins with.
public struct Prompt: Equatable, Sendable {
  /// As the user gave it or as it was drawn; empty for the model's own beginning.
  public var text: String
  /// One or more.
  public var tokens: [Int32]

  public init(text: String, tokens: [Int32]) {
    self.text = text
    self.tokens = tokens
  }
}

/// Why a text cannot begin with a prompt.
public enum PromptError: Error, Equatable, CustomStringConvertible {
  /// There is no room behind it in the model's context.
  case longerThanContext(tokens: Int, context: Int)
  /// There is no room behind it in the length that was asked for.
  case longerThanText(tokens: Int, maximumLength: Int)
  /// There is no token that the model's own beginning could stand behind.
  case noBeginning

  public var description: String {
    switch self {
    case .longerThanContext(let tokens, let context):
      "\(tokens) tokens leave no room in the model's context of \(context); shorten it to its last "
        + "words"
    case .longerThanText(let tokens, let maximumLength):
      "\(tokens) tokens leave no room in --max-length \(maximumLength); raise that"
    case .noBeginning: "the model names no end-of-text token to begin after; give a --prompt"
    }
  }
}

/// Where the prompt of a text comes from.
public enum PromptSource: Sendable {
  /// All texts begin with the same.
  case fixed(Prompt)
  /// Each text begins with the first word of a post of the corpus.
  case firstWords(TrainingCorpus)
}

/// Makes prompts of words.
public struct PromptMaker: Sendable {
  private var encoder: Encoder
  /// Whether letters stay as they are instead of becoming upper case.
  private let keepsCase: Bool
  private let endOfText: Int32?
  private let contextLength: Int
  private let maximumLength: Int
  private let seed: UInt64
  /// How many tokens there must be room for behind the prompt.
  private let room: Int

  /// A maker of prompts for a model with `tokenizer` and a longest context of `contextLength`, for
  /// texts of up to `maximumLength` tokens.
  ///
  /// The model's own beginning stands behind the token `endOfText`; `seed` decides the first words.
  /// Unless `leavingRoom`, a prompt may fill the context, so that nothing can be written behind it.
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

  /// The prompt `text`; the model's own beginning if it is empty.
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

  /// The prompt of text `number` from `source`.
  ///
  /// - Throws: ``PromptError``; `InputError` if the corpus is damaged.
  public mutating func prompt(_ source: PromptSource, number: Int) throws -> Prompt {
    switch source {
    case .fixed(let prompt): return prompt
    case .firstWords(let corpus):
      guard let word = try corpus.firstWord(seed: seed, number: number) else {
        return try ownBeginning()
      }
      let longest = min(contextLength, maximumLength) - room
      return Prompt(text: word, tokens: Array(try tokens(word).prefix(longest)))
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
