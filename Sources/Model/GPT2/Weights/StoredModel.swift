import CheckpointFormat
import FileSupport
import Glibc
import Synchronization
import TensorKernels
import TextSupport

/// A model in a Hugging Face folder or a GGUF file: what it is, and where its parameters lie.
public struct StoredModel {
  /// The folder or GGUF file.
  let path: String
  public let configuration: GPT2Configuration
  /// The token ids for generating text; `nil` if they are those of ``configuration``.
  let generation: GenerationConfiguration?
  /// The tensors of the parameters, in the order of their layout.
  let tensors: [StoredTensor]
  /// What the user should know about how both were read, in whole sentences.
  let notes: [String]

  /// The model in the folder or GGUF file `path`.
  ///
  /// - Throws: ``FileError``; ``InputError`` if something is missing, damaged or not supported.
  public init(folder path: String, _ threadPool: ThreadPool) throws {
    self.path = path
    var configuration: GPT2Configuration
    let weights: ModelWeights
    let idNotes: [String]
    if GGUFFile.isGGUF(path) {
      let file = try GGUFFile(path: path)
      configuration = try GPT2Configuration(gguf: file)
      generation = nil
      idNotes = configuration.notes(in: Folder.name(of: path))
      weights = ModelWeights(files: try WeightFiles(file), configurationPath: path)
    } else {
      guard Folder.exists(path) else { throw FileError(path: path, operation: .open, code: ENOENT) }
      let configurationPath = "\(path)/\(CheckpointFile.configuration)"
      configuration = try GPT2Configuration(path: configurationPath)
      generation = try GenerationConfiguration(folder: path)
      idNotes = generation?.notes(configuration) ?? configuration.notes()
      weights = ModelWeights(
        files: try WeightFiles(folder: path), configurationPath: configurationPath)
    }
    let note = try weights.resolveLMHead(&configuration, threadPool)
    tensors = try weights.tensors(of: configuration)
    self.configuration = configuration
    notes = idNotes + [weights.names.note, note].compactMap { $0 }
  }
}

/// The tensors of a folder, under the names of GPT-2's parameters.
struct ModelWeights {
  let files: WeightFiles
  let configurationPath: String
  let names: WeightNames

  private static let lmHead = "lm_head.weight"
  private static let embedding = "transformer.wte.weight"

  init(files: WeightFiles, configurationPath: String) {
    self.files = files
    self.configurationPath = configurationPath
    names = WeightNames(files.tensors.keys)
  }

  /// Buffers that other programs store but that are not parameters: the causal masks.
  static func isMask(_ name: String) -> Bool {
    name.hasSuffix(".attn.bias") || name.hasSuffix(".attn.masked_bias")
  }

  /// Decides whether the head's weights are the token embedding, about which the files may be more
  /// reliable than `configuration`, and returns what the user should know about it.
  ///
  /// - Throws: ``InputError`` if the vocabulary has another size or a separate head is missing.
  func resolveLMHead(_ configuration: inout GPT2Configuration, _ threadPool: ThreadPool) throws
    -> String?
  {
    let name = names.inFile(Self.embedding)
    let lmHeadName = names.inFile(Self.lmHead)
    guard let embedding = files.tensors[name] else {
      throw InputError(files.path, "tensor '\(name)' is missing" + names.explanation)
    }
    if embedding.shape.count == 2, embedding.shape[0] != configuration.vocabularySize {
      throw InputError(
        configurationPath,
        "vocab_size is \(configuration.vocabularySize), but '\(name)' in \(embedding.path) has "
          + "\(embedding.shape[0]) rows; if the weights are right, set vocab_size to "
          + "\(embedding.shape[0])")
    }
    let shape = [configuration.vocabularySize, configuration.embeddingSize]
    guard files.tensors[lmHeadName] != nil else {
      guard configuration.tiesWordEmbeddings else {
        throw InputError(
          files.path,
          "tensor '\(lmHeadName)' is missing, but tie_word_embeddings is false in "
            + "\(configurationPath); if the model has no output matrix of its own, set it to true")
      }
      return nil
    }
    let first = try files.tensor(name, shape: shape)
    let head = try files.tensor(lmHeadName, shape: shape)
    guard configuration.tiesWordEmbeddings else { return nil }
    let differs = Atomic<Bool>(false)
    threadPool.split(head.count, minimum: 1 << 16, maximumPieces: 256) { range, _ in
      if !head.hasSameNumbers(as: first, in: range) { differs.store(true, ordering: .relaxed) }
    }
    guard differs.load(ordering: .relaxed) else { return nil }
    configuration.tiesWordEmbeddings = false
    return "\(lmHeadName) differs from \(name): the model keeps an output matrix of its own, "
      + "although its configuration says that they are tied"
  }

  /// The tensors of the parameters of `configuration`, in the order of their layout.
  ///
  /// - Throws: ``InputError`` if one is missing or has another shape, or if there are others.
  func tensors(of configuration: GPT2Configuration) throws -> [StoredTensor] {
    let parameters = ParameterLayout(configuration).parameters
    let known = Set(parameters.map { names.inFile($0.name) } + [names.inFile(Self.lmHead)])
    for name in files.tensors.keys.sorted() where !known.contains(name) && !Self.isMask(name) {
      throw InputError(
        files.tensors[name]?.path ?? files.path,
        "tensor '\(excerpt(name))' is not part of a GPT-2 model of \(configuration.layers) layers"
          + WeightNames.explanation(of: name))
    }
    return try parameters.map { try files.tensor(names.inFile($0.name), shape: $0.shape) }
  }
}
