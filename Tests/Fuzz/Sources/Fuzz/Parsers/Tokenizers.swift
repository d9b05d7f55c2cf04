import BytePairEncoding
import FileSupport

extension FuzzedParser {
  /// `Tokenizer`: an input is the text of `tokenizer.json`, `vocab.json`, `merges.txt` and the others,
  /// separated by NUL; an empty one is a file that does not exist.
  static let tokenizer = FuzzedParser(
    name: "tokenizer",
    seeds: [
      ["", vocabulary, "#version: 0.2\na b\n", "", #"{"eos_token": "</s>"}"#].joined(
        separator: "\0"),
      [
        #"{"version":"1.0","added_tokens":[{"id":257,"content":"</s>","special":true,"rstrip":true}],"#
          + #""pre_tokenizer":{"type":"ByteLevel","add_prefix_space":false},"model":{"type":"BPE","#
          + #""vocab":\#(vocabulary),"merges":[["a","b"]]}}"#, "", "",
        #"{"eos_token":{"content":"</s>","lstrip":false},"add_prefix_space":true}"#,
      ].joined(separator: "\0"),
      ["", vocabulary, "a b", "", "", #"{"<pad>": 257}"#].joined(separator: "\0"),
    ],
    words: [
      "added_tokens", "content", "special", "single_word", "lstrip", "rstrip", "normalized",
      "ByteLevel", "Sequence", "Split", "Regex", "add_prefix_space", "trim_offsets", "use_regex",
      "merges", "vocab", "unk_token", "byte_fallback", "ignore_merges", "continuing_subword_prefix",
      "dropout", "#version: 0.2", "a b", "ab", "Ġ", "</s>", "<|endoftext|>", "257", "4294967296",
      "null", "\0", "\n", "\r\n", "model_max_length", "added_tokens_decoder",
    ]
  ) { bytes, scratch in
    let names = [
      "tokenizer.json", "vocab.json", "merges.txt", "tokenizer_config.json",
      "special_tokens_map.json", "added_tokens.json",
    ]
    let parts = bytes.split(
      separator: 0, maxSplits: names.count - 1, omittingEmptySubsequences: false)
    for (index, name) in names.enumerated() {
      try Folder.remove("\(scratch.path)/\(name)")
      guard index < parts.count, !parts[index].isEmpty else { continue }
      _ = try scratch.file(name, holding: UnsafeRawBufferPointer(rebasing: parts[index]))
    }
    let tokenizer = try Tokenizer(folder: scratch.path)
    var encoder = Encoder(tokenizer)
    for text in ["КОТ ab</s>\n 😀", " a\r\n\tb  "] {
      let tokens = try encoder.encode(text)
      expect(tokens.allSatisfy { $0 < 1 << 31 }, "ids are those of tokens")
      expect(tokens.count <= text.utf8.count, "a token has a byte or more")
    }
  }

  /// The tokens of all bytes, and "ab".
  private static let vocabulary: String = {
    let symbols = (Array(33...126) + Array(161...172) + Array(174...323))
      .compactMap { Unicode.Scalar($0).map { String($0) } }
    let entries = (symbols + ["ab"]).enumerated().map { id, text in
      let escaped = text == "\"" || text == "\\" ? "\\" + text : text
      return "\"\(escaped)\":\(id)"
    }
    return "{" + entries.joined(separator: ",") + "}"
  }()
}
