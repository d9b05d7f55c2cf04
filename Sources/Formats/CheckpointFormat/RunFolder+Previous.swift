import FileSupport
import Glibc

/// The run that a new one replaces is kept next to it until the new one has its final model.
///
/// It is set aside only once the new run has something to save, so a run that fails before its
/// first checkpoint changes nothing.
extension RunFolder {
  /// Where the earlier run is kept: `<folder>.previous`, next to the folder that `path` refers to.
  public var previousPath: String { resolvedPath + ".previous" }

  /// Whether there is a finished model.
  public var isFinished: Bool { Folder.hasFile("\(finalPath)/\(CheckpointFile.trainerState)") }

  /// Whether there is a finished model or a checkpoint, complete or damaged.
  public func holdsRun() throws(FileError) -> Bool {
    if isFinished { return true }
    return try !checkpointSteps(includingDamaged: true).isEmpty
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

  /// Renames the folder to ``previousPath`` and creates an empty one in its place.
  ///
  /// An unfinished run does not replace a finished one that was set aside before; the unfinished
  /// run is removed.
  public func setAside() throws(FileError) {
    let previous = RunFolder(path: previousPath)
    if previous.isFinished, !isFinished {
      for step in try checkpointSteps(includingDamaged: true) { try removeCheckpoint(step: step) }
      return
    }
    try removePrevious()
    let path = resolvedPath
    guard rename(path, previous.path) == 0 else { throw FileError(path: path, operation: .rename) }
    try Folder.create(path)
    try Folder.synchronize(Folder.parent(of: path))
  }

  /// Restores the run that was set aside, unless a newer one has saved something.
  public func restorePrevious() throws(FileError) {
    guard Folder.exists(previousPath), try !holdsRun() else { return }
    let path = resolvedPath
    // Anything else there is not part of a run, and not ours to remove.
    guard !Folder.exists(path) || rmdir(path) == 0 else { return }
    guard rename(previousPath, path) == 0 else { throw FileError(path: path, operation: .rename) }
    try Folder.synchronize(Folder.parent(of: path))
  }

  /// Removes the run that was set aside, if there is one.
  ///
  /// It is renamed first, so that its name never belongs to an incomplete run.
  public func removePrevious() throws(FileError) {
    let (path, removedPath) = (previousPath, removedPath)
    try Folder.remove(removedPath)
    guard rename(path, removedPath) == 0 || errno == ENOENT else {
      throw FileError(path: path, operation: .rename)
    }
    try Folder.remove(removedPath)
  }

  /// Where the earlier run is while it is removed.
  var removedPath: String { previousPath + Self.partialSuffix }

  /// The folder that ``path`` refers to; if that is unknown, writing to it has already failed.
  private var resolvedPath: String { (try? Folder.target(of: path)) ?? path }
}
