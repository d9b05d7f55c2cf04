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

  /// What people may call the model in the folder or GGUF file `path`: the name of the run, of the
  /// folder, or of the file.
  public static func displayName(of path: String) -> String {
    let name = Folder.name(of: path)
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
    if Folder.hasFile("\(run.finalPath)/\(CheckpointFile.configuration)") {
      return "use '\(run.finalPath)'"
    }
    guard let step = (try? run.checkpointSteps())?.last else {
      return "there is no complete checkpoint yet: resume the training"
    }
    return "use '\(run.checkpointPath(step: step))', the newest complete one"
  }
}
