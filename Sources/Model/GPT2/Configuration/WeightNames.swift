/// What the parameters of a model are called in the files of its weights.
struct WeightNames {
  /// What all names begin with: `module.` and the like; usually nothing.
  private let wrapper: String
  /// Whether `transformer.` follows it; in the files of `GPT2Model` and of OpenAI it does not.
  private let hasTransformer: Bool
  /// A name in the files that has the prefix of some wrapper, if not all names have it.
  private let odd: String?

  private static let transformer = "transformer."

  /// The prefixes of the names of a model that was saved within another object, and their origins.
  private static let wrappers: [(prefix: String, origin: String)] = [
    ("_orig_mod.", "torch.compile"), ("module.", "DataParallel or DistributedDataParallel"),
    ("_fsdp_wrapped_module.", "FullyShardedDataParallel"),
    ("base_model.model.", "PEFT"), ("model.", "a module that holds the model, as Lightning's"),
  ]

  /// The names `names` of all tensors in the files.
  ///
  /// A wrapper is left out if every name begins with it, so that there is no doubt what is meant.
  /// Wrappers may be nested.
  init(_ names: some Collection<String>) {
    var wrapper = ""
    func isOfAll(_ prefix: String) -> Bool {
      !names.isEmpty && names.allSatisfy { $0.hasPrefix(wrapper + prefix) }
    }
    while let found = Self.wrappers.first(where: { isOfAll($0.prefix) }) { wrapper += found.prefix }
    self.wrapper = wrapper
    hasTransformer = names.contains { $0.hasPrefix(wrapper + Self.transformer) }
    odd = names.filter { !Self.explanation(of: $0.dropFirst(wrapper.count)).isEmpty }.min()
  }

  /// The name in the files of what ``ParameterLayout`` calls `name`.
  func inFile(_ name: String) -> String {
    wrapper
      + (hasTransformer || !name.hasPrefix(Self.transformer)
        ? name : String(name.dropFirst(Self.transformer.count)))
  }

  /// What a user should know about the names; a whole sentence.
  var note: String? {
    wrapper.isEmpty ? nil : "the names of the weights begin with '\(wrapper)', which is left out"
  }

  /// Why a name is not what is expected, if another name in the files explains it; begins with `; `.
  var explanation: String { odd.map { Self.explanation(of: $0) } ?? "" }

  /// Why a tensor is called `name`, and what to do; begins with `; `, or is empty if that is unknown.
  static func explanation(of name: some StringProtocol) -> String {
    if ["lora_", "base_layer.", "modules_to_save."].contains(where: name.contains) {
      return "; these are weights with a PEFT adapter: merge it with merge_and_unload() and save "
        + "the model again"
    }
    let found = wrappers.first { name.hasPrefix($0.prefix) || name.contains("." + $0.prefix) }
    guard let found else { return "" }
    return
      "; '\(found.prefix)' comes from \(found.origin) and can be left out only where all names "
      + "begin with it: save the state_dict() of the model within"
  }
}
