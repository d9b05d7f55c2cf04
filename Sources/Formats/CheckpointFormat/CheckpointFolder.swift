import FileSupport
import Glibc

/// The folder of a training run: `checkpoint-<step>` folders and `final`.
public struct RunFolder: Sendable {
  /// The path of the folder.
  public let path: String

  public init(path: String) {
    self.path = path
  }

  /// The path of the checkpoint after `step` steps.
  public func checkpointPath(step: Int) -> String {
    "\(path)/checkpoint-\(step)"
  }

  /// The path of the finished model.
  public var finalPath: String { path + "/final" }

  /// The steps after which there is a whole checkpoint, ascending.
  ///
  /// A folder gets its name only when it is whole, so the name is enough; `includingDamaged` adds
  /// those that have lost files since.
  ///
  /// - Throws: ``FileError``.
  public func checkpointSteps(includingDamaged: Bool = false) throws -> [Int] {
    guard Folder.exists(path) else { return [] }
    return try Folder.list(path).compactMap { name in
      guard name.hasPrefix("checkpoint-"), let step = Int(name.dropFirst("checkpoint-".count)),
        step >= 0, name == "checkpoint-\(step)",
        includingDamaged || Folder.hasFile("\(path)/\(name)/\(CheckpointFile.trainerState)")
      else { return nil }
      return step
    }.sorted()
  }

  /// Removes the oldest checkpoints until at most `limit` are left, but never those in `kept`.
  ///
  /// - Throws: ``FileError``.
  public func removeOldCheckpoints(limit: Int, keeping kept: Set<Int> = []) throws {
    let steps = try checkpointSteps()
    for step in steps.dropLast(max(1, limit)) where !kept.contains(step) {
      try Self.remove(checkpointPath(step: step))
    }
  }

  /// Removes the checkpoint after `step` steps; nothing happens if it is not there.
  ///
  /// - Throws: ``FileError``.
  public func removeCheckpoint(step: Int) throws {
    try Self.remove(checkpointPath(step: step))
  }

  /// Removes the folder `path`, or the one it is a link to, which is never half there under its name:
  /// it loses that first.
  private static func remove(_ path: String) throws {
    guard Folder.exists(path) else { return }
    let target = try Folder.target(of: path)
    let partial = target + partialSuffix
    try Folder.remove(partial)
    guard rename(target, partial) == 0 else { throw FileError(path: path, operation: .rename) }
    try Folder.remove(partial)
  }

  /// Removes what interrupted runs have left.
  ///
  /// That is what never became whole or was half removed, and the locks of checkpoints. Only the
  /// process that has the run may do so.
  ///
  /// - Throws: ``FileError``.
  public func removeLeftovers() throws {
    guard Folder.exists(path) else { return }
    for name in try Folder.list(path) where name.hasSuffix(Folder.replacedSuffix) {
      try Folder.restoreReplaced("\(path)/\(name.dropLast(Folder.replacedSuffix.count))")
    }
    for name in try Folder.list(path)
    where Self.unfinishedSuffixes.contains(where: name.hasSuffix)
      || name.hasPrefix(".checkpoint-") && name.hasSuffix(".lock")
    {
      try Folder.remove("\(path)/\(name)")
    }
  }

  private static let partialSuffix = ".partial"
  /// The ends of the names of folders that are not whole, or are about to go.
  static let unfinishedSuffixes = [partialSuffix, Folder.replacedSuffix]

  /// Makes the folder `path` whole or not at all: `write` fills a folder beside it, which takes
  /// the name when everything is on the disk.
  ///
  /// - Throws: ``OutputBusy`` if another process is writing it; ``FileError``; what `write` throws.
  public static func write(_ path: String, _ write: (_ partialPath: String) throws -> Void) throws {
    let folder = try OutputFolder(path: path)
    try write(folder.partialPath)
    try folder.commit()
  }
}

/// The names of the files in a checkpoint folder.
public enum CheckpointFile {
  public static let configuration = "config.json"
  public static let generationConfiguration = "generation_config.json"
  public static let weights = "model.safetensors"
  /// Weights as older versions of transformers wrote them; they are read, never written.
  public static let pyTorchWeights = "pytorch_model.bin"
  /// Added to the name of the weights in the index of a folder whose weights are in several files.
  public static let indexSuffix = ".index.json"
  public static let trainerState = "trainer_state.json"
  /// The moments of AdamW: a tensor `exp_avg.<parameter>` and `exp_avg_sq.<parameter>` for each.
  public static let optimizer = "optimizer.safetensors"
  /// What resuming checks, the settings that a run may not change on its way, and the sums that it
  /// goes on with.
  public static let resumeState = "resume_state.json"
  /// The files of a tokenizer, of which a folder has some.
  public static let tokenizer = [
    "tokenizer.json", "vocab.json", "merges.txt", "tokenizer_config.json",
    "special_tokens_map.json", "added_tokens.json",
  ]

  /// Copies the tokenizer files of the folder `source` to the folder `destination`.
  ///
  /// - Throws: ``FileError``; ``InputError`` if there are none.
  public static func copyTokenizer(from source: String, to destination: String) throws {
    let names = tokenizer.filter { Folder.hasFile("\(source)/\($0)") }
    guard !names.isEmpty else {
      throw InputError(source, "holds no tokenizer; expected tokenizer.json or vocab.json")
    }
    for name in names {
      let file = try MappedFile(path: "\(source)/\(name)")
      let copy = try OutputFile(path: "\(destination)/\(name)")
      try withExtendedLifetime(file) { try copy.write(file.bytes) }
      try copy.commit()
    }
  }
}
