import Foundation
import TestSupport
import Testing

/// Models and tokens that do not belong together, or are not as they should be.
@Suite("foreign models")
struct ForeignModelTests {
  private let project: Project
  private static let model = "checkpoints/fixture/final"

  init() throws {
    project = try Project.finished()
  }

  private func sample(_ arguments: String...) throws -> Ended {
    try project.run("gpt-sample", [Self.model] + arguments)
  }

  /// Fine-tunes the model on `tokens` for a step.
  private func finetune(_ tokens: String, _ options: String...) throws -> Ended {
    try project.run(
      "gpt-finetune",
      [
        tokens, "--model", Self.model, "-o", "tuned", "--block-size=16", "--max-steps=1",
        "--warmup-steps=0", "--threads=1",
      ] + options)
  }

  // MARK: - Vocabularies

  @Test("tokens of another vocabulary are refused before anything is written")
  func otherVocabulary() throws {
    let posts = try project.folder.text(of: "data/clean/fixture.txt").lowercased()
    try project.folder.write(posts, to: "other.txt")
    let encoded = try project.run("bpe-encode", ["other.txt", "--vocab-size=290", "-o", "other"])
    try #require(encoded.status == 0, "\(encoded.log)")
    let ended = try finetune("other")
    #expect(ended.status == 65)
    #expect(
      ended.log.contains(
        "gpt-finetune: error: other: the tokens are from a vocabulary other than the model's: token "
      )
    )
    #expect(
      ended.log.hasSuffix(
        " in \(Self.model); encode the corpus with bpe-encode --tokenizer \(Self.model)\n"))
    #expect(!project.exists("tuned"))
  }

  @Test("the model's tokenizer in other files is the model's; without one there is a warning")
  func sameVocabulary() throws {
    try project.remove("\(Self.model)/tokenizer.json")
    #expect(try finetune("data/tokens/fixture").status == 0)
    try project.copy("tuned/final/tokenizer.json", to: "\(Self.model)/tokenizer.json")
    for name in ["vocab.json", "merges.txt"] { try project.remove("\(Self.model)/\(name)") }
    #expect(try finetune("data/tokens/fixture", "--restart").status == 0)
    try project.remove("\(Self.model)/tokenizer.json")
    let without = try finetune("data/tokens/fixture", "--restart")
    #expect(without.status == 0)
    #expect(without.log.contains("gpt-finetune: warning: \(Self.model) has no tokenizer, so "))
  }

  @Test("a tokenizer beside the shards that is not theirs is refused")
  func shardsTokenizer() throws {
    let encoded = try project.run(
      "bpe-encode", ["data/clean/fixture.txt", "--vocab-size=299", "-o", "other"])
    try #require(encoded.status == 0, "\(encoded.log)")
    try project.remove("data/tokens/fixture/tokenizer")
    try project.copy("other/tokenizer", to: "data/tokens/fixture/tokenizer")
    let ended = try finetune("data/tokens/fixture")
    #expect(ended.status == 65)
    #expect(
      ended.log.hasSuffix(
        "data/tokens/fixture/tokenizer: this is not the tokenizer that the shards were made with, "
          + "according to manifest.json; encode the corpus again\n"))
    let sampled = try sample("-n", "2")
    #expect(sampled.status == 65)
    #expect(sampled.log.contains("this is not the tokenizer that the shards were made with"))
    // Nor is another one beside a trained model taken without a word.
    try project.remove("data/tokens/fixture")
    for name in ["tokenizer.json", "vocab.json", "merges.txt"] {
      try project.remove("\(Self.model)/\(name)")
      try project.copy("other/tokenizer/\(name)", to: "\(Self.model)/\(name)")
    }
    #expect(
      try sample("-p", "кот").log
        == "gpt-sample: warning: \(Self.model): this is not the tokenizer that the model was trained "
        + "with, so its texts may make no sense\n")
  }

  // MARK: - Configurations

  @Test("the ends of generation_config.json end texts, and stay when the model is fine-tuned")
  func generationConfiguration() throws {
    let path = "\(Self.model)/generation_config.json"
    func tokens(_ options: String...) throws -> (ids: [Int], reason: String) {
      let ended = try project.run(
        "gpt-sample",
        [Self.model, "-p", "кот", "--temperature=0", "--no-repeat-ngram=1", "--json"] + options)
      let object = try JSONSerialization.jsonObject(with: Data(ended.output.utf8)) as? [String: Any]
      return (
        try #require(object?["tokens"] as? [Int]), try #require(object?["finish_reason"] as? String)
      )
    }
    let all = try tokens("--no-end-of-text").ids
    let (first, later) = (all[0], try #require(all.first { $0 != all[0] }))
    try project.folder.write(#"{"eos_token_id": [\#(later), 1, 999]}"#, to: path)
    #expect(
      try tokens() == (Array(all.prefix(through: all.firstIndex(of: later) ?? 0)), "end_of_text"))
    #expect(
      try sample("-p", "кот").log
        == "gpt-sample: eos_token_id 999 in generation_config.json is outside the vocabulary of "
        + "300 tokens and is not used\n")
    try project.folder.write(#"{"eos_token_id": \#(first)}"#, to: path)
    #expect(try tokens() == ([first], "end_of_text"))
    try project.folder.write("{}", to: path)
    #expect(try tokens().reason == "length")
    #expect(try sample("--score", "data/clean/fixture.txt").status == 0)
    try project.folder.write("{", to: path)
    let broken = try sample()
    #expect(broken.status == 65)
    #expect(broken.log.contains("; correct the file, or remove it to use the ids of config.json\n"))
    // An ordinary token does not end what a fine-tuned model writes.
    try project.folder.write(
      #"{"eos_token_id": [\#(later), 1, 999], "temperature": 0.7}"#, to: path)
    try #require(try finetune("data/tokens/fixture").status == 0)
    let written = try JSONSerialization.jsonObject(
      with: Data(try project.folder.bytes(of: "tuned/final/generation_config.json")))
    let members = try #require(written as? [String: Any])
    #expect(members["temperature"] as? Double == 0.7)
    let ends = try #require(members["eos_token_id"] as? [Int])
    #expect(ends.contains(1) && !ends.contains(later) && !ends.contains(999))
  }

  // MARK: - Weights

  @Test("weights that are not numbers are refused with their place, in every mode")
  func notNumbers() throws {
    let path = "\(Self.model)/model.safetensors"
    var bytes = try project.folder.bytes(of: path)
    bytes.replaceSubrange(bytes.count - 4..<bytes.count, with: [0, 0, 0xC0, 0x7F])
    try project.folder.write(bytes, to: path)
    let message =
      ": error: \(path): tensor 'transformer.wte.weight' is nan at [299, 15], expected a finite "
    func expect(_ ended: Ended, location: SourceLocation = #_sourceLocation) {
      // Of the tensors the last in the file is the embedding's or another.
      #expect(ended.status == 65, sourceLocation: location)
      #expect(ended.output == "", sourceLocation: location)
      #expect(
        ended.log.contains(": error: \(path): tensor 'transformer.")
          && ended.log.contains(" is nan at ["), "\(ended.log) \(message)", sourceLocation: location
      )
    }
    for options in [
      [], ["--logits", "-p", "кот"], ["--score", "data/clean/fixture.txt"], ["--interactive"],
      ["--weights=int4"], ["--weights=int8"], ["--weights=bf16"],
    ] {
      expect(try project.run("gpt-sample", [Self.model] + options))
    }
    expect(try finetune("data/tokens/fixture"))
    #expect(!project.exists("tuned"))
  }

  // MARK: - Lengths

  @Test("a length above the context causes a warning, the default does not")
  func lengths() throws {
    let told =
      "gpt-sample: warning: --max-length 33 is more than the model's context of 32 tokens, where "
      + "texts are cut off\n"
    #expect(try sample("--max-length", "33").log == told)
    #expect(try sample("--max-length", "32").log == "")
    #expect(try sample().log == "")
    #expect(try sample("--max-length", "33").output == sample().output)
  }

  @Test("the logits of a prompt need no room after it")
  func fullPrompt() throws {
    let context = 32
    func logits(_ prompt: String, _ options: String...) throws -> (count: Int, ended: Ended) {
      let ended = try project.run(
        "gpt-sample", [Self.model, "--logits", "--keep-case", "-p", prompt] + options)
      let object = try? JSONSerialization.jsonObject(with: Data(ended.output.utf8))
      return (((object as? [String: Any])?["prompt_ids"] as? [Int])?.count ?? 0, ended)
    }
    // A byte a token: no merge leads to these.
    let full = String(repeating: "\u{1}", count: context)
    #expect(try logits(full).count == context)
    #expect(try logits(full, "--max-length", "5").count == context)
    let longer = try logits(full + "\u{1}").ended
    #expect(longer.status == 64)
    #expect(try sample("-p", full, "--keep-case").status == 64)
  }
}
