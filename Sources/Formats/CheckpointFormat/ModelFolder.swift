import FileSupport
import Glibc
import JSONSupport

/// A folder that should hold a model, and what the user may have meant by another one.
public enum ModelFolder {
  /// Checks, by the names of the files in it, that `path` holds a model.
  ///
  /// - Throws: `FileError` if there is no such folder; `InputError` with the folder to use instead.
  public static func check(_ path: String) throws {
    if Folder.hasFile(path) {
      throw InputError(
        path, "this is a file; name the folder that contains it, '\(Folder.parent(of: path))'")
    }
    guard Folder.exists(path) else { throw FileError(path: path, operation: .open, code: ENOENT) }
    for suffix in RunFolder.unfinishedSuffixes where Folder.name(of: path).hasSuffix(suffix) {
      throw InputError(
        path,
        "a checkpoint that training is still writing, or left when it was stopped; "
          + remedy(inRun: Folder.parent(of: path)))
    }
    guard !Folder.hasFile("\(path)/\(CheckpointFile.configuration)") else { return }
    let names = try Folder.list(path)
    if names.contains(where: { $0.hasPrefix("checkpoint-") || $0.hasPrefix("final") }) {
      throw InputError(path, "this is the folder of a run, not of a model; " + remedy(inRun: path))
    }
    throw InputError(
      path,
      "no model here; expected a Hugging Face folder with \(CheckpointFile.configuration), "
        + "weights and a tokenizer")
  }

  /// What people may call the model or adapter in the folder or GGUF file `path`: the name of the run,
  /// of the folder, or of the file.
  public static func displayName(of path: String) -> String {
    if let name = nameInCache(path) { return Folder.name(of: name) }
    let name = Folder.name(of: path)
    if name == CheckpointFile.adapterFolder {
      let parent = displayName(of: Folder.parent(of: path))
      if parent != "." && parent != ".." { return parent }
    }
    if name == "final" || name.hasPrefix("checkpoint-") {
      let run = Folder.name(of: Folder.parent(of: path))
      if run != "." && run != ".." { return run }
    }
    return name.lowercased().hasSuffix(".gguf") ? String(name.dropLast(5)) : name
  }

  /// The digest of the tokenizer that the model in the folder `path` was trained with; `nil` if
  /// unknown, as in the folders of other programs.
  public static func tokenizerDigest(of path: String) -> UInt32? {
    let state = try? JSONValue(path: "\(path)/\(CheckpointFile.resumeState)")
    return state?["tokenizer"]?.integer.flatMap(UInt32.init(exactly:))
  }

  /// Which folder of the run to use.
  private static func remedy(inRun path: String) -> String {
    let run = RunFolder(path: path)
    if Folder.hasFile("\(run.finalPath)/\(CheckpointFile.configuration)")
      || AdapterFolder(in: run.finalPath) != nil
    {
      return "use '\(run.finalPath)'"
    }
    guard let step = (try? run.checkpointSteps())?.last else {
      return "there is no complete checkpoint yet: resume the training"
    }
    return "use '\(run.checkpointPath(step: step))', the newest complete one"
  }
}

extension ModelFolder {
  /// The name on the Hugging Face Hub of the model in the folder `path`, or of the one it was made
  /// from, such as `ai-forever/rugpt3small_based_on_gpt2`; `nil` if it is not known.
  ///
  /// It follows from the folder's place in the cache of huggingface_hub. Otherwise it is what
  /// transformers has noted in `config.json`, or the base model of a model card. What may be the path
  /// of a folder is not a name.
  public static func hubName(of path: String) -> String? {
    if let name = nameInCache(path) { return name }
    let configuration = try? JSONValue(
      path: "\(path)/\(CheckpointFile.configuration)", leniency: .nonFiniteNumbers)
    let names = [configuration?["_name_or_path"]?.string, cardValue("base_model", in: path)]
    return names.lazy.compactMap(\.self).first { isHubName($0) && !Folder.exists($0) }
  }

  /// The name of the model in a folder `models--<owner>--<name>/snapshots/<revision>`.
  private static func nameInCache(_ path: String) -> String? {
    let repository = Folder.name(of: Folder.parent(of: Folder.parent(of: path)))
    let prefix = "models--"
    guard Folder.name(of: Folder.parent(of: path)) == "snapshots", repository.hasPrefix(prefix)
    else { return nil }
    return repository.dropFirst(prefix.count).split(
      separator: "--", omittingEmptySubsequences: false
    )
    .joined(separator: "/")
  }

  /// The value of `key`, or the first of its values, in the front matter of the card of the model in
  /// the folder `path`; `nil` if there is none that fits on a line.
  public static func cardValue(_ key: String, in path: String) -> String? {
    guard let file = try? MappedFile(path: "\(path)/\(CheckpointFile.card)") else { return nil }
    let card = withExtendedLifetime(file) {
      String(decoding: file.bytes.prefix(1 << 16), as: UTF8.self)
    }
    return FrontMatter(of: card).firstValue(of: key)
  }

  /// The models that the Hub names without an owner.
  private static let namesWithoutOwner: Set = [
    "gpt2", "gpt2-medium", "gpt2-large", "gpt2-xl", "distilgpt2",
  ]

  /// Whether `name` follows the rules of the Hub for `<owner>/<name>`, so that a card may link to it.
  public static func isHubName(_ name: String) -> Bool {
    if namesWithoutOwner.contains(name) { return true }
    let parts = name.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
    func isWordByte(_ byte: UInt8) -> Bool {
      switch byte {
      case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "_"):
        true
      default: false
      }
    }
    return parts.count == 2 && name.utf8.count <= 96 && !name.contains("--")
      && !name.contains("..")
      && parts.allSatisfy { part in
        guard let first = part.first, let last = part.last else { return false }
        return isWordByte(first) && isWordByte(last)
          && part.allSatisfy { isWordByte($0) || "-.".utf8.contains($0) }
      }
  }
}
