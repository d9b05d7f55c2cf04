/// Where each parameter of an adapter lies in the single array that holds them all.
///
/// Names and shapes are those of peft's `adapter_model.safetensors`.
public struct AdapterLayout: Sendable {
  /// Where the parameters of a matrix with a low-rank update are.
  struct Module {
    let plan: AdapterPlan.Module
    /// `[rank, inputs]`.
    let a: ParameterLayout.Parameter
    /// `[outputs, rank]`.
    let b: ParameterLayout.Parameter
    /// `[outputs]`; `nil` without magnitudes.
    let magnitude: ParameterLayout.Parameter?
  }

  /// All parameters, in the order of the array.
  public let parameters: [ParameterLayout.Parameter]
  /// The total count of numbers.
  public let count: Int
  /// In the order of the plan.
  let modules: [Module]
  /// For each parameter of the model that the adapter replaces, by its index in the model's layout:
  /// the adapter's own.
  let replacements: [Int: ParameterLayout.Parameter]

  /// What peft's names begin with.
  static let prefix = "base_model.model."

  /// The layout of an adapter for a model whose layout is `model`.
  public init(_ plan: AdapterPlan, for model: ParameterLayout) {
    var parameters: [ParameterLayout.Parameter] = []
    var count = 0
    func add(_ name: String, _ shape: [Int], decays: Bool) -> ParameterLayout.Parameter {
      let range = count..<count + shape.reduce(1, *)
      parameters.append(
        .init(name: name, shape: shape, index: parameters.count, range: range, decays: decays))
      count = range.upperBound
      return parameters[parameters.count - 1]
    }
    var adapted: Set<Int> = []
    modules = plan.modules.map { module in
      let linear = model.parts.blocks[module.block][module.matrix]
      adapted.insert(linear.weight.index)
      let name = Self.prefix + linear.weight.name.dropLast(".weight".count)
      let (inputs, outputs) = (linear.weight.shape[0], linear.weight.shape[1])
      return Module(
        plan: module,
        a: add(name + ".lora_A.weight", [module.rank, inputs], decays: true),
        b: add(name + ".lora_B.weight", [outputs, module.rank], decays: true),
        magnitude: plan.hasMagnitudes
          ? add(name + ".lora_magnitude_vector", [outputs], decays: true) : nil)
    }
    var replacements: [Int: ParameterLayout.Parameter] = [:]
    func replace(_ parameter: ParameterLayout.Parameter, isAdapted: Bool = false) {
      let name =
        isAdapted
        ? parameter.name.replacingSuffix(".bias", with: ".base_layer.bias") : parameter.name
      replacements[parameter.index] = add(
        Self.prefix + name, parameter.shape, decays: parameter.decays)
    }
    if plan.biases != .none {
      for block in model.parts.blocks {
        for linear in AdaptableMatrix.allCases.map({ block[$0] }) {
          let isAdapted = adapted.contains(linear.weight.index)
          guard let bias = linear.bias, isAdapted || plan.biases == .all else { continue }
          replace(bias, isAdapted: isAdapted)
        }
        guard plan.biases == .all else { continue }
        for norm in [block.ln1, block.ln2] { replace(norm.bias) }
      }
    }
    let finalNorm = model.parts.lnF
    if plan.replacesFinalNorm { replace(finalNorm.weight) }
    if plan.replacesFinalNorm || plan.biases == .all { replace(finalNorm.bias) }
    (self.parameters, self.count, self.replacements) = (parameters, count, replacements)
  }
}

extension Block {
  /// The matrix called `matrix`.
  subscript(matrix: AdaptableMatrix) -> Linear {
    switch matrix {
    case .attnQKV: attnQKV
    case .attnProj: attnProj
    case .mlpFC: mlpFC
    case .mlpProj: mlpProj
    }
  }
}
