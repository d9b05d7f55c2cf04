import BytePairEncoding
import FileSupport
import TextSupport

/// The ids of the tokens that begin, end and pad a text, as a GGUF file names them.
struct GGUFSpecialTokens {
  let beginning: Int?
  /// One or two ids, all in the vocabulary.
  let ends: [Int32]
  let padding: Int?
  /// What the user should know about them, in whole sentences.
  let notes: [String]

  /// The ids of the model `stored` at `path`.
  ///
  /// - Throws: ``InputError`` if no token ends a text: llama.cpp would take token 11.
  init(_ stored: StoredModel, _ tokenizer: Tokenizer, path: String) throws {
    let configuration = stored.configuration
    let generation = stored.generation ?? GenerationConfiguration(configuration)
    var notes: [String] = []
    var ends = configuration.tokens(generation.endOfTextIDs)
    if ends.isEmpty { ends = configuration.endOfTextTokens }
    if ends.isEmpty, let end = tokenizer.endOfText.flatMap({ Int32(exactly: $0) }) {
      ends = configuration.tokens([Int(end)])
      notes.append(
        "the model names no token that ends a text (eos_token_id); the file names "
          + "'\(excerpt(tokenizer.text(of: UInt32(end)) ?? ""))'")
    }
    guard let end = ends.first else {
      throw InputError(
        path,
        "the model names no token that ends a text, and llama.cpp would take token 11; set "
          + "eos_token_id in config.json")
    }
    for id in ends where tokenizer.isOrdinary(UInt32(id)) {
      let text = TokenNotation.text(of: tokenizer.bytes(of: UInt32(id)))
      notes.append(
        "token \(id), which ends a text, is the ordinary token '\(excerpt(text))'; programs that "
          + "read the file will stop there; if that is wrong, correct eos_token_id")
    }
    if ends.count > 2 {
      notes.append(
        "\(ends.count) tokens end a text; a GGUF file names two: \(end) and \(ends[1])")
    }
    self.ends = Array(ends.prefix(2))
    beginning = generation.beginOfTextID.flatMap { configuration.isToken($0) ? $0 : nil }
    padding = generation.paddingID.flatMap { configuration.isToken($0) ? $0 : nil }
    self.notes = notes
  }
}
