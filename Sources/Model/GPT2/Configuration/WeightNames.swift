/// What the parameters of a model are called in the files of its weights.
struct WeightNames {
  /// What stands before all names: `module.` and the like; most often nothing.
  private let wrapper: String
  /// Whether `transformer.` follows it: in those of `GPT2Model` and of OpenAI it does not.
  private let hasTransformer: Bool
  /// The names in the files that some wrapper has marked, if not all have it.
  private let odd: String?

  private static let transformer = "transformer."

  /// What is put before the names of a model that was saved within another object, and by what.
  private static let wrappers: [(prefix: String, origin: String)] = [
    ("_orig_mod.", "torch.compile"), ("module.", "DataParallel or DistributedDataParallel"),
    ("_fsdp_wrapped_module.", "FullyShardedDataParallel"),
    ("base_model.model.", "PEFT"), ("model.", "a module that holds the model, as Lightning's"),
  ]

  /// The names `names` of all tensors in the files.
  ///
  /// A wrapper is left out where each name begins with it, so that what is meant is beyond doubt;
  /// wrappers may be nested.
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

  /// What a user should know of the names; a whole sentence.
  var note: String? {
    wrapper.isEmpty ? nil : "the names of the weights begin with '\(wrapper)', which is left out"
  }

  /// Why a name is not what is expected, as far as another name in the files tells; begins with `; `.
  var explanation: String { odd.map { Self.explanation(of: $0) } ?? "" }

  /// Why a tensor is called `name`, and what to do; empty if that is unknown, else begins with `; `.
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
