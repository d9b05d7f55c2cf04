import FileSupport
import JSONSupport
import TextSupport

extension AdapterConfiguration {
  /// The largest rank, far above any in use, so that sizes can be computed.
  private static let maximumRank = 1 << 14

  /// Reads the `adapter_config.json` at `path` as peft 0.21 does.
  ///
  /// Missing keys have peft's defaults; keys that peft does not know are ignored with a note.
  ///
  /// - Throws: `FileError`; `InputError`, which names the key, if it describes anything but a LoRA
  ///   for a language model whose parts this program knows.
  public init(path: String) throws {
    let keys = try JSONObject(path: path, leniency: .nonFiniteNumbers)
    try keys.refuseOtherMethods()
    self.init()
    func string(_ key: String) throws -> String? {
      try keys.optional(key, "a string or null", orNull: true, \.string)
    }
    func flag(_ key: String) throws -> Bool {
      try keys.optional(key, "true or false", orNull: true, \.boolean) ?? false
    }
    baseModel = try string("base_model_name_or_path")
    revision = try string("revision")
    taskType = try string("task_type")
    let ranks = "a whole number from 1 to \(Self.maximumRank)"
    rank = try keys.optional("r", ranks) { Self.rank($0).map { Int($0) } } ?? rank
    let numbers = "a finite number"
    alpha = try keys.optional("lora_alpha", numbers, Self.finite) ?? alpha
    dropout =
      try keys.optional("lora_dropout", "a number from 0 to below 1") { value in
        value.number.flatMap { 0..<1 ~= $0 ? $0 : nil }
      } ?? dropout
    targets = try keys.modules("target_modules") ?? targets
    excluded = try keys.modules("exclude_modules")
    if case .names(let names) = excluded, names.isEmpty { excluded = nil }
    replacedModules = try keys.strings("modules_to_save") ?? []
    blocks = try keys.optional(
      "layers_to_transform", "a whole number, an array of whole numbers or null", orNull: true
    ) { value in
      let elements = value.elements ?? [value]
      let integers = elements.compactMap(\.integer)
      return integers.count == elements.count ? integers : nil
    }
    blockPatterns = try (keys.strings("layers_pattern") ?? []).filter { !$0.isEmpty }.map {
      try keys.pattern(
        Self.beforeBlock + $0 + Self.afterBlock, key: "layers_pattern")
    }
    rankOverrides = try keys.overrides("rank_pattern", ranks, Self.rank)
    alphaOverrides = try keys.overrides("alpha_pattern", numbers, Self.finite)
    usesRootOfRank = try flag("use_rslora")
    hasMagnitudes = try flag("use_dora")
    let choices = ["none", "all", "lora_only"]
    biases =
      try keys.optional("bias", choices.joined(separator: " or ")) { value in
        value.string.flatMap { choices.contains($0) ? $0 : nil }
      } ?? biases
    initialWeights = try keys.initialWeights() ?? initialWeights
    let known = Set(Self.keys.members?.map(\.key) ?? [])
    let unknown = keys.value.members?.map(\.key).filter { !known.contains($0) } ?? []
    if !unknown.isEmpty {
      notes.append(
        "\(path): unknown keys are ignored, as in peft: "
          + excerpt(unknown.joined(separator: ", "), limit: 200))
    }
    try keys.checkBlocks(self)
  }

  /// What stands around an element of `layers_pattern` in the expression for a module's name.
  static let (beforeBlock, afterBlock) = (#"(?:.*\.)?(?:"#, #")\.[0-9]+\..*"#)

  private static func rank(_ value: JSONValue) -> Double? {
    value.integer.flatMap { 1...maximumRank ~= $0 ? Double($0) : nil }
  }

  private static func finite(_ value: JSONValue) -> Double? {
    value.number.flatMap { $0.isFinite ? $0 : nil }
  }
}

/// What peft accepts for the keys of an `adapter_config.json`.
extension JSONObject {
  /// Refuses what is not a plain low-rank update of a language model's matrices.
  fileprivate func refuseOtherMethods() throws {
    _ = try member("peft_type", "a string; expected \"LORA\"", \.string)
    _ = try optional("peft_type", "\"LORA\": other methods are not supported") {
      $0.string?.uppercased() == "LORA" ? true : nil
    }
    _ = try optional("task_type", "\"CAUSAL_LM\", \"FEATURE_EXTRACTION\" or null", orNull: true) {
      ["CAUSAL_LM", "FEATURE_EXTRACTION"].contains($0.string) ? true : nil
    }
    let remedy = "; merge the adapter into its model with peft's merge_and_unload()"
    for key in [
      "alora_invocation_tokens", "arrow_config", "corda_config", "eva_config", "kasa_config",
      "layer_replication", "lora_ga_config", "monteclora_config", "target_parameters",
      "trainable_token_indices", "velora_config",
    ] {
      let value = self[key] ?? .null
      guard value == .null || value == [] || value == [:] else {
        throw InputError(
          path, "\(key) is set, which is another method than LoRA and not supported\(remedy)")
      }
    }
    for key in ["lora_bias", "use_qalora", "use_bdlora"] {
      guard [nil, .null, false].contains(self[key]) else {
        throw InputError(path, "\(key) is set, which is not supported\(remedy)")
      }
    }
  }

