import CheckpointFormat
import FileSupport
import Foundation
import TensorKernels

/// A model of the GPT-2 architecture: its configuration and its parameters.
public final class GPT2Model {
  public var configuration: GPT2Configuration {
    didSet { precondition(ParameterLayout(configuration).count == layout.count) }
  }
  public let layout: ParameterLayout
  /// All parameters, laid out as ``layout`` says.
  public let parameters: FloatArena
  /// The threads that compute.
  public let workers: Workers

  /// A model with all parameters zero.
  public init(_ configuration: GPT2Configuration, workers: Workers) {
    self.configuration = configuration
    self.workers = workers
    layout = ParameterLayout(configuration)
    parameters = FloatArena(count: layout.count)
  }

  /// A model with new random weights: normal with the initializer range, the two projections
  /// that feed the residual stream smaller by √(2 · layers), biases 0, layer normalization 1 and 0
  /// (Radford and others 2019, 2.3).
  public convenience init(_ configuration: GPT2Configuration, seed: UInt64, workers: Workers) {
    self.init(configuration, workers: workers)
    for (index, parameter) in layout.parameters.enumerated() {
      let floats = parameters[parameter.range]
      if parameter.name.hasSuffix(".bias") { continue }
      if !parameter.decays {
        floats.update(repeating: 1)
        continue
      }
      var deviation = configuration.initializerRange
      if parameter.name.hasSuffix("c_proj.weight") {
        deviation /= Float(2 * configuration.layers).squareRoot()
      }
      var generator = PhiloxGenerator(seed: seed, .initialWeights, stream: index)
      fill(floats, deviation: Double(deviation), &generator)
    }
  }

  /// Fills `floats` with normally distributed numbers (Box and Muller's transform).
  private func fill(
    _ floats: Floats, deviation: Double, _ generator: inout PhiloxGenerator
  ) {
    for position in stride(from: 0, to: floats.count, by: 2) {
      // 1 − u keeps the logarithm away from 0.
      let radius = deviation * (-2 * log(1 - generator.nextUnit())).squareRoot()
      let angle = 2 * Double.pi * generator.nextUnit()
      floats[position] = Float(radius * cos(angle))
      if position + 1 < floats.count { floats[position + 1] = Float(radius * sin(angle)) }
    }
  }

  /// The model in the Hugging Face folder `path`: `config.json` and `model.safetensors`.
  ///
  /// - Throws: ``FileError``; ``InputError`` if something is missing, damaged or not supported.
  public convenience init(folder path: String, workers: Workers) throws {
    let configurationPath = "\(path)/\(CheckpointFile.configuration)"
    guard Folder.exists(path) else { throw FileError(path: path, operation: .open, code: ENOENT) }
    let configuration = try GPT2Configuration(path: configurationPath)
    self.init(configuration, workers: workers)
    let weightsPath = "\(path)/\(CheckpointFile.weights)"
    guard Folder.hasFile(weightsPath) else {
      throw InputError(
        path,
        "holds no \(CheckpointFile.weights); convert other weights with "
          + "AutoModelForCausalLM.from_pretrained(…).save_pretrained(…, safe_serialization=True)")
    }
    try loadWeights(SafetensorsFile(path: weightsPath))
  }

  /// Tensors in other people's checkpoints that are no parameters: the causal masks.
  private static func isMask(_ name: String) -> Bool {
    name.hasSuffix(".attn.bias") || name.hasSuffix(".attn.masked_bias")
  }

  private func loadWeights(_ file: SafetensorsFile) throws {
    let hasPrefix = file.tensors.keys.contains { $0.hasPrefix("transformer.") }
    func fileName(_ name: String) -> String {
      hasPrefix ? name : String(name.dropFirst("transformer.".count))
    }
    for parameter in layout.parameters {
      let tensor = try file.tensor(fileName(parameter.name), shape: parameter.shape)
      try file.copy(tensor, to: parameters[parameter.range])
    }
    let known = Set(layout.parameters.map { fileName($0.name) })
    let head = "lm_head.weight"
    for name in file.tensors.keys.sorted()
    where !known.contains(name) && name != head && !Self.isMask(name) {
      throw InputError(file.path, "tensor '\(name)' is not part of a GPT-2 model")
    }
    if file.tensors[head] != nil { try checkTiedHead(head, file) }
  }

  /// A head of its own would be lost, so it is accepted only as a copy of the embedding.
  private func checkTiedHead(_ name: String, _ file: SafetensorsFile) throws {
    let embedding = parameters[layout.tokenEmbedding]
    let tensor = try file.tensor(name, shape: layout.parameters[0].shape)
    let head = FloatArena(count: tensor.count)
    try file.copy(tensor, to: head.floats)
    let isCopy = withExtendedLifetime(head) { head.floats.elementsEqual(embedding) }
    guard isCopy else {
      throw InputError(
        file.path, "'\(name)' differs from the token embedding; separate heads are not supported")
    }
  }

  /// Writes what `AutoModelForCausalLM` loads into the folder `path`.
  ///
  /// - Throws: ``FileError``.
  public func write(to path: String) throws {
    try replaceFile(
      at: "\(path)/\(CheckpointFile.configuration)",
      with: configuration.json.text(indent: 2) + "\n")
    try replaceFile(
      at: "\(path)/\(CheckpointFile.generationConfiguration)",
      with: configuration.generationJSON.text(indent: 2) + "\n")
    try SafetensorsWriter.write(
      tensors(of: parameters), to: "\(path)/\(CheckpointFile.weights)")
  }

  /// The CRC-32 of all parameters, which tells two sets of weights apart.
  public var checksum: UInt32 {
    var checksum = CRC32()
    checksum.update(UnsafeRawBufferPointer(parameters.floats))
    return checksum.value
  }

  /// The parameters as they lie in `arena`, which has this model's layout, for writing.
  public func tensors(of arena: FloatArena, prefix: String = "") -> [SafetensorsWriter.Tensor] {
    layout.parameters.map {
      .init(name: prefix + $0.name, shape: $0.shape, floats: arena[$0.range])
    }
  }

  // MARK: - Views of the parameters

  func vector(_ range: Range<Int>) -> Floats { parameters[range] }

  func matrix(_ range: Range<Int>, columns: Int) -> MatrixView {
    parameters.matrix(at: range.lowerBound, rows: range.count / columns, columns: columns)
  }

  /// The output matrix, `[vocabulary, channels]`.
  var head: MatrixView { matrix(layout.head, columns: configuration.width) }

  /// The token embedding, `[vocabulary, channels]`.
  var tokenEmbedding: MatrixView {
    matrix(layout.tokenEmbedding, columns: configuration.width)
  }
}
