import BytePairEncoding
import CommandLineSupport
import FileSupport
import TextSupport

/// Chooses the token that ends a text, and says which it is.
struct EndOfTextChoice {
  /// The token the user asked for.
  let asked: String?
  /// Where the tokenizer comes from, for errors.
  let folder: String

  /// Makes the choice the end of text of `tokenizer`.
  func apply(to tokenizer: inout Tokenizer) throws {
    let id = try choice(in: tokenizer)
    if asked == nil, let named = tokenizer.roles[.end], tokenizer.id(of: named) != id {
      let reason = tokenizer.id(of: named) == nil ? "not in the vocabulary" : "an ordinary token"
      Log.warning("\(folder): its eos_token '\(excerpt(named))' is \(reason), so it is not used")
    }
    tokenizer.setEndOfText(id)
    Log.info(
      "end of text: '\(excerpt(tokenizer.text(of: id) ?? ""))', id \(id) of \(tokenizer.count)")
  }

  private func choice(in tokenizer: Tokenizer) throws -> UInt32 {
    guard let asked else {
      if let id = tokenizer.endOfText { return id }
      let usual = Tokenizer.usualEndsOfText.joined(separator: " nor ")
      throw InputError(
        folder,
        "no token that ends a text: there is no eos_token in the files, nor \(usual) in the "
          + "vocabulary; name a special token with --end-of-text")
    }
    guard let id = tokenizer.id(of: asked) else {
      throw InputError(folder, "--end-of-text: '\(asked)' is not in the vocabulary")
    }
    guard tokenizer.canEndText(id) else {
      throw InputError(
        folder,
        "--end-of-text: '\(asked)', id \(id), is an ordinary token, which stands in the midst of "
          + "texts; name a special one")
    }
    return id
  }
}
