import FileSupport
import Glibc
import TextGeneration
import TokenShardFormat

extension TrainingCorpus {
  /// Where the pipeline keeps the shards of the model in the folder `model`: `data/tokens/<run>` beside
  /// `checkpoints/<run>/final`; `nil` if there are none.
  public static func folder(besideModel model: String) -> String? {
    let run = Folder.parent(of: model)
    let root = Folder.parent(of: Folder.parent(of: run))
    var found = "\(root == "." ? "" : root + "/")data/tokens/\(Folder.name(of: run))"
    if Folder.name(of: Folder.parent(of: run)) == "checkpoints", TokenManifest.exists(in: found) {
      return found
    }
    // The path may be relative to a folder within the run.
    guard !model.hasPrefix("/"), let absolute = realpath(model, nil) else { return nil }
    defer { free(absolute) }
    found = String(cString: absolute)
    return folder(besideModel: found)
  }
}
