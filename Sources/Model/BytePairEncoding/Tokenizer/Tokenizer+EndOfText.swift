extension Tokenizer {
  /// The tokens that are tried, in order, if a folder names no end-of-text token.
  public static let usualEndsOfText = ["</s>", "<|endoftext|>"]

  /// Whether the token `id` can mark the end of a text: no text contains it.
  ///
  /// The configurations of rugpt3 of 2020 name the id 50256, which is the word " бродить".
  public func canEndText(_ id: UInt32) -> Bool { id < count && !isOrdinary(id) }

  /// The id of the token that ends a text according to the tokenizer's files, or else by its usual
  /// name.
  ///
  /// A token named in the files is ignored if it is not in the vocabulary or is an ordinary word.
  /// `nil` if neither it nor a token of ``usualEndsOfText`` can be used.
  public var endOfText: UInt32? {
    if let id = id(of: .end), canEndText(id) { return id }
    return Self.usualEndsOfText.compactMap(id(of:)).first(where: canEndText)
  }

  /// Makes `endOfText` the token that ends a text, and assigns a token of the vocabulary to each
  /// role for which a reader would otherwise add its own.
  public mutating func setEndOfText(_ endOfText: UInt32) {
    guard let end = text(of: endOfText) else { return }
    roles[.end] = end
    func token(_ role: TokenRole, usually usual: String) -> String? {
      if let text = roles[role], id(of: text) != nil { return text }
      guard let id = id(of: usual), canEndText(id),
        // One that is added, but not special, is found in texts.
        addedTokens.first(where: { $0.id == id })?.isSpecial != false
      else { return nil }
      return usual
    }
    // Readers use <|endoftext|> if these two are missing, and add it if it does not exist.
    roles[.beginning] = token(.beginning, usually: "<s>") ?? end
    roles[.unknown] = token(.unknown, usually: "<unk>") ?? end
    roles[.padding] = token(.padding, usually: "<pad>")
    roles[.mask] = token(.mask, usually: "<mask>")
    roles = roles.filter { id(of: $0.value) != nil }
    for text in roles.values { addSpecial(text) }
    noteSpecialTokens()
  }

  /// Makes the token `text` of the vocabulary an added special token.
  private mutating func addSpecial(_ text: String) {
    guard let id = id(of: text), canEndText(id) else { return }
    if let index = addedTokens.firstIndex(where: { $0.id == id }) {
      addedTokens[index].isSpecial = true
    } else {
      addedTokens.append(AddedToken(text, id: id))
      addedTokens.sort { $0.id < $1.id }
    }
  }
}
