import FileSupport
import TextGeneration
import TokenShardFormat

extension TrainingCorpus {
  /// Where the pipeline keeps the shards of the model in the folder `model`: `data/tokens/<run>` beside
  /// `checkpoints/<run>/final`; `nil` if there are none.
  ///
  /// - Throws: `FileError` if what is there cannot be read.
  public static func folder(besideModel model: String) throws -> String? {
    let run = Folder.parent(of: model)
    let root = Folder.parent(of: Folder.parent(of: run))
    let found = "\(root == "." ? "" : root + "/")data/tokens/\(Folder.name(of: run))"
    if Folder.name(of: Folder.parent(of: run)) == "checkpoints", try TokenManifest.exists(in: found)
    {
      return found
    }
    // The path may be relative to a folder within the run.
    guard !model.hasPrefix("/"), let absolute = Folder.realPath(of: model) else { return nil }
    return try folder(besideModel: absolute)
  }
}
