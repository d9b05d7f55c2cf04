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

  /// The names of the files about the run as a whole.
  static let reports = ["curves.csv", "curves.svg", "report.md", "report.html"]

  /// The steps of the complete checkpoints, ascending.
  ///
  /// A folder gets its name only when it is complete, so the name is sufficient. `includingDamaged`
  /// adds those that have since lost files.
  public func checkpointSteps(includingDamaged: Bool = false) throws(FileError) -> [Int] {
    guard Folder.exists(path) else { return [] }
    return try Folder.list(path).compactMap { name in
      guard name.hasPrefix("checkpoint-"), let step = Int(name.dropFirst("checkpoint-".count)),
        step >= 0, name == "checkpoint-\(step)",
        includingDamaged || Folder.hasFile("\(path)/\(name)/\(CheckpointFile.trainerState)")
      else { return nil }
      return step
    }.sorted()
  }

  /// Removes the oldest checkpoints until at most `limit` remain, but never those in `kept`.
  public func removeOldCheckpoints(limit: Int, keeping kept: Set<Int> = []) throws(FileError) {
    let steps = try checkpointSteps()
    for step in steps.dropLast(max(1, limit)) where !kept.contains(step) {
      try Self.remove(checkpointPath(step: step))
    }
  }

  /// Removes the checkpoint after `step` steps; does nothing if it is missing.
  public func removeCheckpoint(step: Int) throws(FileError) {
    try Self.remove(checkpointPath(step: step))
  }

  /// Removes the folder `path`, or the one it links to.
  ///
  /// It is renamed first, so that its name never belongs to an incomplete folder.
  private static func remove(_ path: String) throws(FileError) {
    guard Folder.exists(path) else { return }
    let target = try Folder.target(of: path)
    let partial = target + partialSuffix
    try Folder.remove(partial)
    guard rename(target, partial) == 0 else { throw FileError(path: path, operation: .rename) }
    try Folder.remove(partial)
  }

  /// Removes what interrupted runs left behind: unfinished or half-removed folders, and the locks of
  /// checkpoints and of the final model.
  ///
  /// Only the process that holds the lock of the run may do so.
  public func removeLeftovers() throws(FileError) {
    try Folder.remove(removedPath)
    try Folder.remove(newPath)
    guard Folder.exists(path) else { return }
    // A run that was set aside, and that somebody has renamed back.
    try Folder.remove("\(path)/\(Self.setAsideMark)")
    for name in try Folder.list(path)
    where Self.isPart(name) && name.hasSuffix(Folder.replacedSuffix) {
      try Folder.restoreReplaced("\(path)/\(name.dropLast(Folder.replacedSuffix.count))")
    }
    for name in try Folder.list(path)
    where Self.isPart(name) && Self.unfinishedSuffixes.contains(where: name.hasSuffix)
      || name.hasPrefix(".checkpoint-") && name.hasSuffix(".lock") || name == ".final.lock"
    {
      try Folder.remove("\(path)/\(name)")
    }
  }

  static let partialSuffix = ".partial"
  /// The suffixes of folders that are unfinished or about to be removed.
  static let unfinishedSuffixes = [partialSuffix, Folder.replacedSuffix]

  /// Creates the folder `path` completely or not at all: `write` fills a folder next to it, which
  /// gets the name once everything is on disk.
  ///
  /// - Throws: ``OutputBusy`` if another process is writing it; ``FileError``; what `write` throws.
  public static func write(_ path: String, _ write: (_ partialPath: String) throws -> Void) throws {
    let folder = try OutputFolder(path: path)
    try write(folder.partialPath)
    try folder.commit()
  }
}