  fileprivate func initialWeights() throws -> AdapterConfiguration.InitialWeights? {
    let key = "init_lora_weights"
    let choices = AdapterConfiguration.InitialWeights.allCases
    guard let value = self[key], value != .null else { return nil }
    if let flag = value.boolean { return flag ? .standard : .random }
    guard let name = value.string?.lowercased() else {
      throw InputError(path, "\(key) is \(value.excerpt); expected true, false or a string")
    }
    if let choice = choices.first(where: { $0.rawValue == name }), name != "true", name != "false" {
      return choice
    }
    if name.hasPrefix("pissa_niter_") {
      throw InputError(
        path,
        "\(key) is \"\(excerpt(name))\": the adapter belongs to a matrix that cannot be computed "
          + "again, because its decomposition was random; convert the adapter with "
          + "save_pretrained(…, path_initial_model_for_weight_conversion=…) where it was trained")
    }
    throw InputError(
      path,
      "\(key) is \"\(excerpt(name))\", which may change the model's own matrices and is not "
        + "supported; expected true, false, \"gaussian\", \"orthogonal\" or \"pissa\"")
  }

  /// The strings of the array `key`, which may also be one string.
  fileprivate func strings(_ key: String) throws -> [String]? {
    try optional(key, "a string, an array of strings or null", orNull: true) { value in
      let elements = value.elements ?? [value]
      let strings = elements.compactMap(\.string)
      return strings.count == elements.count ? strings : nil
    }
  }

  fileprivate func modules(_ key: String) throws -> AdapterConfiguration.Modules? {
    guard let word = self[key]?.string else { return try strings(key).map { .names($0) } }
    if key == "target_modules", word.lowercased() == AdapterConfiguration.Modules.allLinearWord {
      return .allLinear
    }
    return .expression(try pattern(word, key: key))
  }

  fileprivate func pattern(_ source: String, key: String) throws -> ModulePattern {
    try compiled(source, key: key) { text throws(ModulePattern.Problem) in try .init(text) }
  }

  fileprivate func overrides(
    _ key: String, _ expected: String, _ read: (JSONValue) -> Double?
  ) throws -> [AdapterConfiguration.Override] {
    let members = try optional(key, "an object", orNull: true, \.members) ?? []
    return try members.map { member in
      guard let value = read(member.value) else {
        throw InputError(
          path,
          "\(key): '\(excerpt(member.key))' is \(member.value.excerpt); expected \(expected)")
      }
      let pattern = try compiled(member.key, key: key) { text throws(ModulePattern.Problem) in
        try .init(key: text)
      }
      return .init(pattern: pattern, value: value)
    }
  }

  private func compiled(
    _ source: String, key: String,
    _ compile: (String) throws(ModulePattern.Problem) -> ModulePattern
  ) throws -> ModulePattern {
    do {
      return try compile(source)
    } catch {
      throw InputError(
        path,
        "\(key): '\(excerpt(source))' is not an expression that can be used: \(error.description); "
          + "name the modules in an array instead")
    }
  }

  /// Refuses selections of blocks that peft refuses, too.
  fileprivate func checkBlocks(_ configuration: AdapterConfiguration) throws {
    if configuration.blocks != nil {
      guard case .names = configuration.targets else {
        throw InputError(
          path, "layers_to_transform needs an array of names as target_modules, not a string")
      }
    } else if !configuration.blockPatterns.isEmpty {
      throw InputError(path, "layers_pattern needs layers_to_transform")
    }
  }
}
