/// The names of a model's parameters in the files of its weights.
struct WeightNames {
  /// What all names begin with: `module.` and the like; usually nothing.
  private let wrapper: String
  /// Whether `transformer.` follows it; in the files of `GPT2Model` and of OpenAI it does not.
  private let hasTransformer: Bool
  /// A name in the files that begins with a wrapper's prefix, if not all names do.
  private let odd: String?

  private static let transformer = "transformer."

  /// The prefixes of the names of a model that was saved within another object, and their origins.
  private static let wrappers: [(prefix: String, origin: String)] = [
    ("_orig_mod.", "torch.compile"), ("module.", "DataParallel or DistributedDataParallel"),
    ("_fsdp_wrapped_module.", "FullyShardedDataParallel"),
    (AdapterLayout.prefix, "PEFT"), ("model.", "a module that holds the model, as Lightning's"),
  ]

  /// Takes the `names` of all tensors in the files.
  ///
  /// A wrapper's prefix is removed only if every name begins with it, so that the meaning is
  /// unambiguous. Wrappers may be nested.
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

  /// The name in the files of the parameter that ``ParameterLayout`` calls `name`.
  func inFile(_ name: String) -> String {
    wrapper
      + (hasTransformer || !name.hasPrefix(Self.transformer)
        ? name : String(name.dropFirst(Self.transformer.count)))
  }

  /// What the user should know about the names, as a whole sentence.
  var note: String? {
    wrapper.isEmpty ? nil : "the names of the weights begin with '\(wrapper)', which is removed"
  }

  /// Why a name is not the expected one, if another name in the files explains it; begins with
  /// `; `.
  var explanation: String { odd.map { Self.explanation(of: $0) } ?? "" }

  /// Why a tensor is called `name`, and what to do about it; begins with `; `, or is empty if
  /// unknown.
  static func explanation(of name: some StringProtocol) -> String {
    if ["lora_", "base_layer.", "modules_to_save."].contains(where: name.contains) {
      return "; these are weights with a PEFT adapter: merge it with merge_and_unload() and save "
        + "the model again"
    }
    let found = wrappers.first { name.hasPrefix($0.prefix) || name.contains("." + $0.prefix) }
    guard let found else { return "" }
    return
      "; '\(found.prefix)' comes from \(found.origin) and can be removed only if all names "
      + "begin with it: save the state_dict() of the inner model"
  }
}
