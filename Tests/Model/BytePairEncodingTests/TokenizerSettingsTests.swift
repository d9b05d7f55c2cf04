import BytePairEncoding
import FileSupport
import Foundation
import TestSupport
import Testing

/// What is read from the files around the vocabulary, and what is refused there.
///
/// That the ids are those of transformers with the many shapes of these files is tested by
/// ``TokenizerReferenceTests``.
@Suite final class TokenizerSettingsTests: TokenizerFolderSuite {
  /// A `tokenizer.json` of bytes and "ab", with `members` and `model` in place of its own.
  func writeTokenizerJSON(members: String = "", model: String = "") throws {
    let vocabulary = try TokenizerFixture.vocabularyJSON(TokenizerFixture.symbols + ["ab"])
    let preTokenizer = #""pre_tokenizer":{"type":"ByteLevel","add_prefix_space":false}"#
    let own = members.contains("pre_tokenizer") ? [] : [preTokenizer]
    let parts = own + [members].filter { !$0.isEmpty }
    let modelParts = [#""vocab":\#(vocabulary),"merges":["a b"]"#, model].filter { !$0.isEmpty }
    try folder.write(
      "{\(parts.joined(separator: ",")),\"model\":{\(modelParts.joined(separator: ","))}}",
      to: "tokenizer.json")
  }

  @Test(
    "refuses what GPT-2's tokenizer does not have, by its key and value",
    arguments: [
      (#""version":"2.0""#, "version is \"2.0\"; expected \"1.0\""),
      (
        #""normalizer":{"type":"NFC"}"#,
        "normalizer is {\"type\":\"NFC\"}; expected null: GPT-2's tokenizer changes no character"
      ),
      (
        #""decoder":{"type":"WordPiece"}"#,
        "decoder is {\"type\":\"WordPiece\"}; expected ByteLevel"
      ),
      (
        #""pre_tokenizer":{"type":"Whitespace"}"#,
        "pre_tokenizer is {\"type\":\"Whitespace\"}; expected ByteLevel with use_regex, or GPT-2's "
          + "Split with ByteLevel without either flag"
      ),
    ])
  func otherKinds(member: String, message: String) throws {
    try writeTokenizerJSON(members: member)
    #expect(failure().hasPrefix("tokenizer.json: byte "))
    #expect(failure().hasSuffix(": " + message))
  }

  @Test(
    "refuses pre-tokenizers that split in another way",
    arguments: [
      "null", #"{"type":"ByteLevel","add_prefix_space":false,"use_regex":false}"#,
      #"{"type":"ByteLevel","add_prefix_space":1}"#,
      #"{"type":"Sequence","pretokenizers":[]}"#,
      #"{"type":"Sequence","pretokenizers":[{"type":"Digits","individual_digits":true},{"type":"ByteLevel"}]}"#,
      #"{"type":"Sequence","pretokenizers":[{"type":"Split","pattern":{"Regex":"\\s+"},"behavior":"Isolated","invert":false},{"type":"ByteLevel","use_regex":false}]}"#,
    ])
  func otherSplits(value: String) throws {
    try writeTokenizerJSON(members: "\"pre_tokenizer\":\(value)")
    #expect(failure().contains("pre_tokenizer is "))
  }

  @Test(
    "refuses models that merge in another way",
    arguments: [
      (#""type":"Unigram""#, "type is \"Unigram\"; expected \"BPE\""),
      (#""ignore_merges":true"#, "ignore_merges is true; expected false"),
      (#""dropout":0.1"#, "dropout is 0.1; expected null"),
      (
        ###""continuing_subword_prefix":"##""###,
        "continuing_subword_prefix is \"##\"; expected null or an empty string"
      ),
      (
        #""end_of_word_suffix":"</w>""#,
        "end_of_word_suffix is \"</w>\"; expected null or an empty string"
      ),
    ])
  func otherModels(member: String, message: String) throws {
    try writeTokenizerJSON(model: member)
    #expect(failure().hasPrefix("tokenizer.json: byte "))
    #expect(failure().hasSuffix(": model: " + message))
  }

  @Test("takes no offence at what does not change the ids")
  func harmless() throws {
    try writeTokenizerJSON(
      members: #""normalizer":{"type":"Sequence","normalizers":[]},"truncation":{"max_length":2}"#,
      model: #""unk_token":"<unk>","fuse_unk":true,"byte_fallback":true,"dropout":0.0"#)
    var encoder = Encoder(try Tokenizer(folder: folder.path))
    #expect(try encoder.encode("abab") == [256, 256])
  }

  @Test("says what is missing from tokenizer.json")
  func missingMembers() throws {
    try folder.write("{}", to: "tokenizer.json")
    #expect(failure().contains("model is missing"))
    try folder.write(#"{"model":{"vocab":{}}}"#, to: "tokenizer.json")
    #expect(failure().contains("model: merges is missing"))
    try folder.write(#"{"model":{"vocab":{},"merges":[]}}"#, to: "tokenizer.json")
    #expect(failure().contains("pre_tokenizer is missing"))
  }

  @Test(
    "refuses settings that are of no use, by their key and value",
    arguments: [
      (#"{"eos_token":true}"#, "eos_token has true; expected the text of a token, or an object"),
      (#"{"eos_token":{"id":3}}"#, "eos_token has {\"id\":3}; expected the text"),
      (
        #"{"eos_token":{"content":"!","lstrip":"yes"}}"#,
        "lstrip of '!' in eos_token is \"yes\"; expected true or false"
      ),
      (#"{"add_prefix_space":"no"}"#, "add_prefix_space is \"no\"; expected true or false"),
      (#"{"additional_special_tokens":7}"#, "additional_special_tokens is 7; expected a list"),
      (#"{"added_tokens_decoder":[]}"#, "added_tokens_decoder is []; expected an object"),
      (
        #"{"added_tokens_decoder":{"x":{"content":"a"}}}"#,
        "'x' in added_tokens_decoder is not the id of a token"
      ),
      (
        #"{"added_tokens_decoder":{"3":{"content":"<q>"}}}"#, "both '$' and '<q>' have the id 3"
      ),
      (
        #"{"added_tokens_decoder":{"256":{"content":"$"}}}"#, "'$' has both the id 3 and the id 256"
      ),
      (
        #"{"added_tokens_decoder":{"256":{"content":""}}}"#, "added_tokens_decoder has {\"content\""
      ),
      ("[]", "expected an object"),
    ])
  func wrongSettings(settings: String, message: String) throws {
    try TokenizerFixture.write(merges: [], to: folder)
    try folder.write(settings, to: "tokenizer_config.json")
    #expect(failure().hasPrefix("tokenizer_config.json: " + message))
  }

  @Test("refuses added tokens with ids that leave a gap, which tokenizers would close")
  func gap() throws {
    try TokenizerFixture.write(merges: [], to: folder)
    try folder.write(#"{"<nl>": 300}"#, to: "added_tokens.json")
    #expect(
      failure() == "folder: no token has the id 256; the ids must run from 0 without a gap")
  }

  @Test("takes two texts that look alike for two tokens")
  func alike() throws {
    try TokenizerFixture.write(merges: [], to: folder)
    try folder.write(#"{"й": 256, "и\u0306": 257}"#, to: "added_tokens.json")
    let tokenizer = try Tokenizer(folder: folder.path)
    #expect(tokenizer.id(of: "\u{439}") == 256)
    #expect(tokenizer.id(of: "\u{438}\u{306}") == 257)
    var encoder = Encoder(tokenizer)
    #expect(try encoder.encode("и\u{306}й") == [257, 256])
  }

  @Test("finds an added token that is not special also where special ones are text")
  func addedTokens() throws {
    try TokenizerFixture.write(merges: [], special: ["</s>"], to: folder)
    try folder.write(#"{"<nl>": 257}"#, to: "added_tokens.json")
    try folder.write(#"{"eos_token": "</s>"}"#, to: "special_tokens_map.json")
    let tokenizer = try Tokenizer(folder: folder.path)
    var plain = Encoder(tokenizer)
    var full = Encoder(tokenizer, specialTokens: .recognized)
    #expect(try plain.encode("!<nl></s>") == [1, 257, 28, 15, 83, 30])
    #expect(try full.encode("!<nl></s>") == [1, 257, 0])
  }

  @Test(
    "puts a space before each part of a text, keeps it in the files, and says where text is bad")
  func prefixSpace() throws {
    try TokenizerFixture.write(merges: ["Ġ a"], special: ["<s>"], to: folder)
    try folder.write(
      #"{"add_prefix_space": true, "bos_token": "<s>"}"#, to: "tokenizer_config.json")
    let tokenizer = try Tokenizer(folder: folder.path)
    let written = try TemporaryFolder()
    try tokenizer.write(to: written.path)
    for name in ["", "tokenizer.json", "tokenizer_config.json"] {
      if name == "tokenizer.json" {
        try FileManager.default.removeItem(atPath: written.path(name))
      } else if name == "tokenizer_config.json" {
        try tokenizer.write(to: written.path)
        try FileManager.default.removeItem(atPath: written.path(name))
      }
      #expect(try Tokenizer(folder: written.path).addsPrefixSpace)
    }
    var encoder = Encoder(tokenizer, specialTokens: .recognized)
    #expect(try encoder.encode("a") == [257])
    #expect(try encoder.encode(" a") == [257])
    #expect(try encoder.encode("a<s>a") == [257, 0, 257])
    #expect(try encoder.encode("") == [])
    #expect(tokenizer.decode([257]) == Array(" a".utf8))
    var ids: [UInt32] = []
    #expect(throws: InvalidUTF8(offset: 5)) {
      try encoder.encode(Array("a<s>a".utf8) + [0xFF], into: &ids)
    }
  }

  @Test("reports where a text must be encoded as a whole")
  func cuts() throws {
    try TokenizerFixture.write(merges: [], special: ["</s>"], to: folder)
    try folder.write(#"{"eos_token": "</s>"}"#, to: "special_tokens_map.json")
    let plain = try Tokenizer(folder: folder.path)
    #expect(Encoder(plain).canCutTexts)
    #expect(!Encoder(plain, specialTokens: .recognized).canCutTexts)
    try folder.write(#"{"<nl>": 257}"#, to: "added_tokens.json")
    #expect(try !Encoder(Tokenizer(folder: folder.path)).canCutTexts)
    try FileManager.default.removeItem(atPath: folder.path("added_tokens.json"))
    try folder.write(#"{"add_prefix_space": true}"#, to: "tokenizer_config.json")
    #expect(try !Encoder(Tokenizer(folder: folder.path)).canCutTexts)
  }
}
