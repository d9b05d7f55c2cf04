import CheckpointFormat
import FileSupport
import JSONSupport
import TensorKernels

/// A model that a training run saves and restores.
public protocol CheckpointableModel: TrainableModel {
  var configuration: GPT2Configuration { get set }
  /// The token ids for generating text, if they differ from those of ``configuration``.
  var generation: GenerationConfiguration? { get set }
  /// What the user should know about how the model was read, in whole sentences.
  var notes: [String] { get }

  /// What is trained, as far as that determines the result: a run can be resumed only if it has not
  /// changed. It has a `kind`.
  var resumeKey: JSONValue { get }

  /// The numbers that the trained ones begin with and that its other part depends on, if there are such
  /// (PiSSA).
  var initialFactors: FloatArena? { get }

  /// Takes account of a change of ``initialFactors``.
  ///
  /// - Throws: ``FileError``; ``InputError`` if the model is damaged; what `progress` throws.
  func takeInitialFactors(progress: () throws -> Void) throws

  /// How many numbers the model has, whether they are trained or not.
  var parameterCount: Int { get }

  /// How many of them are not embeddings.
  var parameterCountWithoutEmbeddings: Int { get }

  /// How many bytes of numbers ``write(to:)`` writes, and ``writeFinal(to:)``.
  var savedByteCount: Int { get }
  var finalByteCount: Int { get }

  /// Writes what is trained into the folder `path`, in files that other programs load.
  ///
  /// - Throws: ``FileError``.
  func write(to path: String) throws

  /// Reads what ``write(to:)`` wrote, to the last bit.
  ///
  /// `progress` is called from time to time.
  ///
  /// - Throws: ``FileError``; ``InputError`` if the files are damaged or those of another model;
  ///   what `progress` throws.
  func restore(from path: String, progress: () throws -> Void) throws

  /// Checks that what ``restore(from:progress:)`` would read is there, as far as that is quick.
  ///
  /// - Throws: ``FileError``; ``InputError`` if something is missing or damaged.
  func check(_ path: String) throws

  /// Writes the finished model into the folder `path`, and what it was made of.
  ///
  /// - Throws: ``FileError``; ``InputError`` if files that it is made of are damaged.
  func writeFinal(to path: String) throws

  /// Checks that what ``writeFinal(to:)`` wrote is there, as far as that is quick.
  ///
  /// - Throws: ``FileError``; ``InputError`` if something is missing or damaged.
  func checkFinal(_ path: String) throws

  /// The model as it is now, for writing texts before it is trained further.
  ///
  /// `progress` is called from time to time while files are read.
  ///
  /// - Throws: ``FileError``; ``InputError`` if files that it is made of are damaged; what `progress`
  ///   throws.
  func inferenceModel(progress: () throws -> Void) throws -> InferenceModel

  /// The model that ``writeFinal(to:)`` wrote into the folder `path`, for writing texts.
  ///
  /// - Throws: ``FileError``; ``InputError`` if files that it is made of are damaged.
  func inferenceModel(final path: String) throws -> InferenceModel
}

extension GPT2Model: CheckpointableModel {
  public var initialFactors: FloatArena? { nil }

  public func takeInitialFactors(progress: () throws -> Void) {}

  /// All weights are trained.
  public var resumeKey: JSONValue { ["kind": "none"] }

  public var parameterCount: Int { layout.count }

  public var parameterCountWithoutEmbeddings: Int { layout.countWithoutEmbeddings }

  public var savedByteCount: Int { layout.count * MemoryLayout<Float>.stride }

  public var finalByteCount: Int { savedByteCount }

  public func restore(from path: String, progress: () throws -> Void) throws {
    let file = try SafetensorsFile(path: "\(path)/\(CheckpointFile.weights)")
    try threadPool.copy(
      try trainable.destinations(of: file, in: parameters), progress: progress)
  }

  public func check(_ path: String) throws {
    _ = try SafetensorsFile(path: "\(path)/\(CheckpointFile.weights)")
  }

  public func writeFinal(to path: String) throws { try write(to: path) }

  public func checkFinal(_ path: String) throws {
    _ = try JSONValue(path: "\(path)/\(CheckpointFile.configuration)")
    try check(path)
  }

  public func inferenceModel(progress: () throws -> Void) -> InferenceModel { InferenceModel(self) }

  public func inferenceModel(final path: String) throws -> InferenceModel {
    try InferenceModel(folder: path, threadPool: threadPool)
  }
}

extension ParameterLayout {
  /// How many numbers there are besides the embeddings.
  var countWithoutEmbeddings: Int { count - wte.range.count - wpe.range.count }
}

extension ParameterArray {
  /// The tensors of `file` for all parameters, each with its place in `arena`, which has this layout;
  /// the names in the file begin with `prefix`.
  ///
  /// - Throws: ``InputError`` if one is missing, or has the wrong shape or type.
  public func destinations(
    of file: SafetensorsFile, prefix: String = "", in arena: FloatArena
  ) throws -> [(StoredTensor, to: Floats)] {
    try parameters.map {
      let tensor = try file.tensor(prefix + $0.name, shape: $0.shape)
      try tensor.checkIsFloatingPoint()
      return (tensor, to: arena[$0.range])
    }
  }
}
