import Foundation
import GPT2
import TensorKernels

/// GPT-2 in double precision, as plainly as possible: a loop for each sum, no cache, no batch.
struct ReferenceGPT2 {
  let configuration: GPT2Configuration
  let layout: ParameterLayout
  var parameters: [Double]

  /// What each number is multiplied by at the place `place` of the model, for dropout: `rows` rows
  /// of `columns`; `nil`: nothing.
  var mask: (_ place: Int, _ rows: Int, _ columns: Int) -> [Double]? = { _, _, _ in nil }

  var adapter: ReferenceAdapter?

  init(_ model: GPT2Model) {
    configuration = model.configuration
    layout = model.layout
    parameters = model.parameters.floats.map(Double.init)
  }

  private func tensor(_ name: String) -> ArraySlice<Double> {
    if let replacement = adapter?.replacement(of: name) { return replacement }
    for parameter in layout.parameters
    where parameter.name == "transformer." + name || parameter.name == name {
      return parameters[parameter.range]
    }
    preconditionFailure("no tensor \(name)")
  }

  private func norm(_ x: [Double], _ name: String) -> [Double] {
    let mean = x.reduce(0, +) / Double(x.count)
    let variance = x.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(x.count)
    let rstd = 1 / (variance + Double(configuration.layerNormEpsilon)).squareRoot()
    return zip(x, zip(tensor(name + ".weight"), tensor(name + ".bias"))).map {
      ($0 - mean) * rstd * $1.0 + $1.1
    }
  }

  /// The linear layer `name` of each row; `matrix` is its index among those of its block.
  private func linear(_ x: [[Double]], _ name: String, layer: Int, matrix: Int) -> [[Double]] {
    let bias = tensor(name + ".bias")
    let weight = Array(tensor(name + ".weight"))
    var products = x.map { Self.product($0, weight, columns: bias.count) }
    if let module = adapter?.module(name) {
      let place = 1 + 3 * configuration.layers + 4 * layer + matrix
      let mask = mask(place, x.count, x[0].count)
      for (row, input) in x.enumerated() {
        let dropped = mask.map { mask in
          input.enumerated().map { $1 * mask[row * input.count + $0] }
        }
        products[row] = module.output(
          product: products[row], input: dropped ?? input, weight: weight)
      }
    }
    return products.map { zip($0, bias).map { $0 + $1 } }
  }

  /// x · weight, `[x.count, columns]`.
  static func product(_ x: [Double], _ weight: [Double], columns: Int) -> [Double] {
    var out = [Double](repeating: 0, count: columns)
    for (row, value) in x.enumerated() {
      for column in out.indices { out[column] += value * weight[row * columns + column] }
    }
    return out
  }

  private func activation(_ x: Double) -> Double {
    switch configuration.activation {
    case .geluTanh: 0.5 * x * (1 + tanh((2 / Double.pi).squareRoot() * (x + 0.044715 * x * x * x)))
    case .gelu: 0.5 * x * (1 + erf(x / 2.0.squareRoot()))
    case .relu: max(0, x)
    }
  }

  private func attention(_ qkv: [[Double]], layer: Int) -> [[Double]] {
    let mask = mask(1 + 3 * layer, configuration.heads * qkv.count, qkv.count)
    let width = configuration.embeddingSize
    let size = width / configuration.heads
    var divisor = configuration.scalesAttention ? Double(size).squareRoot() : 1
    if configuration.scalesAttentionByLayer { divisor *= Double(layer + 1) }
    return qkv.indices.map { query in
      var out = [Double](repeating: 0, count: width)
      for head in 0..<configuration.heads {
        let scores = (0...query).map { key in
          (0..<size).reduce(0.0) {
            $0 + qkv[query][head * size + $1] * qkv[key][width + head * size + $1]
          } / divisor
        }
        let exponentials = scores.map { exp($0 - (scores.max() ?? 0)) }
        let sum = exponentials.reduce(0, +)
        for (key, exponential) in exponentials.enumerated() {
          let factor = mask.map { $0[(head * qkv.count + query) * qkv.count + key] } ?? 1
          let weight = exponential / sum * factor
          for channel in 0..<size {
            out[head * size + channel] += weight * qkv[key][2 * width + head * size + channel]
          }
        }
      }
      return out
    }
  }

  /// `x` with numbers dropped at `place`.
  private func drop(_ x: [[Double]], place: Int) -> [[Double]] {
    guard let mask = mask(place, x.count, configuration.embeddingSize) else { return x }
    return x.enumerated().map { row, x in
      x.enumerated().map { $1 * mask[row * configuration.embeddingSize + $0] }
    }
  }

  /// The logits after each of `tokens`.
  func logits(_ tokens: [Int32]) -> [[Double]] {
    let width = configuration.embeddingSize
    func row(_ name: String, _ index: Int) -> ArraySlice<Double> {
      let tensor = tensor(name)
      return tensor[tensor.startIndex + index * width..<tensor.startIndex + (index + 1) * width]
    }
    var x = tokens.enumerated().map { position, token in
      zip(row("wte.weight", Int(token)), row("wpe.weight", position)).map { $0 + $1 }
    }
    x = drop(x, place: 0)
    func add(_ branch: [[Double]], place: Int) {
      for (position, branch) in drop(branch, place: place).enumerated() {
        x[position] = zip(x[position], branch).map { $0 + $1 }
      }
    }
    for layer in 0..<configuration.layers {
      let name = "h.\(layer)."
      let attended = attention(
        linear(x.map { norm($0, name + "ln_1") }, name + "attn.c_attn", layer: layer, matrix: 0),
        layer: layer)
      add(
        linear(attended, name + "attn.c_proj", layer: layer, matrix: 1), place: 2 + 3 * layer)
      let inner = linear(
        x.map { norm($0, name + "ln_2") }, name + "mlp.c_fc", layer: layer, matrix: 2)
      add(
        linear(inner.map { $0.map(activation) }, name + "mlp.c_proj", layer: layer, matrix: 3),
        place: 3 + 3 * layer)
    }
    return x.map { hidden in
      let final = norm(hidden, "ln_f")
      return (0..<configuration.vocabularySize).map { token in
        zip(final, row(configuration.tiesWordEmbeddings ? "wte.weight" : "lm_head.weight", token))
          .reduce(0) { $0 + $1.0 * $1.1 }
      }
    }
  }

  /// −log softmax(logits)[target].
  static func loss(_ logits: [Double], target: Int32) -> Double {
    let largest = logits.max() ?? 0
    return largest + log(logits.reduce(0) { $0 + exp($1 - largest) }) - logits[Int(target)]
  }

  /// The sum of the losses over sequences of `time` tokens; negative targets count nothing.
  func loss(tokens: [Int32], targets: [Int32], time: Int) -> Double {
    stride(from: 0, to: tokens.count, by: time).reduce(0) { sum, start in
      let logits = logits(Array(tokens[start..<start + time]))
      return sum
        + zip(logits, targets[start..<start + time]).reduce(0) {
          $1.1 < 0 ? $0 : $0 + Self.loss($1.0, target: $1.1)
        }
    }
  }
}
