import JSONSupport

/// A low-rank adapter as `adapter_config.json` of peft describes it: LoRA and its variants for
/// GPT-2.
///
/// The names of the keys are given with each property.
public struct AdapterConfiguration: Equatable, Sendable {
  /// Modules by their names, as `target_modules` and `exclude_modules` select them.
  public enum Modules: Equatable, Sendable {
    /// Those with one of these names, or whose last components are one of them.
    case names([String])
    /// Those whose whole name the expression matches.
    case expression(ModulePattern)
    /// The word `all-linear`: all linear layers except the head.
    case allLinear
  }

  /// A number for the modules whose name a pattern matches.
  public struct Override: Equatable, Sendable {
    public let pattern: ModulePattern
    public let value: Double
  }

  /// How the factors A and B begin; the raw values are those of `init_lora_weights`.
  public enum InitialWeights: String, CaseIterable, Sendable {
    /// A uniform, B zero.
    case standard = "true"
    /// A normal with the deviation 1/r, B zero.
    case gaussian
    /// A and B uniform, for tests.
    case random = "false"
    /// Halves of an orthogonal matrix, whose product is zero.
    case orthogonal
    /// The principal part of the matrix, which is subtracted from it (Meng and others 2024).
    case pissa
  }

  /// The path or name of the model that the adapter changes (`base_model_name_or_path`).
  public var baseModel: String?
  /// The revision of that model (`revision`).
  public var revision: String?
  /// What the model is for (`task_type`); `nil` for a model without a head.
  public var taskType: String? = "CAUSAL_LM"
  /// The rank of an update (`r`).
  public var rank: Int
  /// What an update is multiplied by, before it is divided by its rank (`lora_alpha`).
  public var alpha: Double
  /// The probability with which an element of the input of A is dropped in training
  /// (`lora_dropout`).
  public var dropout: Double
  /// The modules with an update (`target_modules`).
  public var targets: Modules
  /// Modules without an update even if ``targets`` has them (`exclude_modules`).
  public var excluded: Modules?
  /// Modules that the adapter replaces as a whole (`modules_to_save`).
  public var replacedModules: [String] = []
  /// The indices of the blocks whose modules are updated; `nil` for all (`layers_to_transform`).
  public var blocks: [Int]?
  /// What comes before the index of a block in the name of a module (`layers_pattern`).
  public var blockPatterns: [ModulePattern] = []
  /// Other ranks for some modules, of which the first that matches counts (`rank_pattern`).
  public var rankOverrides: [Override] = []
  /// Other values of ``alpha`` for some modules (`alpha_pattern`).
  public var alphaOverrides: [Override] = []
  /// Whether an update is divided by the root of its rank (`use_rslora`).
  public var usesRootOfRank = false
  /// Whether each output has a magnitude (`use_dora`).
  public var hasMagnitudes = false
  /// Which biases the adapter replaces: `none`, `all` or `lora_only` (`bias`).
  public var biases = "none"
  /// How the factors begin (`init_lora_weights`).
  public var initialWeights = InitialWeights.standard
  /// What the user should know about how the file was read, in whole sentences.
  public internal(set) var notes: [String] = []

  /// The modules that peft updates in a GPT-2 unless told otherwise.
  public static let standardTargets = ["c_attn"]

  /// A configuration with peft's defaults.
  public init(
    baseModel: String? = nil, rank: Int = 8, alpha: Double = 8, dropout: Double = 0,
    targets: Modules = .names(standardTargets)
  ) {
    self.baseModel = baseModel
    self.rank = rank
    self.alpha = alpha
    self.dropout = dropout
    self.targets = targets
  }
}

extension AdapterConfiguration {
  /// The rank and the scaling, alpha / rank or alpha / √rank, of the update of the module `name`;
  /// `nil` if it has none.
  public func update(of name: String) -> (rank: Int, scaling: Double)? {
    guard selects(name) else { return nil }
    let rank = rankOverrides.first { $0.pattern.matches(name) }.map { Int($0.value) } ?? self.rank
    let alpha = alphaOverrides.first { $0.pattern.matches(name) }?.value ?? self.alpha
    return (rank, alpha / (usesRootOfRank ? Double(rank).squareRoot() : Double(rank)))
  }

  /// Whether the module `name` has an update; names of modules are those in GPT2LMHeadModel.
  ///
  /// The rules are those of `check_target_module_exists` in peft 0.21. Whether a module selected by
  /// `all-linear` is a linear layer is left to the caller.
  public func selects(_ name: String) -> Bool {
    if let excluded, excluded.contain(name) { return false }
    guard targets.contain(name) else { return false }
    guard let blocks, !blocks.isEmpty, case .names(let names) = targets, !names.contains(name)
    else { return true }
    // The first number in the name, before which there is more than the list of blocks unless a
    // pattern names that list.
    let parts = name.split(separator: ".").dropFirst(blockPatterns.isEmpty ? 2 : 1).dropLast()
    guard let index = parts.lazy.compactMap({ Int($0) }).first else { return false }
    return blocks.contains(index)
      && (blockPatterns.isEmpty || blockPatterns.contains { $0.matches(name) })
  }

  /// The configuration of the LoRA that a PiSSA becomes for the unchanged model: each update of
  /// rank r becomes one of rank 2 r with the same scaling.
  public var convertedFromPiSSA: AdapterConfiguration {
    var converted = self
    let factor = usesRootOfRank ? 2.squareRoot() : 2.0
    converted.initialWeights = .standard
    converted.rank *= 2
    converted.alpha *= factor
    converted.rankOverrides = rankOverrides.map {
      Override(pattern: $0.pattern, value: 2 * $0.value)
    }
    converted.alphaOverrides = alphaOverrides.map {
      Override(pattern: $0.pattern, value: factor * $0.value)
    }
    return converted
  }
}

extension AdapterConfiguration.Modules {
  fileprivate func contain(_ name: String) -> Bool {
    switch self {
    case .names(let names): names.contains { name == $0 || name.hasSuffix("." + $0) }
    case .expression(let pattern): pattern.matches(name)
    case .allLinear: true
    }
  }

  /// The modules that `text` of a command line names: `all-linear`, names separated by commas, or
  /// else a regular expression.
  ///
  /// - Throws: an error that describes what is wrong with the expression.
  public init(text: String) throws {
    let isPlain = text.unicodeScalars.allSatisfy {
      "_.,".unicodeScalars.contains($0) || $0.properties.isAlphabetic
        || ("0"..."9").contains($0)
    }
    if text.lowercased() == Self.allLinearWord {
      self = .allLinear
    } else if isPlain {
      self = .names(text.split(separator: ",").map(String.init))
    } else {
      self = .expression(try ModulePattern(text))
    }
  }

  static let allLinearWord = "all-linear"
}
