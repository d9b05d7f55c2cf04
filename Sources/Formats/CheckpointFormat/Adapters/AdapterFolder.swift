import FileSupport
import Glibc
import TextSupport

/// The folder of an adapter, and the model that it belongs to.
public struct AdapterFolder: Equatable, Sendable {
  /// The path of the folder.
  public let path: String
  /// What people may call the adapter: the name of the run or of the folder.
  public let name: String

  /// The adapter in the folder `path`, or in its folder `adapter`; `nil` if there is none.
  public init?(in path: String) {
    let inner = "\(path)/\(CheckpointFile.adapterFolder)"
    guard let found = [path, inner].first(where: Self.isAdapter) else { return nil }
    self.path = Folder.trimmed(found)
    name = ModelFolder.displayName(of: found)
  }

  /// The adapter that `text` of a command line names: a folder, or `NAME=FOLDER`, which also says
  /// what it is called.
  ///
  /// - Throws: `FileError` if there is no such folder; `InputError` if it holds no adapter.
  public init(argument text: String) throws {
    var (name, path): (String?, String) = (nil, text)
    if !Folder.exists(text), let equals = text.firstIndex(of: "="), equals > text.startIndex {
      (name, path) = (String(text[..<equals]), String(text[text.index(after: equals)...]))
    }
    guard let found = AdapterFolder(in: path) else {
      guard Folder.exists(path) else { throw FileError(path: path, operation: .open, code: ENOENT) }
      throw InputError(
        path,
        "no adapter here; expected a folder with \(CheckpointFile.adapterConfiguration) and "
          + "\(CheckpointFile.adapterWeights), as peft's save_pretrained() writes it")
    }
    self.path = found.path
    self.name = name ?? found.name
  }

  /// The path of the model's folder that holds the adapter, or of the adapter itself.
  public var modelPath: String {
    Folder.name(of: path) == CheckpointFile.adapterFolder ? Folder.parent(of: path) : path
  }

  private static func isAdapter(_ path: String) -> Bool {
    Folder.hasFile("\(path)/\(CheckpointFile.adapterConfiguration)")
  }

  private var configurationPath: String { "\(path)/\(CheckpointFile.adapterConfiguration)" }

  /// The model that the adapter says it belongs to, in its own words; `nil` if it does not say.
  ///
  /// - Throws: `FileError`; `InputError`.
  public func statedModel() throws -> String? {
    try AdapterConfiguration(path: configurationPath).baseModel
  }

  /// The model that the adapter says it belongs to: the path of a folder that exists, relative to the
  /// current folder or to the adapter's, or else what may be a name on the Hugging Face Hub.
  ///
  /// - Throws: `FileError`; `InputError` if the adapter names no model.
  public func baseModel() throws -> String {
    let configuration = try AdapterConfiguration(path: configurationPath)
    let key = "base_model_name_or_path"
    let remedy = "; name the model first, and this adapter with --adapter"
    guard let base = configuration.baseModel, !base.isEmpty else {
      throw InputError(configurationPath, "\(key) is missing\(remedy)")
    }
    if Folder.exists(base) || Folder.hasFile(base) { return base }
    let beside = "\(path)/\(base)"
    if !base.hasPrefix("/"), Folder.exists(beside) || Folder.hasFile(beside) { return beside }
    let slashes = base.utf8.count { $0 == UInt8(ascii: "/") }
    guard slashes <= 1, !base.hasPrefix("/"), !base.hasPrefix("."), !base.hasSuffix("/") else {
      throw InputError(
        configurationPath, "\(key) is '\(excerpt(base))', a folder that does not exist\(remedy)")
    }
    return base + (configuration.revision.map { "@\($0)" } ?? "")
  }
  /// What the user should know if the adapter says that it belongs to another model than `model`, in the
  /// folder `folder`, with which it is used.
  public func note(usedWith model: String, in folder: String) -> String? {
    guard let stated = try? statedModel(), stated != model,
      !Folder.isSameFile((try? baseModel()) ?? stated, folder),
      ModelFolder.displayName(of: stated) != ModelFolder.displayName(of: folder)
    else { return nil }
    return "\(path): this adapter belongs to \(excerpt(stated)), and is used with \(model)"
  }
}
