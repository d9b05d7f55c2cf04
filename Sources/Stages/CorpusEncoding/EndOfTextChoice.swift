import BytePairEncoding
import FileSupport
import TextSupport

/// The choice of the token that ends a text.
public struct EndOfTextChoice {
  /// The id of the token.
  public let id: UInt32
  /// Why the token that the tokenizer's files name was rejected; `nil` if it was not.
  public let rejection: String?

  /// Chooses the token `asked` of `tokenizer`, or else the one that its files name, or the usual one.
  ///
  /// - Throws: `InputError` about `folder`, from which the tokenizer comes, if there is no such token or
  ///   if it is an ordinary one.
  public init(asked: String?, in tokenizer: Tokenizer, folder: String) throws {
    guard let asked else {
      guard let id = tokenizer.endOfText else {
        let usual = Tokenizer.usualEndsOfText.joined(separator: " nor ")
        throw InputError(
          folder,
          "no token that ends a text: there is no eos_token in the files, nor \(usual) in the "
            + "vocabulary; name a special token with --end-of-text")
      }
      self.id = id
      rejection = tokenizer.roles[.end].flatMap { named in
        guard let namedID = tokenizer.id(of: named), namedID == id else {
          let reason =
            tokenizer.id(of: named) == nil ? "not in the vocabulary" : "an ordinary token"
          return "\(folder): its eos_token '\(excerpt(named))' is \(reason), so it is not used"
        }
        return nil
      }
      return
    }
    guard let id = tokenizer.id(of: asked) else {
      throw InputError(folder, "--end-of-text: '\(asked)' is not in the vocabulary")
    }
    guard tokenizer.canEndText(id) else {
      throw InputError(
        folder,
        "--end-of-text: '\(asked)', id \(id), is an ordinary token, which occurs within texts; name "
          + "a special one")
    }
    (self.id, rejection) = (id, nil)
  }
}
