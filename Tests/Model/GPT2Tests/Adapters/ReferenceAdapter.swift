import GPT2
import TensorKernels

/// The adapter of a ``ReferenceGPT2``, in double precision, by the names of peft.
struct ReferenceAdapter {
  let plan: AdapterPlan
  let parameters: [ParameterLayout.Parameter]
  var values: [Double]
  /// The values for which the lengths of columns are computed: training takes them as constants.
  var valuesOfLengths: [Double]

  init(_ model: AdaptedModel) {
    plan = model.plan
    parameters = model.trainable.parameters
    values = model.trainable.floats.floats.map(Double.init)
    valuesOfLengths = values
  }

  private func range(_ name: String) -> Range<Int>? {
    parameters.first { $0.name == "base_model.model." + name }?.range
  }

  /// The adapter's own parameter instead of the model's `name`.
  func replacement(of name: String) -> ArraySlice<Double>? {
    let inside = name.replacing(".bias", with: ".base_layer.bias")
    let range = range("transformer." + name) ?? range("transformer." + inside)
    return range.map { values[$0] }
  }

  /// The low-rank update of the layer `name`, such as `h.0.attn.c_attn`.
  func module(_ name: String) -> Module? {
    guard let a = range("transformer.\(name).lora_A.weight"),
      let b = range("transformer.\(name).lora_B.weight"),
      let module = plan.modules.first(where: { "h.\($0.block).\($0.matrix.rawValue)" == name })
    else { return nil }
    let magnitude = range("transformer.\(name).lora_magnitude_vector")
    return Module(
      rank: module.rank, scaling: Double(module.scaling), a: Array(values[a]),
      b: Array(values[b]), magnitude: magnitude.map { Array(values[$0]) },
      lengthA: Array(valuesOfLengths[a]), lengthB: Array(valuesOfLengths[b]))
  }

  struct Module {
    let rank: Int
    let scaling: Double
    /// `[rank, inputs]` and `[outputs, rank]`.
    let a, b: [Double]
    let magnitude: [Double]?
    /// The factors that determine the lengths of the columns.
    let lengthA, lengthB: [Double]

    /// The output for a row, without bias, from that of the weights.
    func output(product: [Double], input: [Double], weight: [Double]) -> [Double] {
      let hidden = (0..<rank).map { k in
        input.indices.reduce(0) { $0 + input[$1] * a[k * input.count + $1] }
      }
      let sums = product.indices.map { column in
        product[column]
          + scaling * (0..<rank).reduce(0) { $0 + hidden[$1] * b[column * rank + $1] }
      }
      guard let magnitude else { return sums }
      return sums.indices.map { column in
        let square = input.indices.reduce(0.0) { sum, row in
          let update = (0..<rank).reduce(0) {
            $0 + lengthB[column * rank + $1] * lengthA[$1 * input.count + row]
          }
          let number = weight[row * product.count + column] + scaling * update
          return sum + number * number
        }
        return magnitude[column] / square.squareRoot() * sums[column]
      }
    }
  }
}
