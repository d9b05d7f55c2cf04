import FileSupport
import JSONSupport
import TextSupport

/// The tensors of a Hugging Face folder or a GGUF file, whichever files they are in.
///
/// In a folder, like transformers, it reads the first of these that it finds: `model.safetensors`,
/// `model.safetensors.index.json` with its shards, `pytorch_model.bin`,
/// `pytorch_model.bin.index.json` with its shards.
public struct WeightFiles: Sendable {
  /// The file that lists the tensors: the weights themselves, or the index of shards.
  public let path: String
  /// The tensors by their names.
  public let tensors: [String: StoredTensor]

  /// Maps and checks the weight files in `folder`.
  ///
  /// - Throws: ``FileError``; ``InputError`` if there are none, or they are damaged.
  public init(folder: String) throws {
    try self.init(folder: folder, [CheckpointFile.weights, CheckpointFile.pyTorchWeights])
  }

  /// Maps and checks the weights of the adapter in `folder`: `adapter_model.safetensors`, or
  /// `adapter_model.bin`.
  ///
  /// - Throws: ``FileError``; ``InputError`` if there are none, or they are damaged.
  public init(adapterFolder folder: String) throws {
    try self.init(
      folder: folder, [CheckpointFile.adapterWeights, CheckpointFile.pyTorchAdapterWeights])
  }

  private init(folder: String, _ names: [String]) throws {
    for name in names {
      let path = "\(folder)/\(name)"
      let indexPath = path + CheckpointFile.indexSuffix
      if Folder.hasFile(path) {
        self.path = path
        tensors = try Self.tensors(inFile: path)
        return
      }
      if Folder.hasFile(indexPath) {
        self.path = indexPath
        tensors = try Self.tensors(ofIndex: indexPath, folder: folder)
        return
      }
    }
    throw InputError(
      folder,
      "holds no weights; expected \(names.joined(separator: " or ")), or the index of their shards "
        + "(…\(CheckpointFile.indexSuffix))")
  }

  /// The tensors of the GPT-2 model in `file`, by Hugging Face's names and with its shapes.
  ///
  /// - Throws: ``InputError`` if there is a tensor that GPT-2 does not have.
  public init(_ file: GGUFFile) throws {
    path = file.path
    var tensors: [String: StoredTensor] = [:]
    for (name, tensor) in file.tensors {
      guard let parameter = GGUFTensorName.parameter(name) else {
        throw InputError(
          path,
          "tensor '\(excerpt(name))' is not part of a GPT-2 model; expected names such as "
            + "'token_embd.weight' and 'blk.0.attn_qkv.weight'")
      }
      let isTransposed = GGUFTensorName.isTransposed(parameter) && tensor.shape.count == 2
      tensors[parameter] = isTransposed ? tensor.transposed : tensor
    }
    self.tensors = tensors
  }

  /// The tensor `name`, checked to have `shape` and a floating-point type.
  ///
  /// - Throws: ``InputError`` if it is missing or has another shape or type.
  public func tensor(_ name: String, shape: [Int]) throws -> StoredTensor {
    let tensor = try tensors.tensor(name, shape: shape, path: path)
    try tensor.checkIsFloatingPoint()
    return tensor
  }

  private static func tensors(inFile path: String) throws -> [String: StoredTensor] {
    let tensors =
      path.hasSuffix(".safetensors")
      ? try SafetensorsFile(path: path).tensors : try PyTorchFile(path: path).tensors
    // Those of the list of tensors, which may be as large as 2 MB, in each of many shards.
    tensors.values.first?.file.releasePages()
    return tensors
  }

  private static func tensors(
    ofIndex path: String, folder: String
  ) throws -> [String: StoredTensor] {
    guard let map = try JSONValue(path: path)["weight_map"]?.members else {
      throw InputError(path, "expected an object 'weight_map' of tensors and their files")
    }
    var tensors: [String: StoredTensor] = [:]
    var shards: [String: [String: StoredTensor]] = [:]
    for member in map {
      let name = excerpt(member.key)
      guard let file = member.value.string, isPlainName(file) else {
        throw InputError(
          path,
          "tensor '\(name)': expected the name of a file in the same folder, found "
            + member.value.excerpt)
      }
      let shardPath = "\(folder)/\(file)"
      if shards[file] == nil {
        guard Folder.hasFile(shardPath) else {
          throw InputError(
            path, "tensor '\(name)' is in '\(excerpt(file))', which is not in the folder")
        }
        shards[file] = try Self.tensors(inFile: shardPath)
      }
      guard let tensor = shards[file]?[member.key] else {
        throw InputError(shardPath, "tensor '\(name)' is missing, which the index places here")
      }
      guard tensors.updateValue(tensor, forKey: member.key) == nil else {
        throw InputError(path, "tensor '\(name)' appears twice in the index")
      }
    }
    for (file, shard) in shards.sorted(by: { $0.key < $1.key }) {
      for name in shard.keys.sorted() where tensors[name]?.path != "\(folder)/\(file)" {
        throw InputError(
          "\(folder)/\(file)",
          "tensor '\(excerpt(name))' is here, but the index "
            + (tensors[name] == nil ? "does not name it" : "places it elsewhere"))
      }
    }
    return tensors
  }

  /// Whether `name` can only refer to a file in the folder itself.
  private static func isPlainName(_ name: String) -> Bool {
    !name.isEmpty && name != "." && name != ".."
      && !name.unicodeScalars.contains { $0 == "/" || $0 == "\\" || $0 == "\0" }
  }
}

/// Files that are sometimes found where weights should be: a pointer, a web page, an archive.
enum MisplacedFile {
  /// What a file with `bytes` is instead of weights, and the remedy; `nil` if it is not recognised.
  static func problem(of bytes: some Collection<UInt8>) -> String? {
    if ForeignContent.isGitLFSPointer(bytes) {
      return "this is a git-lfs pointer, not the weights; fetch them with 'git lfs pull', "
        + "or download the file itself"
    }
    if ForeignContent.isWebPage(bytes.prefix(512)) {
      return "this is a web page, not the weights; download the file itself"
    }
    if bytes.starts(with: [0x1F, 0x8B]) {
      return "this is packed with gzip; unpack it first"
    }
    if ForeignContent.isTarArchive(bytes) {
      return "this is a tar archive, a packed download or weights that torch before 0.2 wrote; "
        + "unpack it, or save the weights with a newer torch"
    }
    return nil
  }
}
