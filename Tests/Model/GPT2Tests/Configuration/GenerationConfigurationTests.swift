import FileSupport
import Foundation
import GPT2
import JSONSupport
import TensorKernels
import TestSupport
import Testing

@Suite("generation_config.json")
struct GenerationConfigurationTests {
  private let folder: TemporaryFolder
  private let model = tinyModel {
    ($0.beginOfTextID, $0.endOfTextIDs, $0.paddingID) = (1, [5], 0)
  }
  private let file = "generation_config.json"

  init() throws {
    folder = try TemporaryFolder()
    try model.write(to: folder.path)
  }

  /// The model with `text` as its generation configuration; without a file for `nil`.
  private func load(_ text: String?) throws -> GPT2Model {
    if let text {
      try folder.write(text, to: file)
    } else {
      try FileManager.default.removeItem(atPath: folder.path(file))
    }
    return try GPT2Model(folder: folder.path, threadPool: ThreadPool(count: 1))
  }

  private func ends(_ text: String?) throws -> [Int32] {
    InferenceModel(try load(text)).endOfTextTokens
  }

  @Test("its ids go before those of config.json, one or several")
  func ends() throws {
    #expect(try ends(#"{"eos_token_id": [9, 2]}"#) == [9, 2])
    #expect(try ends(#"{"eos_token_id": 9}"#) == [9])
    #expect(try ends(#"{"eos_token_id": [9, 23, -1, 2]}"#) == [9, 2])
    #expect(try ends(nil) == [5])
  }

  @Test("without eos_token_id no token ends a text, as in transformers, and a note says so")
  func noEnds() throws {
    for text in [#"{"eos_token_id": null}"#, "{}", #"{"temperature": 0.5}"#] {
      let loaded = try load(text)
      #expect(InferenceModel(loaded).endOfTextTokens == [])
      #expect(
        loaded.notes == [
          "generation_config.json has no eos_token_id, so no token ends a text, as in transformers; "
            + "config.json has 5"
        ])
      // Texts begin behind an end of text all the same.
      #expect(InferenceModel(loaded).separator == 5)
    }
    #expect(InferenceModel(try load(#"{"eos_token_id": [9, 2]}"#)).separator == 9)
  }

  @Test("an id outside the vocabulary is reported once, and those of config.json not at all")
  func outside() throws {
    model.configuration.endOfTextIDs = [50256]
    try model.write(to: folder.path)
    #expect(
      try load(#"{"eos_token_id": [99, 2, 99]}"#).notes == [
        "eos_token_id 99 in generation_config.json is outside the vocabulary of 23 tokens and is "
          + "not used"
      ])
  }

  @Test(
    "a broken file is refused with the remedy",
    arguments: [
      (
        #"{"eos_token_id": "9"}"#,
        #"eos_token_id is "9"; expected a whole number, an array of "#
      ),
      (#"{"eos_token_id": [9, null]}"#, "eos_token_id is [9,null]; expected "),
      (#"{"bos_token_id": [9]}"#, "bos_token_id is [9]; expected a whole number or null"),
      (#"{"eos_token_id": 9"#, "the text ends where "),
      ("[]", "expected an object"), ("", "the text ends where "),
    ])
  func broken(text: String, problem: String) {
    let error = #expect(throws: InputError.self) { try load(text) }
    #expect(error?.path == folder.path(file))
    #expect(error?.problem.hasPrefix(problem) == true, "\(error?.problem ?? "")")
    #expect(
      error?.problem.hasSuffix(
        "; correct the file, or remove it to use the ids of config.json") == true)
  }

  @Test("without a file of its own a model writes the ids of its configuration")
  func written() throws {
    #expect(
      try folder.text(of: file) == """
        {
          "_from_model_config": true,
          "bos_token_id": 1,
          "eos_token_id": 5,
          "pad_token_id": 0
        }

        """)
  }

  @Test("fine-tuning puts the end of its texts first and keeps the others, and the settings")
  func aligned() throws {
    let loaded = try load(
      #"{"temperature": 0.7, "bos_token_id": 3, "eos_token_id": [9, 7, 2, 99, 4, 7], "#
        + #""transformers_version": "5.23.0"}"#)
    loaded.configuration.endOfTextID = 2
    loaded.alignGeneration { $0 != 4 }
    let copy = try TemporaryFolder()
    try loaded.write(to: copy.path)
    let value = try JSONValue(path: copy.path(file))
    #expect(
      value == [
        "bos_token_id": 1, "eos_token_id": [2, 9, 7], "pad_token_id": 0, "temperature": 0.7,
      ])
    #expect(try JSONValue(path: copy.path("config.json"))["eos_token_id"] == 2)
  }
}
