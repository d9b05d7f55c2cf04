import CheckpointFormat
import FileSupport
import TextSupport

extension AdapterPlan {
  /// What an adapter of `configuration` changes in a model of `model`.
  ///
  /// Modules are found by their names in GPT2LMHeadModel or, without `hasTransformer`, in GPT2Model.
  ///
  /// - Throws: ``InputError`` about the configuration's `path` if it selects nothing, or modules
  ///   that cannot be adapted.
  public init(
    _ configuration: AdapterConfiguration, for model: GPT2Configuration, path: String,
    hasTransformer: Bool = true
  ) throws {
    let prefix = hasTransformer ? "transformer." : ""
    self.init(modules: [], dropout: Float(configuration.dropout))
    for block in 0..<model.layers {
      for matrix in AdaptableMatrix.allCases {
        let name = "\(prefix)h.\(block).\(matrix.rawValue)"
        guard let update = configuration.update(of: name) else { continue }
        modules.append(
          Module(
            block: block, matrix: matrix, rank: update.rank, scaling: Float(update.scaling)))
      }
    }
    if configuration.targets != .allLinear {
      let others = Self.otherModules(model, prefix: prefix)
      if let other = others.first(where: configuration.selects) {
        throw InputError(
          path,
          "target_modules selects '\(other)', which cannot be adapted; expected matrices of the "
            + "blocks: " + AdaptableMatrix.allCases.map(\.rawValue).joined(separator: ", "))
      }
    }
    guard !modules.isEmpty else {
      throw InputError(
        path,
        "target_modules, with the keys that limit it, selects no module of a model of "
          + "\(model.layers) blocks; expected some of "
          + AdaptableMatrix.allCases.map(\.rawValue).joined(separator: ", "))
    }
    hasMagnitudes = configuration.hasMagnitudes
    guard let biases = Biases(rawValue: configuration.biases) else {
      throw InputError(path, "bias is \(excerpt(configuration.biases)), which is not known")
    }
    self.biases = biases
    for name in configuration.replacedModules {
      guard name == "ln_f" || name == prefix + "ln_f" else {
        throw InputError(
          path,
          "modules_to_save names '\(excerpt(name))', which an adapter cannot replace here; expected "
            + "\"ln_f\" or nothing")
      }
      replacesFinalNorm = true
    }
  }

  /// The names of all modules but those that can be adapted.
  private static func otherModules(_ model: GPT2Configuration, prefix: String) -> [String] {
    let inBlock = [
      "", ".ln_1", ".attn", ".attn.attn_dropout", ".attn.resid_dropout", ".ln_2", ".mlp",
      ".mlp.act", ".mlp.dropout",
    ]
    return [prefix + "wte", prefix + "wpe", prefix + "drop", prefix + "h", prefix + "ln_f"]
      + (prefix.isEmpty ? [] : [String(prefix.dropLast()), "lm_head"])
      + (0..<model.layers).flatMap { block in inBlock.map { "\(prefix)h.\(block)\($0)" } }
  }
}
