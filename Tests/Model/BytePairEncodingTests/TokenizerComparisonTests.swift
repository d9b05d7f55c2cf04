import BytePairEncoding
import TestSupport
import Testing

@Suite("Comparing tokenizers")
struct TokenizerComparisonTests {
  private let special = ["<pad>", "</s>"]
  private let merges = ["a b", "ab c", "b c"]

  private func tokenizer(
    _ merges: [String], _ special: [String], added: String? = nil
  ) throws -> Tokenizer {
    let folder = try TemporaryFolder()
    try TokenizerFixture.write(merges: merges, special: special, to: folder)
    if let added { try folder.write(added, to: "added_tokens.json") }
    return try Tokenizer(folder: folder.path)
  }

  @Test("the same tokenizer in other files is no other")
  func otherFiles() throws {
    let first = try tokenizer(merges, special)
    let folder = try TemporaryFolder()
    try first.write(to: folder.path)
    for name in ["vocab.json", "merges.txt"] {
      try #require(try folder.names().contains(name))
    }
    #expect(first.difference(from: try Tokenizer(folder: folder.path)) == nil)
    // tokenizer.json alone.
    let other = try TemporaryFolder()
    try other.write(folder.text(of: "tokenizer.json"), to: "tokenizer.json")
    #expect(first.difference(from: try Tokenizer(folder: other.path)) == nil)
  }

  @Test("tokens that one has behind all others change nothing, in either direction")
  func addedTokens() throws {
    let first = try tokenizer(merges, special)
    let more = try tokenizer(merges, special, added: #"{"<end>":\#(first.count)}"#)
    #expect(more.count == first.count + 1)
    #expect(first.difference(from: more) == nil)
    #expect(more.difference(from: first) == nil)
  }

  @Test("another token under an id, and another merge, are named")
  func differences() throws {
    let first = try tokenizer(merges, special)
    #expect(
      first.difference(from: try tokenizer(merges, ["<pad>", "</t>"]))
        == "token 1 is '</s>', but '</t>'")
    // A token before the others moves all their ids.
    #expect(
      first.difference(from: try tokenizer(merges, ["<pad>", "<s>", "</s>"]))
        == "token 1 is '</s>', but '<s>'")
    #expect(
      first.difference(from: try tokenizer(["a b", "ab c", "a c"], special))
        == "token 260 is 'bc', but 'ac'")
    // The same tokens, made in another order.
    let swapped = try tokenizer(["b c", "a b", "a bc"], special)
    #expect(first.difference(from: swapped) != nil)
    let reordered = try tokenizer(["a b", "ab c", "b c", "a bc"], special)
    #expect(
      first.difference(from: reordered) == "merge 4 is missing, but 'a' with 'bc'")
    #expect(
      reordered.difference(from: first) == "merge 4 is 'a' with 'bc', but missing")
  }
}
