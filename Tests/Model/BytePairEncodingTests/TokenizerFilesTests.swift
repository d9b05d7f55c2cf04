import BytePairEncoding
import FileSupport
import Foundation
import JSONSupport
import TestSupport
import Testing

@Suite final class TokenizerFilesTests: TokenizerFolderSuite {
  func trained() throws -> Tokenizer {
    var words = WordCounts()
    try words.add(Array("бугурт \"бугурт\" \\бугурт\\ a'b a'b 😀😀".utf8))
    return try BPETrainer(vocabularySize: 300).train(on: words)
  }

  @Test("reads back what it wrote, from tokenizer.json and from vocab.json with merges.txt")
  func roundTrip() throws {
    let tokenizer = try trained()
    try tokenizer.write(to: folder.path)
    #expect(
      try folder.names() == [
        "merges.txt", "special_tokens_map.json", "tokenizer.json", "tokenizer_config.json",
        "vocab.json",
      ])
    for name in ["", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"] {
      if !name.isEmpty { try FileManager.default.removeItem(atPath: folder.path(name)) }
      let read = try Tokenizer(folder: folder.path)
      #expect(read.merges == tokenizer.merges)
      #expect(read.digest == tokenizer.digest)
      #expect(read.count == tokenizer.count)
      if name != "special_tokens_map.json" {
        #expect(read.addedTokens == tokenizer.addedTokens)
        #expect(read.roles == tokenizer.roles)
      }
    }
  }

  @Test("reads files that an editor gave a byte order mark and other line ends")
  func editedFiles() throws {
    let tokenizer = try trained()
    try tokenizer.write(to: folder.path)
    for name in try folder.names() {
      try folder.write(
        "\u{FEFF}" + folder.text(of: name).replacing("\n", with: "\r\n"), to: name)
    }
    for name in ["", "tokenizer.json"] {
      if !name.isEmpty { try FileManager.default.removeItem(atPath: folder.path(name)) }
      let read = try Tokenizer(folder: folder.path)
      #expect(read.digest == tokenizer.digest)
      #expect(read.addedTokens == tokenizer.addedTokens)
    }
  }

  @Test("writes the files that transformers reads")
  func contents() throws {
    try TokenizerFixture.write(merges: ["a b"], special: ["</s>"], to: folder)
    var tokenizer = try Tokenizer(folder: folder.path)
    tokenizer.setEndOfText(0)
    let written = try TemporaryFolder()
    try tokenizer.write(to: written.path)
    #expect(try written.text(of: "merges.txt") == "#version: 0.2\na b\n")
    #expect(try written.text(of: "vocab.json").hasPrefix(#"{"</s>":0,"!":1,"\"":2,"#))
    let map = try JSONValue(path: written.path("special_tokens_map.json"))
    #expect(map.members?.map(\.key) == ["bos_token", "eos_token", "unk_token"])
    let configuration = try JSONValue(path: written.path("tokenizer_config.json"))
    #expect(configuration["eos_token"] == "</s>")
    #expect(configuration["bos_token"] == "</s>")
    #expect(configuration["unk_token"] == "</s>")
    #expect(configuration["pad_token"] == nil)
    #expect(configuration["tokenizer_class"] == "GPT2Tokenizer")
    #expect(configuration["added_tokens_decoder"]?["0"]?["special"] == true)
    let whole = try JSONValue(path: written.path("tokenizer.json"))
    #expect(whole["model"]?["merges"] == [["a", "b"]])
    #expect(whole["model"]?["vocab"]?["ab"] == 257)
    #expect(whole["added_tokens"]?.elements?.count == 1)
  }

  @Test("has a digest that the form of the files does not change, and every merge does")
  func digest() throws {
    try TokenizerFixture.write(merges: ["a b", "c d"], to: folder)
    let digest = try Tokenizer(folder: folder.path).digest
    let spaced = try folder.text(of: "vocab.json").replacing("\"a\":", with: "\n \"\\u0061\" : ")
    try folder.write(spaced, to: "vocab.json")
    try folder.write("a b\r\nc d", to: "merges.txt")
    #expect(try Tokenizer(folder: folder.path).digest == digest)
    try folder.write("c d\na b\n", to: "merges.txt")
    #expect(try Tokenizer(folder: folder.path).digest != digest)
  }

  @Test("has the digest that the contract of the files says")
  func digestOfLines() throws {
    let tokenizer = try trained()
    var lines = try (0..<UInt32(tokenizer.count)).map { try #require(tokenizer.text(of: $0)) }
    for merge in tokenizer.merges {
      lines.append(
        "\(tokenizer.text(of: merge.left) ?? "") \(tokenizer.text(of: merge.right) ?? "")")
    }
    #expect(tokenizer.digest == CRC32.checksum(Array(lines.map { $0 + "\n" }.joined().utf8)))
  }

  @Test("takes the vocabulary in any order, and tokens that are there twice")
  func order() throws {
    let merges = ["a b", "ab ab", "c d", "ab cd"]
    try TokenizerFixture.write(merges: merges, special: ["</s>"], to: folder)
    let tokenizer = try Tokenizer(folder: folder.path)
    let members = try #require(JSONValue(path: folder.path("vocab.json")).members)
    for shuffled in [members.reversed(), members.shuffled(), members + members] {
      try folder.write(JSONValue.object(shuffled).text(), to: "vocab.json")
      let read = try Tokenizer(folder: folder.path)
      #expect(read.digest == tokenizer.digest)
      #expect(read.merges == tokenizer.merges)
      #expect(read.count == tokenizer.count)
    }
  }

  @Test("says that a file is not the folder of a tokenizer, and that a missing folder is missing")
  func notAFolder() throws {
    let file = try folder.write("{}", to: "tokenizer.json")
    let error = #expect(throws: InputError.self) { try Tokenizer(folder: file) }
    #expect(error?.description == "\(file): this is a file; expected the folder of a tokenizer")
    #expect(throws: FileError.self) { try Tokenizer(folder: folder.path("missing")) }
  }

  @Test("finds each token by its text, and none by any other")
  func lookUp() throws {
    var words = WordCounts()
    var generator = FixedGenerator(state: 1)
    try words.add(Array(generator.text(of: ["КОТ", "ПЁС ", "abc", "\"\\"], upTo: 60_000).utf8))
    for _ in 0..<30_000 {
      try words.add(Array(generator.text(of: ["К", "О", "Т", "a", "b", "1"], upTo: 12).utf8))
    }
    try BPETrainer(vocabularySize: 2000).train(on: words).write(to: folder.path)
    let tokenizer = try Tokenizer(folder: folder.path)
    #expect(tokenizer.count == 2000)
    let texts = try (0..<UInt32(tokenizer.count)).map { try #require(tokenizer.text(of: $0)) }
    for (id, text) in texts.enumerated() { #expect(tokenizer.id(of: text) == UInt32(id)) }
    let known = Set(texts)
    for text in texts {
      for other in [text + "\0", "\0" + text, text + "\n", String(text.dropLast())]
      where !known.contains(other) {
        #expect(tokenizer.id(of: other) == nil)
      }
    }
  }

  @Test("keeps texts with characters of all kinds apart, and finds more of them than merges")
  func manyAddedTokens() throws {
    try TokenizerFixture.write(merges: [], to: folder)
    let texts =
      ["\0", "\0\0", "\n", "a b", "\"\"", "\\\\", "\u{438}\u{306}", "\u{439}", "😀", "\u{FEFF}"]
      + (0..<1000).map { "<\($0)>" }
    let members = texts.enumerated().map { JSONValue.Member($1, .integer(256 + $0)) }
    try folder.write(JSONValue.object(members).text(), to: "added_tokens.json")
    var tokenizer = try Tokenizer(folder: folder.path)
    for name in ["", "added_tokens.json"] {
      for (index, text) in texts.enumerated() {
        #expect(tokenizer.id(of: text) == UInt32(256 + index))
        #expect(tokenizer.text(of: UInt32(256 + index)).map { Array($0.utf8) } == Array(text.utf8))
      }
      if name.isEmpty {
        try tokenizer.write(to: folder.path)
        tokenizer = try Tokenizer(folder: folder.path)
      }
    }
  }

  @Test("says where a file is not UTF-8")
  func invalidUTF8() throws {
    try TokenizerFixture.write(merges: ["a b"], to: folder)
    try folder.write(Array("a b\n".utf8) + [0x61, 0xFF, 0x20, 0x62, 0x0A], to: "merges.txt")
    #expect(failure() == "merges.txt: line 2: the line is not UTF-8")
    try folder.write(Array(#"{"a":0,""#.utf8) + [0xC3] + Array("\":1}".utf8), to: "vocab.json")
    #expect(failure() == "vocab.json: byte 8: the string is not UTF-8")
    for merge in ["\"a ?\"", "[\"a\",\"?\"]"] {
      let start = Array(#"{"model":{"merges":["#.utf8)
      let bytes = Array(merge.utf8).map { $0 == UInt8(ascii: "?") ? 0x80 : $0 }
      try folder.write(start + bytes + Array("]}}".utf8), to: "tokenizer.json")
      let offset = start.count + (merge.hasPrefix("[") ? 6 : 1)
      #expect(failure() == "tokenizer.json: byte \(offset): the string is not UTF-8")
    }
    try folder.write(#"{"model":{"vocab":{"\ud800":0}}}"#, to: "tokenizer.json")
    #expect(failure().hasPrefix("tokenizer.json: byte 26: \\ud800 is half of a surrogate pair"))
  }

  @Test(
    "says which merge of tokenizer.json is wrong",
    arguments: [
      (#""ab c""#, "'abc' is not in the vocabulary"),
      (#"["ab","c"]"#, "'abc' is not in the vocabulary"),
      (#"["a b","c"]"#, "'a b' is not in the vocabulary"),
      (#"["","a"]"#, "'' is not in the vocabulary"),
      (#""a""#, Self.notAMerge), (#""a b c""#, Self.notAMerge), (#""a  b""#, Self.notAMerge),
      (#"" b""#, Self.notAMerge), (#""a ""#, Self.notAMerge), (#""""#, Self.notAMerge),
      (#"[]"#, Self.notAMerge), (#"["a"]"#, Self.notAMerge), (#"["a","b","c"]"#, Self.notAMerge),
    ])
  func wrongMergesInJSON(merge: String, message: String) throws {
    let vocabulary = try TokenizerFixture.vocabularyJSON(TokenizerFixture.symbols + ["ab"])
    let start =
      #"{"pre_tokenizer":{"type":"ByteLevel"},"model":{"vocab":\#(vocabulary),"merges":["a b","#
    // The place is behind the comma.
    try folder.write(start + " " + merge + "]}}", to: "tokenizer.json")
    #expect(failure() == "tokenizer.json: byte \(start.utf8.count): \(message)")
  }

  private static let notAMerge =
    "expected a merge of two tokens, as \"a b\" or [\"a\", \"b\"]"

  @Test("reads a tokenizer.json with merges in one string each, and takes added tokens from it")
  func oldTokenizerJSON() throws {
    let vocabulary = try TokenizerFixture.vocabularyJSON(TokenizerFixture.symbols + ["ab"])
    try folder.write(
      """
      {"version":"1.0","truncation":null,"padding":null,"normalizer":null,
       "added_tokens":[{"id":257,"content":"<|endoftext|>","special":true,"lstrip":true}],
       "pre_tokenizer":{"type":"ByteLevel","add_prefix_space":false},
       "model":{"vocab":\(vocabulary),"merges":["a b"],"dropout":null}}
      """, to: "tokenizer.json")
    let tokenizer = try Tokenizer(folder: folder.path)
    #expect(tokenizer.count == 258)
    #expect(tokenizer.endOfText == 257)
    #expect(tokenizer.addedTokens.map(\.stripsLeft) == [true])
    #expect(tokenizer.bytes(of: 257).elementsEqual("<|endoftext|>".utf8))
  }

  @Test("takes tokens behind the vocabulary from added_tokens.json and writes them there again")
  func addedTokens() throws {
    try TokenizerFixture.write(merges: ["a b"], to: folder)
    try folder.write(#"{"<|endoftext|>": 257, "<nl>": 258}"#, to: "added_tokens.json")
    try folder.write(#"{"eos_token": "<|endoftext|>"}"#, to: "special_tokens_map.json")
    var tokenizer = try Tokenizer(folder: folder.path)
    #expect(tokenizer.endOfText == 257)
    #expect(tokenizer.isSpecial(257))
    #expect(!tokenizer.isSpecial(258))
    tokenizer.setEndOfText(257)
    let written = try TemporaryFolder()
    try tokenizer.write(to: written.path)
    let added = try JSONValue(path: written.path("added_tokens.json"))
    #expect(added == ["<|endoftext|>": 257, "<nl>": 258])
    #expect(try Tokenizer(folder: written.path).digest == tokenizer.digest)
    #expect(try !written.text(of: "vocab.json").contains("<nl>"))
  }

  @Test("never ends a text with an ordinary token")
  func endOfText() throws {
    try TokenizerFixture.write(merges: ["a b"], special: ["<s>", "</s>"], to: folder)
    #expect(try Tokenizer(folder: folder.path).endOfText == 1)
    try folder.write(#"{"eos_token": "ab"}"#, to: "special_tokens_map.json")
    #expect(try Tokenizer(folder: folder.path).endOfText == 1)
    try folder.write(#"{"eos_token": "<|endoftext|>"}"#, to: "special_tokens_map.json")
    #expect(try Tokenizer(folder: folder.path).endOfText == 1)
    try folder.write(#"{"eos_token": {"content": "<s>"}}"#, to: "special_tokens_map.json")
    #expect(try Tokenizer(folder: folder.path).endOfText == 0)
    try TokenizerFixture.write(merges: ["a b"], to: folder)
    #expect(try Tokenizer(folder: folder.path).endOfText == nil)
  }

  @Test("names the roles that a reader would fill by itself")
  func roles() throws {
    try TokenizerFixture.write(
      merges: [], special: ["<pad>", "<s>", "</s>", "<unk>", "<mask>"], to: folder)
    var tokenizer = try Tokenizer(folder: folder.path)
    #expect(tokenizer.addedTokens.isEmpty)
    tokenizer.setEndOfText(2)
    #expect(
      tokenizer.roles == [
        .beginning: "<s>", .end: "</s>", .unknown: "<unk>", .padding: "<pad>", .mask: "<mask>",
      ])
    #expect(tokenizer.addedTokens.map(\.id) == [0, 1, 2, 3, 4])
  }

  @Test("says what is missing from a folder")
  func missingFiles() throws {
    #expect(
      failure()
        == "folder: no tokenizer here; expected vocab.json and merges.txt, or tokenizer.json")
    #expect(throws: FileError.self) { try Tokenizer(folder: folder.path("none")) }
  }

  @Test(
    "says which line of merges.txt is wrong",
    arguments: [
      (
        "#version: 0.2\na b\nab c\n",
        "line 3: 'abc' is not in the vocabulary; do merges.txt and vocab.json belong together?"
      ),
      ("a b\nx y z\n", "line 2: expected two tokens separated by a space, found 'x y z'"),
      ("ab\n", "line 1: expected two tokens separated by a space, found 'ab'"),
      ("a b\na b \n", "line 2: expected two tokens separated by a space, found 'a b '"),
      (
        "a b\n# a\n",
        "line 2: '#a' is not in the vocabulary; do merges.txt and vocab.json belong together?"
      ),
      ("a b\n b\n", "line 2: expected two tokens separated by a space, found ' b'"),
    ])
  func wrongMerges(text: String, message: String) throws {
    try TokenizerFixture.write(merges: ["a b"], to: folder)
    try folder.write(text, to: "merges.txt")
    #expect(failure() == "merges.txt: " + message)
  }

  @Test("says what is wrong with a vocabulary")
  func wrongVocabulary() throws {
    try TokenizerFixture.write(merges: [], to: folder)
    var tokens = TokenizerFixture.symbols
    tokens.removeLast()
    try folder.write(try TokenizerFixture.vocabularyJSON(tokens), to: "vocab.json")
    #expect(
      failure() == "vocab.json: byte 173 has no token ('Ń'): the vocabulary is not byte-level, "
        + "as GPT-2's is")
    try folder.write(#"{"a":0,"b":0}"#, to: "vocab.json")
    #expect(failure() == "vocab.json: both 'a' and 'b' have the id 0")
    try folder.write(#"{"a":0,"a":1}"#, to: "vocab.json")
    #expect(failure() == "vocab.json: 'a' has both the id 0 and the id 1")
    try folder.write(#"{"a":0,"b":2}"#, to: "vocab.json")
    #expect(
      failure() == "vocab.json: 'b' has the id 2, but no token has the id 1; "
        + "the ids must run from 0 without a gap")
    try folder.write(#"{"a":-1}"#, to: "vocab.json")
    #expect(failure() == "vocab.json: byte 7: 'a' has the id -1; expected 0 to 2147483647")
    try folder.write(#"{"a":0"#, to: "vocab.json")
    #expect(failure().hasPrefix("vocab.json: byte 6: the text ends where"))
  }

  @Test("says which added token contradicts the vocabulary")
  func wrongAddedTokens() throws {
    try TokenizerFixture.write(merges: [], to: folder)
    try folder.write(#"{"<nl>": 3}"#, to: "added_tokens.json")
    #expect(failure() == "added_tokens.json: both '$' and '<nl>' have the id 3")
    try folder.write(#"{"<nl>": "x"}"#, to: "added_tokens.json")
    #expect(failure() == "added_tokens.json: the id of '<nl>' is \"x\"; expected a whole number")
  }
}
