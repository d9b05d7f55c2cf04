import BytePairEncoding
import FileSupport
import TokenShardFormat

/// What a thread that encodes has for itself, whatever block it works on.
final class EncodingThread {
  // One thread at a time has it, which need not be checked for each post.
  @exclusivity(unchecked) var encoder: Encoder
  /// How often the thread used each token.
  @exclusivity(unchecked) private(set) var uses: TokenUses
  /// Ids that are not packed as yet.
  let ids = IDBuffer()
  /// The same of posts that are held back, where there are such.
  let heldBackIDs = IDBuffer()

  init(_ encoder: Encoder, vocabularySize: Int) {
    self.encoder = encoder
    uses = TokenUses(vocabularySize: vocabularySize)
  }

  /// Moves all ids of `ids` to `tokens`, in which they are smaller, and counts them.
  func pack(_ ids: IDBuffer, into tokens: inout PackedTokens) {
    ids.withIDs {
      tokens.append($0)
      uses.count($0)
    }
    ids.removeAll()
  }
}
