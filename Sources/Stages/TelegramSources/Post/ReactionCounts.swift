import PostFormat

extension [Post.Reaction] {
  /// Adds `count` reactions with the key `name`; a sum that overflows becomes the nearest number that
  /// fits.
  mutating func add(_ count: Int, of name: String) {
    guard let index = firstIndex(where: { $0.emoji == name }) else {
      return append(Post.Reaction(emoji: name, count: count))
    }
    let (sum, isTooLarge) = self[index].count.addingReportingOverflow(count)
    self[index].count = isTooLarge ? (count < 0 ? .min : .max) : sum
  }
}

extension Post.Reaction {
  /// The key of a custom emoji by its document.
  ///
  /// In its place exports may name one of their files, or put a note in brackets: these mean
  /// nothing outside the export.
  static func name(ofCustomEmoji document: String?) -> String {
    guard let document, !document.isEmpty, document.utf8.allSatisfy({ 0x30...0x39 ~= $0 }) else {
      return "custom_emoji"
    }
    return "custom_emoji:" + document
  }
}
