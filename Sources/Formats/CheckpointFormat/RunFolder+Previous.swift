import FileSupport
import Glibc

/// One earlier run is kept beside a run that replaces it, until the new one has its final model.
///
/// The earlier run leaves its place only when the new one has something to save, so a run that fails
/// before its first checkpoint changes nothing.
extension RunFolder {
  /// Where the earlier run is kept: `<folder>.previous`, beside what `path` leads to if it is a link.
  public var previousPath: String { resolvedPath + ".previous" }

  /// Whether there is a finished model.
  public var isFinished: Bool { Folder.hasFile("\(finalPath)/\(CheckpointFile.trainerState)") }

  /// Whether there is a finished model or a checkpoint, whole or damaged.
  ///
  /// - Throws: ``FileError``.
  public func holdsRun() throws -> Bool {
    try isFinished || !checkpointSteps(includingDamaged: true).isEmpty
  }

  /// Checks that ``setAside()`` can rename the folder.
  ///
  /// - Throws: ``InputError`` with the reason.
  public func checkCanBeSetAside() throws {
    let parent = Folder.parent(of: resolvedPath)
    var (status, parentStatus) = (stat(), stat())
    guard stat(resolvedPath, &status) == 0, stat(parent, &parentStatus) == 0 else { return }
    let isMountPoint = status.st_dev != parentStatus.st_dev
    guard isMountPoint || access(parent, W_OK) != 0 else { return }
    let problem = isMountPoint ? "it is a mount point" : "\(parent) is not writable"
    throw InputError(
      path,
      "the earlier run cannot be set aside as \(previousPath): \(problem); name another --output")
  }

  /// Renames the folder to ``previousPath`` and leaves an empty one in its place.
  ///
  /// A finished model that was set aside before stays where it is if this run has none: an unfinished
  /// run is removed instead of replacing it.
  ///
  /// - Throws: ``FileError``.
  public func setAside() throws {
    let previous = RunFolder(path: previousPath)
    if previous.isFinished, !isFinished {
      for step in try checkpointSteps(includingDamaged: true) { try removeCheckpoint(step: step) }
      return
    }
    try Folder.remove(previous.path)
    let path = resolvedPath
    guard rename(path, previous.path) == 0 else { throw FileError(path: path, operation: .rename) }
    try Folder.create(path)
    try Folder.synchronize(Folder.parent(of: path))
  }

  /// Brings back the run that was set aside, unless a newer one has saved something.
  ///
  /// - Throws: ``FileError``.
  public func restorePrevious() throws {
    guard try Folder.exists(previousPath) && !holdsRun() else { return }
    let path = resolvedPath
    // What else stands there is not part of a run, but it is not ours to remove.
    guard !Folder.exists(path) || rmdir(path) == 0 else { return }
    guard rename(previousPath, path) == 0 else { throw FileError(path: path, operation: .rename) }
    try Folder.synchronize(Folder.parent(of: path))
  }

  /// Removes the run that was set aside; nothing happens if there is none.
  ///
  /// - Throws: ``FileError``.
  public func removePrevious() throws {
    try Folder.remove(previousPath)
  }

  /// What ``path`` leads to if it is a link; where that cannot be said, writing to it fails earlier.
  private var resolvedPath: String { (try? Folder.target(of: path)) ?? path }
}
