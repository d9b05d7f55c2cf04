import FileSupport
import GPT2
import TestSupport
import Testing

@Suite("GPT2Configuration")
struct GPT2ConfigurationTests {
  private let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
  }

  private func read(_ text: String) throws -> GPT2Configuration {
    try GPT2Configuration(path: folder.write(text, to: "config.json"))
  }

  @Test("absent keys and nulls have GPT-2's defaults, unknown keys are ignored")
  func defaults() throws {
    var expected = GPT2Configuration(
      vocabularySize: 50257, contextLength: 1024, width: 768, layers: 12, heads: 12)
    #expect(try read("{}") == expected)
    #expect(
      try read(#"{"model_type": "gpt2", "n_inner": null, "vocab_size": null, "summary_type": 1}"#)
        == expected)
    #expect(expected.innerWidth == 3072)
    #expect(expected.layerNormEpsilon == 1e-5)
    #expect(
      [expected.embeddingDropout, expected.attentionDropout, expected.residualDropout]
        == [0.1, 0.1, 0.1])
    #expect(expected.initializerRange == 0.02)
    #expect(expected.attentionScale(layer: 0) == 0.125)
    expected.endOfTextID = 2
    #expect(try read(#"{"eos_token_id": 2}"#) == expected)
  }

  @Test("reads every key of a configuration like those of rugpt3")
  func everyKey() throws {
    let configuration = try read(
      """
      {
        "activation_function": "gelu_new", "architectures": ["GPT2LMHeadModel"],
        "attn_pdrop": 0.2, "bos_token_id": 1, "embd_pdrop": 0.3, "eos_token_id": 2,
        "initializer_range": 0.05, "layer_norm_epsilon": 1e-06, "model_type": "gpt2",
        "n_ctx": 2048, "n_embd": 48, "n_head": 4, "n_inner": 100, "n_layer": 3,
        "n_positions": 2048, "pad_token_id": 0, "resid_pdrop": 0, "scale_attn_weights": true,
        "summary_activation": null, "tie_word_embeddings": true, "vocab_size": 50264
      }
      """)
    var expected = GPT2Configuration(
      vocabularySize: 50264, contextLength: 2048, width: 48, layers: 3, heads: 4, innerWidth: 100)
    expected.layerNormEpsilon = 1e-6
    (expected.attentionDropout, expected.embeddingDropout, expected.residualDropout) = (0.2, 0.3, 0)
    expected.initializerRange = 0.05
    (expected.beginOfTextID, expected.endOfTextID, expected.paddingID) = (1, 2, 0)
    #expect(configuration == expected)
  }

  @Test(
    "refuses impossible values and what is not supported, by name",
    arguments: [
      ("[]", "expected an object"),
      (#"{"n_layer": 0}"#, "n_layer: expected a whole number of at least 1"),
      (#"{"vocab_size": "5"}"#, "vocab_size: expected a whole number of at least 1"),
      (#"{"n_positions": 1.5}"#, "n_positions: expected a whole number of at least 1"),
      (#"{"n_head": -12}"#, "n_head: expected a whole number of at least 1"),
      (#"{"n_inner": []}"#, "n_inner: expected a whole number of at least 1"),
      (#"{"n_embd": 768, "n_head": 10}"#, "n_embd 768 is not a multiple of n_head 10"),
      (#"{"attn_pdrop": 1}"#, "attn_pdrop: expected a number from 0.0 to below 1.0"),
      (#"{"embd_pdrop": -0.1}"#, "embd_pdrop: expected a number from 0.0 to below 1.0"),
      (#"{"resid_pdrop": "0"}"#, "resid_pdrop: expected a number from 0.0 to below 1.0"),
      (
        #"{"layer_norm_epsilon": true}"#,
        "layer_norm_epsilon: expected a number from 0.0 to below 1.0"
      ),
      (#"{"model_type": "llama"}"#, #"model_type is "llama"; supported is "gpt2""#),
      (#"{"model_type": 2}"#, #"model_type is 2; supported is "gpt2""#),
      (
        #"{"activation_function": "silu"}"#,
        #"activation_function is "silu"; supported is "gelu" or "gelu_fast" or "gelu_new" "#
          + #"or "gelu_pytorch_tanh" or "relu""#
      ),
      (#"{"add_cross_attention": true}"#, "add_cross_attention is true; supported is false"),
      (#"{"tie_word_embeddings": 0}"#, "tie_word_embeddings: expected true or false"),
      (#"{"scale_attn_weights": "no"}"#, "scale_attn_weights: expected true or false"),
    ])
  func refusals(text: String, problem: String) throws {
    let error = #expect(throws: InputError.self) { try read(text) }
    #expect(error?.description == "\(folder.path("config.json")): \(problem)")
  }

  @Test("what is written reads back the same, and is what transformers reads")
  func roundTrip() throws {
    var configuration = GPT2Configuration(
      vocabularySize: 300, contextLength: 64, width: 48, layers: 3, heads: 4, innerWidth: 100)
    configuration.attentionDropout = 0.3
    configuration.layerNormEpsilon = 1e-6
    (configuration.beginOfTextID, configuration.endOfTextID) = (1, 2)
    #expect(try read(configuration.json.text(indent: 2)) == configuration)
    #expect(
      configuration.json.text() == """
        {"activation_function":"gelu_new","architectures":["GPT2LMHeadModel"],"attn_pdrop":0.3,\
        "bos_token_id":1,"embd_pdrop":0.1,"eos_token_id":2,"initializer_range":0.02,\
        "layer_norm_epsilon":1e-06,"model_type":"gpt2","n_ctx":64,"n_embd":48,"n_head":4,\
        "n_inner":100,"n_layer":3,"n_positions":64,"pad_token_id":null,"resid_pdrop":0.1,\
        "scale_attn_by_inverse_layer_idx":false,"scale_attn_weights":true,\
        "tie_word_embeddings":true,"torch_dtype":"float32","vocab_size":300}
        """)
    #expect(
      configuration.generationJSON.text()
        == #"{"_from_model_config":true,"bos_token_id":1,"eos_token_id":2}"#)
  }
}

@Suite("SpecialTokenIDs")
struct SpecialTokenIDsTests {
  private func apply(_ text: String, endOfText: Int) throws -> [Int?] {
    let folder = try TemporaryFolder()
    try folder.write(text, to: "tokenizer_config.json")
    var configuration = GPT2Configuration(
      vocabularySize: 9, contextLength: 4, width: 4, layers: 1, heads: 1)
    configuration.paddingID = 7
    try SpecialTokenIDs(tokenizerFolder: folder.path)
      .apply(to: &configuration, endOfText: endOfText)
    return [configuration.beginOfTextID, configuration.endOfTextID, configuration.paddingID]
  }

  @Test("roles are texts or objects, ids stand with the added tokens")
  func ids() throws {
    let ids = try apply(
      """
      {"bos_token": "<s>", "eos_token": {"content": "</s>"}, "pad_token": "<pad>",
       "added_tokens_decoder": {"0": {"content": "<pad>"}, "1": {"content": "<s>"},
                                "2": {"content": "</s>"}}}
      """, endOfText: 2)
    #expect(ids == [1, 2, 0])
  }

  @Test("a text begins with the end of text where nothing else is said, and nothing pads")
  func missing() throws {
    #expect(try apply("{}", endOfText: 5) == [5, 5, nil])
    #expect(try apply(#"{"bos_token": "<s>", "pad_token": null}"#, endOfText: 5) == [5, 5, nil])
  }
}
