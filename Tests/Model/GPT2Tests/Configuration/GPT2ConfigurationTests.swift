import FileSupport
import GPT2
import JSONSupport
import TensorKernels
import TestSupport
import Testing

private let size = "a whole number from 1 to 2147483648"
private let types = #""float32" or "float16" or "bfloat16" or "float64" or null"#

@Suite("GPT2Configuration")
struct GPT2ConfigurationTests {
  private let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
  }

  private func read(_ text: String) throws -> GPT2Configuration {
    try GPT2Configuration(path: folder.write(text, to: "config.json"))
  }

  @Test("absent keys have GPT-2's defaults, and so have nulls where null is a value")
  func defaults() throws {
    var expected = GPT2Configuration(
      vocabularySize: 50257, contextLength: 1024, embeddingSize: 768, layers: 12, heads: 12)
    #expect(try read("{}") == expected)
    #expect(
      try read(
        """
        {"model_type": "gpt2", "n_inner": null, "eos_token_id": null, "bos_token_id": null,
         "pad_token_id": null, "torch_dtype": null, "quantization_config": null}
        """) == expected)
    #expect(expected.feedForwardSize == 3072)
    #expect(expected.layerNormEpsilon == 1e-5)
    #expect(
      [expected.embeddingDropout, expected.attentionDropout, expected.residualDropout]
        == [0.1, 0.1, 0.1])
    #expect(expected.initializerRange == 0.02)
    #expect(expected.attentionScale(layer: 0) == 0.125)
    expected.endOfTextID = 2
    #expect(try read(#"{"eos_token_id": 2}"#) == expected)
  }

  @Test(
    "unknown keys, and known ones that change nothing here, are ignored whatever they hold",
    arguments: [
      #""summary_type": 1, "n_ctx": 7, "n_special": 0, "output_past": true"#,
      #""id2label": {"0": "LABEL_0"}, "task_specific_params": {"a": {"max_length": 50}}"#,
      #""model_max_length": 1000000000000000019884624838656, "x": 1e999, "y": -0"#,
      #""a": NaN, "b": [Infinity, {"c": -Infinity}]"#,
      #""is_decoder": true, "tie_encoder_decoder": true, "cross_attention_hidden_size": 5"#,
      #""use_cache": false, "gradient_checkpointing": true, "chunk_size_feed_forward": 8"#,
      #""reorder_and_upcast_attn": true, "pruned_heads": {}, "architectures": ["GPT2Model"]"#,
      #""n_layer": "twelve", "n_layer": 12, "n_head": 12"#,
    ])
  func ignored(members: String) throws {
    #expect(try read("{\(members)}") == read("{}"))
  }

  @Test("reads both generations of rugpt3's configuration")
  func generations() throws {
    /// The keys of 2020, with the special tokens' ids that are given.
    func configuration(_ ids: String) throws -> GPT2Configuration {
      try read(
        """
        {
          "activation_function": "gelu_new", "architectures": ["GPT2LMHeadModel"],
          "attn_pdrop": 0.1, \(ids), "embd_pdrop": 0.1, "gradient_checkpointing": false,
          "initializer_range": 0.02, "layer_norm_epsilon": 1e-05, "model_type": "gpt2",
          "n_ctx": 2048, "n_embd": 768, "n_head": 12, "n_inner": null, "n_layer": 12,
          "n_positions": 2048, "resid_pdrop": 0.1, "summary_activation": null,
          "summary_first_dropout": 0.1, "summary_proj_to_labels": true,
          "summary_type": "cls_index", "summary_use_proj": true, "vocab_size": 50264
        }
        """)
    }
    var expected = GPT2Configuration(
      vocabularySize: 50264, contextLength: 2048, embeddingSize: 768, layers: 12, heads: 12)
    (expected.beginOfTextID, expected.endOfTextID) = (50256, 50256)
    #expect(try configuration(#""bos_token_id": 50256, "eos_token_id": 50256"#) == expected)
    (expected.beginOfTextID, expected.endOfTextID, expected.paddingID) = (1, 2, 0)
    #expect(
      try configuration(#""bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0"#) == expected)
  }

  @Test("reads every key that counts")
  func everyKey() throws {
    let configuration = try read(
      """
      {
        "activation_function": "relu", "attn_pdrop": 0.2, "bos_token_id": 1, "embd_pdrop": 0.3,
        "eos_token_id": 2, "initializer_range": 0.05, "layer_norm_epsilon": 1e-06,
        "model_type": "gpt2", "n_ctx": 2048, "n_embd": 48, "n_head": 4, "n_inner": 100,
        "n_layer": 3, "n_positions": 2048, "pad_token_id": 0, "resid_pdrop": 0,
        "scale_attn_by_inverse_layer_idx": true, "scale_attn_weights": false,
        "tie_word_embeddings": false, "torch_dtype": "float16", "vocab_size": 50264
      }
      """)
    var expected = GPT2Configuration(
      vocabularySize: 50264, contextLength: 2048, embeddingSize: 48, layers: 3, heads: 4,
      feedForwardSize: 100)
    expected.activation = .relu
    expected.layerNormEpsilon = 1e-6
    (expected.attentionDropout, expected.embeddingDropout, expected.residualDropout) = (0.2, 0.3, 0)
    expected.initializerRange = 0.05
    (expected.scalesAttention, expected.scalesAttentionByLayer) = (false, true)
    expected.tiesWordEmbeddings = false
    (expected.beginOfTextID, expected.endOfTextID, expected.paddingID) = (1, 2, 0)
    #expect(configuration == expected)
  }

  @Test("of a size and its other name the other name counts, wherever it stands")
  func aliases() throws {
    let expected = GPT2Configuration(
      vocabularySize: 50257, contextLength: 64, embeddingSize: 48, layers: 3, heads: 4)
    #expect(
      try read(
        """
        {"hidden_size": 48, "n_embd": 64, "n_positions": 32, "max_position_embeddings": 64,
         "num_attention_heads": 4, "num_hidden_layers": 3, "n_layer": 5}
        """) == expected)
  }

  @Test(
    "the names of one function are one",
    arguments: [
      (
        ["gelu_new", "gelu_fast", "gelu_pytorch_tanh", "gelu_python_tanh", "gelu_accurate"],
        ActivationFunction.geluTanh
      ),
      (["gelu", "gelu_python"], .gelu), (["relu"], .relu),
    ])
  func activations(names: [String], activation: ActivationFunction) throws {
    for name in names {
      #expect(try read(#"{"activation_function": "\#(name)"}"#).activation == activation)
    }
  }

  @Test("a text may have several ends; those outside of the vocabulary end none")
  func endsOfText() throws {
    let several = try read(#"{"vocab_size": 9, "eos_token_id": [7, 9, 2, -1]}"#)
    #expect(several.endOfTextIDs == [7, 9, 2, -1])
    #expect(several.endOfTextID == 7)
    #expect(several.endOfTextTokens == [7, 2])
    #expect(several.json["eos_token_id"] == [7, 9, 2, -1])
    #expect(try read(several.json.text()) == several)
    let one = try read(#"{"eos_token_id": [7]}"#)
    #expect(one.json["eos_token_id"] == 7)
    let none = try read(#"{"eos_token_id": []}"#)
    #expect(none == (try read("{}")))
    #expect(none.json["eos_token_id"] == .null)
  }

  @Test(
    "refuses impossible values and what is not supported, by name",
    arguments: [
      ("[]", "expected an object"),
      (#"{"n_layer": 0}"#, "n_layer is 0; expected a whole number from 1 to 65536"),
      (#"{"vocab_size": "5"}"#, #"vocab_size is "5"; expected \#(size)"#),
      (#"{"vocab_size": null}"#, "vocab_size is null; expected \(size)"),
      (#"{"n_positions": 1024.0}"#, "n_positions is 1024.0; expected \(size)"),
      (#"{"n_head": -12}"#, "n_head is -12; expected \(size)"),
      (#"{"n_head": true}"#, "n_head is true; expected \(size)"),
      (#"{"n_inner": []}"#, "n_inner is []; expected \(size)"),
      (#"{"n_embd": 4294967296}"#, "n_embd is 4294967296; expected \(size)"),
      (#"{"hidden_size": 0}"#, "hidden_size is 0; expected \(size)"),
      (#"{"n_embd": 0, "hidden_size": 768}"#, "n_embd is 0; expected \(size)"),
      (#"{"n_embd": 768, "n_head": 10}"#, "n_embd 768 is not a multiple of n_head 10"),
      (
        #"{"n_embd": 2147483648, "n_head": 1}"#,
        "the sizes make a model of more than 2^48 parameters"
      ),
      (
        #"{"n_positions": 2147483648, "n_embd": 1048576, "n_head": 1}"#,
        "the sizes make a model of more than 2^48 parameters"
      ),
      (#"{"attn_pdrop": 1}"#, "attn_pdrop is 1; expected a number from 0 to below 1"),
      (
        #"{"attn_pdrop": 0.999999}"#,
        "attn_pdrop is 0.999999; expected a number from 0 to below 1"
      ),
      (#"{"embd_pdrop": -0.1}"#, "embd_pdrop is -0.1; expected a number from 0 to below 1"),
      (#"{"resid_pdrop": "0"}"#, #"resid_pdrop is "0"; expected a number from 0 to below 1"#),
      (#"{"resid_pdrop": NaN}"#, "resid_pdrop is NaN; expected a number from 0 to below 1"),
      (
        #"{"layer_norm_epsilon": true}"#,
        "layer_norm_epsilon is true; expected a number with a decimal point, from 0.0 to below 1.0"
      ),
      (
        #"{"layer_norm_epsilon": 0}"#,
        "layer_norm_epsilon is 0; expected a number with a decimal point, from 0.0 to below 1.0"
      ),
      (
        #"{"initializer_range": -Infinity}"#,
        "initializer_range is -Infinity; "
          + "expected a number with a decimal point, from 0.0 to below 10.0"
      ),
      (#"{"model_type": "llama"}"#, #"model_type is "llama"; expected "gpt2""#),
      (#"{"model_type": 2}"#, #"model_type is 2; expected "gpt2""#),
      (
        #"{"activation_function": "quick_gelu"}"#,
        #"activation_function is "quick_gelu"; expected "gelu" or "gelu_accurate" or "#
          + #""gelu_fast" or "gelu_new" or "gelu_python" or "gelu_python_tanh" or "#
          + #""gelu_pytorch_tanh" or "relu""#
      ),
      (#"{"add_cross_attention": true}"#, "add_cross_attention is true; expected false"),
      (#"{"is_encoder_decoder": true}"#, "is_encoder_decoder is true; expected false or null"),
      (#"{"is_causal": false}"#, "is_causal is false; expected true"),
      (#"{"sliding_window": 4}"#, "sliding_window is 4; expected null"),
      (#"{"attention_chunk_size": 4}"#, "attention_chunk_size is 4; expected null"),
      (
        #"{"layer_types": ["full_attention"]}"#,
        #"layer_types is ["full_attention"]; expected null"#
      ),
      (
        #"{"per_layer_config": {"0": {"n_inner": 5}}}"#,
        #"per_layer_config is {"0":{"n_inner":5}}; expected null"#
      ),
      (#"{"pruned_heads": {"1": [0]}}"#, #"pruned_heads is {"1":[0]}; expected null or {}"#),
      (
        #"{"quantization_config": {"quant_method": "\#(String(repeating: "q", count: 100))"}}"#,
        #"quantization_config is {"quant_method":"\#(String(repeating: "q", count: 63))…; "#
          + "expected null"
      ),
      (
        #"{"transformers_weights": "x.safetensors"}"#,
        #"transformers_weights is "x.safetensors"; expected null"#
      ),
      (#"{"text_config": {}}"#, "text_config is {}; expected null"),
      (
        #"{"configuration_files": ["config.4.0.0.json"]}"#,
        #"configuration_files is ["config.4.0.0.json"]; expected null or []"#
      ),
      (#"{"dtype": "int8"}"#, #"dtype is "int8"; expected \#(types)"#),
      (
        #"{"dtype": null, "torch_dtype": "float8_e4m3fn"}"#,
        #"torch_dtype is "float8_e4m3fn"; expected \#(types)"#
      ),
      (#"{"tie_word_embeddings": 0}"#, "tie_word_embeddings is 0; expected true or false"),
      (#"{"scale_attn_weights": null}"#, "scale_attn_weights is null; expected true or false"),
      (
        #"{"reorder_and_upcast_attn": 1}"#,
        "reorder_and_upcast_attn is 1; expected true or false"
      ),
      (#"{"bos_token_id": [1]}"#, "bos_token_id is [1]; expected a whole number or null"),
      (#"{"pad_token_id": 0.0}"#, "pad_token_id is 0.0; expected a whole number or null"),
      (
        #"{"eos_token_id": [1, "2"]}"#,
        #"eos_token_id is [1,"2"]; expected a whole number, an array of whole numbers or null"#
      ),
    ])
  func refusals(text: String, problem: String) throws {
    let error = #expect(throws: InputError.self) { try read(text) }
    #expect(error?.description == "\(folder.path("config.json")): \(problem)")
  }

  @Test("passes over a byte order mark, which editors leave")
  func byteOrderMark() throws {
    let text = #"{"n_layer": 3}"#
    #expect(try read("\u{FEFF}" + text) == read(text))
  }

  @Test("refuses what is no JSON for Python either: a comment, a cut-off text")
  func noJSON() throws {
    for text in ["{} // GPT-2", #"{"n_layer": 12"#, "", "{'n_layer': 12}", "{}{}"] {
      #expect(throws: InputError.self, "\(text)") { try read(text) }
    }
  }

  @Test("what is written reads back the same, and is what transformers reads")
  func roundTrip() throws {
    var configuration = GPT2Configuration(
      vocabularySize: 300, contextLength: 64, embeddingSize: 48, layers: 3, heads: 4,
      feedForwardSize: 100)
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
  }
}
