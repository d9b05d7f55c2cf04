import JSONSupport

extension AdapterConfiguration {
  /// The contents of `adapter_config.json` as peft 0.21.2 writes it, without a newline at the end.
  public var text: String {
    func list(_ strings: [String]) -> JSONValue { .array(strings.map { .string($0) }) }
    func modules(_ modules: Modules?) -> JSONValue {
      switch modules {
      case .names(let names): list(names)
      case .expression(let pattern): .string(pattern.source)
      case .allLinear: .string(Modules.allLinearWord)
      case nil: .null
      }
    }
    func number(_ value: Double) -> JSONValue {
      Int(exactly: value).map { .integer($0) } ?? .number(value)
    }
    func overrides(_ overrides: [Override]) -> JSONValue {
      .object(overrides.map { .init($0.pattern.source, number($0.value)) })
    }
    let values: [String: JSONValue] = [
      "alpha_pattern": overrides(alphaOverrides),
      "base_model_name_or_path": baseModel.map { .string($0) } ?? .null,
      "bias": .string(biases),
      "exclude_modules": modules(excluded),
      // W is [in, out] in GPT-2.
      "fan_in_fan_out": true,
      "inference_mode": true,
      "init_lora_weights": [.standard, .random].contains(initialWeights)
        ? .boolean(initialWeights == .standard) : .string(initialWeights.rawValue),
      "layers_pattern": blockPatterns.isEmpty
        ? .null : list(blockPatterns.map { Self.blockName(of: $0) }),
      "layers_to_transform": blocks.map { .array($0.map { .integer($0) }) } ?? .null,
      "lora_alpha": number(alpha),
      "lora_dropout": .number(dropout),
      "modules_to_save": replacedModules.isEmpty ? .null : list(replacedModules),
      "r": .integer(rank),
      "rank_pattern": overrides(rankOverrides),
      "revision": revision.map { .string($0) } ?? .null,
      "target_modules": modules(targets),
      "task_type": taskType.map { .string($0) } ?? .null,
      "use_dora": .boolean(hasMagnitudes),
      "use_rslora": .boolean(usesRootOfRank),
    ]
    let members = Self.keys.members ?? []
    return JSONValue.object(members.map { .init($0.key, values[$0.key] ?? $0.value) })
      .text(indent: 2)
  }

  private static func blockName(of pattern: ModulePattern) -> String {
    String(pattern.source.dropFirst(beforeBlock.count).dropLast(afterBlock.count))
  }

  /// The keys of peft 0.21.2, sorted, with the values of those that never differ here.
  static let keys: JSONValue = [
    "alora_invocation_tokens": nil,
    "alpha_pattern": nil,
    "arrow_config": nil,
    "auto_mapping": nil,
    "base_model_name_or_path": nil,
    "bias": nil,
    "corda_config": nil,
    "ensure_weight_tying": false,
    "eva_config": nil,
    "exclude_modules": nil,
    "fan_in_fan_out": nil,
    "inference_mode": nil,
    "init_lora_weights": nil,
    "kasa_config": nil,
    "layer_replication": nil,
    "layers_pattern": nil,
    "layers_to_transform": nil,
    "loftq_config": [:],
    "lora_alpha": nil,
    "lora_bias": false,
    "lora_dropout": nil,
    "lora_ga_config": nil,
    "megatron_config": nil,
    "megatron_core": "megatron.core",
    "modules_to_save": nil,
    "monteclora_config": nil,
    "peft_type": "LORA",
    "peft_version": "0.21.2",
    "qalora_group_size": 16,
    "r": nil,
    "rank_pattern": nil,
    "revision": nil,
    "target_modules": nil,
    "target_parameters": nil,
    "task_type": nil,
    "trainable_token_indices": nil,
    "use_bdlora": nil,
    "use_dora": nil,
    "use_qalora": false,
    "use_rslora": nil,
    "velora_config": nil,
  ]
}
