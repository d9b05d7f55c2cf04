import FileSupport
import TextSupport

extension Tokenizer {
  /// In what the ids of a text by `other` mean something else than by this tokenizer: what is here,
  /// and what is there; `nil` if they mean the same.
  ///
  /// Compared are tokens with their ids and the merges in their order, not the files. Added tokens that
  /// only one of both has behind all others change no id.
  public func difference(from other: Tokenizer) -> String? {
    for id in 0..<min(texts.count, other.texts.count) where texts[id] != other.texts[id] {
      let id = UInt32(id)
      return "token \(id) is '\(notation(id))', but '\(other.notation(id))'"
    }
    guard merges != other.merges else { return nil }
    let number = zip(merges, other.merges).prefix { $0 == $1 }.count
    func name(_ tokenizer: Tokenizer) -> String {
      guard number < tokenizer.merges.count else { return "missing" }
      let merge = tokenizer.merges[number]
      return "'\(tokenizer.notation(merge.left))' with '\(tokenizer.notation(merge.right))'"
    }
    return "merge \(number + 1) is \(name(self)), but \(name(other))"
  }

  /// The token `id` for a message.
  private func notation(_ id: UInt32) -> String { excerpt(TokenNotation.text(of: bytes(of: id))) }
}
