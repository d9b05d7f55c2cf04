import CheckpointFormat
import FileSupport
import TensorKernels
import TextSupport

extension Adapter {
  /// Reads the adapter in the folder `path`, as peft writes it, for the model in the folder or GGUF
  /// file `base`.
  ///
  /// An adapter that was trained with PiSSA and not converted becomes a LoRA of twice the rank for
  /// the unchanged model, for which its matrices are decomposed again.
  ///
  /// - Throws: ``FileError``; ``InputError`` if something is missing, damaged, does not fit the model
  ///   or is not supported.
  public init(folder path: String, base: String, threadPool: ThreadPool) throws {
    try self.init(
      folder: path, for: StoredModel(folder: base, threadPool), threadPool: threadPool)
  }

  init(folder path: String, for model: StoredModel, threadPool: ThreadPool) throws {
    let stored = try Adapter(folder: path, for: model.configuration, threadPool: threadPool)
    guard stored.configuration.initialWeights == .pissa else {
      self = stored
      return
    }
    let initial = Adapter(stored.configuration, plan: stored.plan, for: model.configuration)
    try initial.takePrincipalFactors(
      of: model.tensors, ParameterLayout(model.configuration), threadPool)
    self = stored.convertedFromPiSSA(initial: initial, for: model.configuration)
  }

  /// Reads the adapter in the folder `path` as it is, for a model of `model`.
  ///
  /// - Throws: ``FileError``; ``InputError`` if something is missing, damaged, does not fit the model
  ///   or is not supported.
  public init(folder path: String, for model: GPT2Configuration, threadPool: ThreadPool) throws {
    let configurationPath = "\(path)/\(CheckpointFile.adapterConfiguration)"
    let configuration = try AdapterConfiguration(path: configurationPath)
    let files = try WeightFiles(adapterFolder: path)
    let names = try AdapterNames(files)
    let plan = try AdapterPlan(
      configuration, for: model, path: configurationPath, hasTransformer: names.hasTransformer)
    // No memory is taken before the files are known to have that many numbers.
    let layout = AdapterLayout(plan, for: ParameterLayout(model))
    let tensors = try names.tensors(of: layout, files)
    self.init(configuration, plan: plan, for: model)
    try threadPool.copy(
      zip(tensors, self.layout.parameters).map { ($0, to: parameters[$1.range]) })
  }
}

/// The tensors in the files of an adapter, under the names of ``AdapterLayout``.
private struct AdapterNames {
  private static let prefix = AdapterLayout.prefix
  private static let transformer = "transformer."

  /// Whether the adapter is one of GPT2LMHeadModel, not of GPT2Model.
  let hasTransformer: Bool
  /// The names in the files by the names in the layout.
  private var inFile: [String: String] = [:]

  init(_ files: WeightFiles) throws {
    let names = files.tensors.keys.sorted()
    if names.isEmpty { throw InputError(files.path, "holds no tensors") }
    if let name = names.first(where: { !$0.hasPrefix(Self.prefix) }) {
      throw InputError(
        files.path,
        "tensor '\(excerpt(name))' does not begin with '\(Self.prefix)', so peft would load nothing; "
          + "expected names such as '\(Self.prefix)transformer.h.0.attn.c_attn.lora_A.weight': save "
          + "the adapter with save_pretrained()")
    }
    hasTransformer = names.contains { $0.hasPrefix(Self.prefix + Self.transformer) }
    for name in names {
      var known =
        hasTransformer
        ? name : Self.prefix + Self.transformer + name.dropFirst(Self.prefix.count)
      // The name of the adapter is in the names only if they were saved without peft.
      for part in ["lora_A", "lora_B"] {
        known = known.replacingSuffix(".\(part).default.weight", with: ".\(part).weight")
      }
      for suffix in [".default.weight", ".default", ".weight"] {
        known = known.replacingSuffix(
          ".lora_magnitude_vector" + suffix, with: ".lora_magnitude_vector")
      }
      guard inFile.updateValue(name, forKey: known) == nil else {
        throw InputError(files.path, "tensor '\(excerpt(known))' is there under two names")
      }
    }
  }

  /// Whether it is a second copy of a bias, or the model's own, which peft writes with
  /// `bias: "all"` if `ln_f` is replaced, too.
  private static func isCopy(_ name: String) -> Bool {
    let norm = prefix + transformer + "ln_f."
    return [norm + "modules_to_save.bias", norm + "original_module.bias"].contains(name)
  }

  /// The tensors of the parameters of `layout`, in their order.
  ///
  /// - Throws: ``InputError`` if one is missing or has another shape, or if there are others.
  func tensors(of layout: AdapterLayout, _ files: WeightFiles) throws -> [StoredTensor] {
    let configuration = CheckpointFile.adapterConfiguration
    let known = Set(layout.parameters.map(\.name))
    for (name, stored) in inFile.sorted(by: { $0.key < $1.key })
    where !known.contains(name) && !ModelWeights.isMask(name) && !Self.isCopy(name) {
      throw InputError(
        files.path,
        "tensor '\(excerpt(stored))' is not part of the adapter that \(configuration) describes for "
          + "this model; target_modules and the other keys there must name the same modules as the "
          + "tensors, and the model must have them")
    }
    return try layout.parameters.map { parameter in
      guard let name = inFile[parameter.name], let tensor = files.tensors[name] else {
        throw InputError(
          files.path,
          "tensor '\(parameter.name)' is missing, which \(configuration) asks for; the file is "
            + "incomplete or belongs to another configuration")
      }
      guard tensor.shape == parameter.shape else {
        throw InputError(
          files.path,
          "tensor '\(excerpt(name))' has the shape \(excerpt("\(tensor.shape)")), expected "
            + "\(parameter.shape) by r and rank_pattern in \(configuration) and by the model")
      }
      try tensor.checkIsFloatingPoint()
      return tensor
    }
  }
}

extension String {
  /// The string with the suffix `old`, if it has it, replaced by `new`.
  func replacingSuffix(_ old: String, with new: String) -> String {
    hasSuffix(old) ? dropLast(old.count) + new : self
  }
}
