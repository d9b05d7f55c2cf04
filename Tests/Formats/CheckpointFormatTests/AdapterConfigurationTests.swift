import CheckpointFormat
import FileSupport
import JSONSupport
import TestSupport
import Testing

@Suite("AdapterConfiguration")
struct AdapterConfigurationTests {
  private let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
  }

  private func read(_ text: String) throws -> AdapterConfiguration {
    try AdapterConfiguration(path: folder.write(text, to: "adapter_config.json"))
  }

  /// The configuration of `keys` besides the type.
  private func lora(_ keys: String = "") throws -> AdapterConfiguration {
    try read(#"{"peft_type": "LORA"\#(keys.isEmpty ? "" : ", " + keys)}"#)
  }

  @Test("a file with the type alone has peft's defaults")
  func defaults() throws {
    let configuration = try lora()
    #expect(configuration.rank == 8)
    #expect(configuration.alpha == 8)
    #expect(configuration.dropout == 0)
    #expect(configuration.targets == .names(["c_attn"]))
    #expect(configuration.biases == "none")
    #expect(configuration.initialWeights == .standard)
    #expect(configuration.baseModel == nil)
    #expect(configuration.notes == [])
    #expect(try lora(#""target_modules": null, "exclude_modules": []"#).excluded == nil)
  }

  @Test("what is written is what peft writes, and reads back")
  func writing() throws {
    var configuration = AdapterConfiguration(
      baseModel: "ai-forever/rugpt3small_based_on_gpt2", rank: 4, alpha: 8, dropout: 0.1,
      targets: .names(["c_attn"]))
    #expect(configuration.text == Self.peftText)
    #expect(try read(configuration.text).text == configuration.text)
    configuration.replacedModules = ["ln_f"]
    configuration.blocks = [0, 2]
    configuration.biases = "lora_only"
    configuration.hasMagnitudes = true
    configuration.usesRootOfRank = true
    configuration.initialWeights = .pissa
    configuration.alpha = 2.5
    configuration.excluded = .names(["h.0.mlp.c_fc"])
    #expect(try read(configuration.text) == configuration)
    let expression = try lora(
      #""target_modules": ".*c_fc", "rank_pattern": {"c_fc": 2}, "alpha_pattern": {"1.*": 0.5}"#)
    #expect(try read(expression.text) == expression)
    let patterns = try lora(
      #""target_modules": ["c_fc"], "layers_to_transform": 1, "layers_pattern": "h""#)
    #expect(try read(patterns.text) == patterns)
    #expect(patterns.text.contains("\"layers_pattern\": [\n    \"h\"\n  ]"))
  }

  /// Written by peft 0.21.2 for `LoraConfig(r=4, lora_alpha=8, target_modules=["c_attn"],
  /// lora_dropout=0.1, task_type="CAUSAL_LM", fan_in_fan_out=True, base_model_name_or_path=…)`.
  private static let peftText = """
    {
      "alora_invocation_tokens": null,
      "alpha_pattern": {},
      "arrow_config": null,
      "auto_mapping": null,
      "base_model_name_or_path": "ai-forever/rugpt3small_based_on_gpt2",
      "bias": "none",
      "corda_config": null,
      "ensure_weight_tying": false,
      "eva_config": null,
      "exclude_modules": null,
      "fan_in_fan_out": true,
      "inference_mode": true,
      "init_lora_weights": true,
      "kasa_config": null,
      "layer_replication": null,
      "layers_pattern": null,
      "layers_to_transform": null,
      "loftq_config": {},
      "lora_alpha": 8,
      "lora_bias": false,
      "lora_dropout": 0.1,
      "lora_ga_config": null,
      "megatron_config": null,
      "megatron_core": "megatron.core",
      "modules_to_save": null,
      "monteclora_config": null,
      "peft_type": "LORA",
      "peft_version": "0.21.2",
      "qalora_group_size": 16,
      "r": 4,
      "rank_pattern": {},
      "revision": null,
      "target_modules": [
        "c_attn"
      ],
      "target_parameters": null,
      "task_type": "CAUSAL_LM",
      "trainable_token_indices": null,
      "use_bdlora": null,
      "use_dora": false,
      "use_qalora": false,
      "use_rslora": false,
      "velora_config": null
    }
    """

  @Test("keys that peft does not know are ignored with a note")
  func unknownKeys() throws {
    let configuration = try lora(#""future_key": {"x": 1}, "r": 2"#)
    #expect(configuration.rank == 2)
    #expect(
      configuration.notes == [
        "\(folder.path("adapter_config.json")): unknown keys are ignored, as in peft: future_key"
      ])
  }

  @Test(
    "what is not a plain LoRA is refused by name",
    arguments: [
      (#"{}"#, "'peft_type' is missing or not a string; expected \"LORA\""),
      (#"{"peft_type": "IA3"}"#, #"peft_type is "IA3"; expected "LORA": other methods"#),
      (#"{"peft_type": "LORA", "task_type": "SEQ_CLS"}"#, "task_type is \"SEQ_CLS\""),
      (#"{"peft_type": "LORA", "init_lora_weights": "olora"}"#, "init_lora_weights is \"olora\""),
      (#"{"peft_type": "LORA", "init_lora_weights": "corda"}"#, "init_lora_weights is \"corda\""),
      (#"{"peft_type": "LORA", "init_lora_weights": "mica"}"#, "init_lora_weights is \"mica\""),
      (#"{"peft_type": "LORA", "init_lora_weights": "pissa_niter_4"}"#, "pissa_niter_4"),
      (#"{"peft_type": "LORA", "init_lora_weights": 3}"#, "init_lora_weights is 3"),
      (#"{"peft_type": "LORA", "alora_invocation_tokens": [1]}"#, "alora_invocation_tokens is set"),
      (#"{"peft_type": "LORA", "layer_replication": [[0, 2]]}"#, "layer_replication is set"),
      (#"{"peft_type": "LORA", "trainable_token_indices": [3]}"#, "trainable_token_indices is set"),
      (#"{"peft_type": "LORA", "lora_bias": true}"#, "lora_bias is set"),
      (#"{"peft_type": "LORA", "use_qalora": true}"#, "use_qalora is set"),
      (#"{"peft_type": "LORA", "r": 0}"#, "r is 0; expected a whole number from 1 to 16384"),
      (#"{"peft_type": "LORA", "r": 1e99}"#, "r is 1e+99"),
      (#"{"peft_type": "LORA", "lora_alpha": NaN}"#, "lora_alpha is NaN"),
      (#"{"peft_type": "LORA", "lora_dropout": 1}"#, "lora_dropout is 1"),
      (#"{"peft_type": "LORA", "bias": "some"}"#, "bias is \"some\"; expected none or all or"),
      (#"{"peft_type": "LORA", "target_modules": [1]}"#, "target_modules is [1]"),
      (#"{"peft_type": "LORA", "target_modules": "(?!c"}"#, "target_modules: '(?!c' is not"),
      (#"{"peft_type": "LORA", "rank_pattern": {"c_fc": 0}}"#, "rank_pattern: 'c_fc' is 0"),
      (#"{"peft_type": "LORA", "alpha_pattern": {"a)(b": 1}}"#, "alpha_pattern: 'a)(b' is not"),
      (#"{"peft_type": "LORA", "layers_pattern": "h"}"#, "layers_pattern needs"),
      (
        #"{"peft_type": "LORA", "target_modules": "c.*", "layers_to_transform": [0]}"#,
        "layers_to_transform needs an array of names"
      ),
    ])
  func refusals(text: String, problem: String) {
    let error = #expect(throws: InputError.self) { try read(text) }
    #expect(error?.description.hasPrefix(folder.path("adapter_config.json") + ": ") == true)
    #expect(error?.problem.contains(problem) == true, "\(error?.problem ?? "")")
  }

  // MARK: - Which modules

  private func modules(_ keys: String) throws -> [String] {
    let configuration = try lora(keys)
    return (0..<3).flatMap { block in
      ["attn.c_attn", "attn.c_proj", "mlp.c_fc", "mlp.c_proj"].map {
        "transformer.h.\(block).\($0)"
      }
    }.filter(configuration.selects).map { String($0.dropFirst("transformer.h.".count)) }
  }

  @Test(
    "modules are selected as in peft",
    arguments: [
      (#""target_modules": ["c_attn"]"#, ["0.attn.c_attn", "1.attn.c_attn", "2.attn.c_attn"]),
      (
        #""target_modules": ["mlp.c_proj", "transformer.h.1.attn.c_proj", "proj"]"#,
        ["0.mlp.c_proj", "1.attn.c_proj", "1.mlp.c_proj", "2.mlp.c_proj"]
      ),
      (
        #""target_modules": ".*\\.h\\.[12]\\.(attn\\.c_attn|mlp\\.c_proj)""#,
        ["1.attn.c_attn", "1.mlp.c_proj", "2.attn.c_attn", "2.mlp.c_proj"]
      ),
      (
        #""target_modules": "all-linear", "exclude_modules": ".*(0|1|mlp).*""#,
        ["2.attn.c_attn", "2.attn.c_proj"]
      ),
      (
        #""target_modules": ["c_proj"], "exclude_modules": ["attn.c_proj", "h.0.mlp.c_proj"]"#,
        ["1.mlp.c_proj", "2.mlp.c_proj"]
      ),
      (
        #""layers_to_transform": [0, 2, 9], "layers_pattern": ["blocks", "h"]"#,
        ["0.attn.c_attn", "2.attn.c_attn"]
      ),
      (#""layers_to_transform": 1"#, ["1.attn.c_attn"]),
      (#""layers_to_transform": 1, "layers_pattern": "blocks""#, []),
      (
        #""layers_to_transform": [1], "target_modules": ["c_fc", "transformer.h.0.attn.c_attn"]"#,
        ["0.attn.c_attn", "1.mlp.c_fc"]
      ),
    ])
  func selection(keys: String, expected: [String]) throws {
    #expect(try modules(keys) == expected)
  }

  @Test("the first pattern that matches gives rank and alpha; rsLoRA divides by the root")
  func patterns() throws {
    let keys = #"""
      "target_modules": "all-linear", "r": 4, "lora_alpha": 6,
      "rank_pattern": {"h.1.*": 16, "attn.c_proj": 2, "c_attn|c_proj": 1, "transformer": 9},
      "alpha_pattern": {"mlp.c_fc": 0.5}
      """#
    let plain = try lora(keys)
    let name = "transformer.h.0."
    #expect(plain.update(of: name + "attn.c_attn")?.rank == 1)
    #expect(plain.update(of: name + "attn.c_proj")?.rank == 2)
    #expect(plain.update(of: name + "mlp.c_fc")?.rank == 4)
    #expect(plain.update(of: "transformer.h.1.mlp.c_fc")?.rank == 16)
    #expect(plain.update(of: name + "mlp.c_fc")?.scaling == 0.125)
    #expect(plain.update(of: name + "attn.c_proj")?.scaling == 3)
    let root = try lora(keys + #", "use_rslora": true"#)
    #expect(root.update(of: "transformer.h.1.mlp.c_proj")?.scaling == 1.5)
    for configuration in [plain, root] {
      let converted = configuration.convertedFromPiSSA
      let (old, new) = (
        try #require(configuration.update(of: name + "mlp.c_fc")),
        try #require(converted.update(of: name + "mlp.c_fc"))
      )
      #expect(new.rank == 2 * old.rank)
      #expect(abs(new.scaling - old.scaling) < 1e-15)
    }
  }
}
