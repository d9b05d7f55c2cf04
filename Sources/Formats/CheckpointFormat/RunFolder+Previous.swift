import FileSupport
import Glibc

/// The run that a new one replaces is kept next to it until the new one has its final model.
///
/// It is set aside only once the new run has saved something, so a run that fails before that
/// changes nothing. A file in it says that it was set aside: a folder of that name without the file
/// is not touched.
extension RunFolder {
  /// Where the earlier run is kept: `<folder>.previous`, next to the folder that `path` refers to.
  public var previousPath: String { resolvedPath + ".previous" }

  /// What marks a run that was set aside, in its folder.
  static let setAsideMark = ".set-aside"

  /// Whether the folder at ``previousPath`` is a run that was set aside.
  private var hasPrevious: Bool { Folder.hasFile("\(previousPath)/\(Self.setAsideMark)") }

  /// Whether there is a finished model.
  public var isFinished: Bool { Folder.hasFile("\(finalPath)/\(CheckpointFile.trainerState)") }

  /// Whether there is a finished model or a checkpoint, complete or damaged.
  public func holdsRun() throws(FileError) -> Bool {
    if isFinished { return true }
    return try !checkpointSteps(includingDamaged: true).isEmpty
  }

  /// Checks that ``replace(_:)`` can rename the folder.
  ///
  /// - Throws: ``InputError`` with the reason.
  public func checkCanBeSetAside() throws {
    var (status, parentStatus, previousStatus) = (stat(), stat(), stat())
    if lstat(previousPath, &previousStatus) == 0, !hasPrevious {
      throw InputError(
        path,
        "the earlier run cannot be set aside as \(previousPath): something else has that name; "
          + "rename it")
    }
    let parent = Folder.parent(of: resolvedPath)
    guard stat(resolvedPath, &status) == 0, stat(parent, &parentStatus) == 0 else { return }
    let isMountPoint = status.st_dev != parentStatus.st_dev
    guard isMountPoint || access(parent, W_OK) != 0 else { return }
    let problem = isMountPoint ? "it is a mount point" : "\(parent) is not writable"
    throw InputError(
      path,
      "the earlier run cannot be set aside as \(previousPath): \(problem); name another --output")
  }

  /// Calls `write` with an empty folder; what is in it then takes the place of the run, which is set
  /// aside.
  ///
  /// - Throws: ``FileError``; what `write` throws. Then the run is as it was, or the finished one
  ///   that was set aside before it is back.
  public func replace(_ write: (RunFolder) throws -> Void) throws {
    let new = RunFolder(path: newPath)
    try Folder.remove(new.path)
    do {
      try Folder.create(new.path)
      try write(new)
      try setAside()
      // The model comes last, because with it the run is finished.
      let model = Folder.name(of: finalPath)
      for name in try Folder.list(new.path).filter({ $0 != model }) + [model] {
        let source = "\(new.path)/\(name)"
        guard rename(source, "\(resolvedPath)/\(name)") == 0 || errno == ENOENT else {
          throw FileError(path: source, operation: .rename)
        }
      }
      try Folder.synchronize(resolvedPath)
    } catch {
      try? Folder.remove(new.path)
      try? restorePrevious()
      throw error
    }
    try Folder.remove(new.path)
  }

  /// Renames the folder to ``previousPath`` and creates an empty one in its place.
  ///
  /// An unfinished run does not replace a finished one that was set aside before; the unfinished
  /// run is removed.
  private func setAside() throws {
    if RunFolder(path: previousPath).isFinished, !isFinished {
      for step in try checkpointSteps(includingDamaged: true) { try removeCheckpoint(step: step) }
      return
    }
    try removePrevious()
    let path = resolvedPath
    try replaceFile(
      at: "\(path)/\(Self.setAsideMark)", with: "Another run replaces this one: see \(path).\n")
    guard rename(path, previousPath) == 0 else { throw FileError(path: path, operation: .rename) }
    try Folder.create(path)
    try Folder.synchronize(Folder.parent(of: path))
  }

  /// Restores the run that was set aside, unless a newer one has saved something.
  public func restorePrevious() throws(FileError) {
    guard hasPrevious, try !holdsRun() else { return }
    let path = resolvedPath
    // Anything else there is not part of a run, and not ours to remove.
    guard !Folder.exists(path) || rmdir(path) == 0 else { return }
    guard rename(previousPath, path) == 0 else { throw FileError(path: path, operation: .rename) }
    try Folder.synchronize(Folder.parent(of: path))
    try Folder.remove("\(path)/\(Self.setAsideMark)")
  }

  /// Removes the run that was set aside, if there is one.
  ///
  /// It is renamed first, so that its name never belongs to an incomplete run.
  public func removePrevious() throws(FileError) {
    let (path, removedPath) = (previousPath, removedPath)
    try Folder.remove(removedPath)
    guard hasPrevious else { return }
    guard rename(path, removedPath) == 0 || errno == ENOENT else {
      throw FileError(path: path, operation: .rename)
    }
    try Folder.remove(removedPath)
  }

  /// Where what a new run saves first is until all of it is there.
  var newPath: String { resolvedPath + ".new" + Self.partialSuffix }

  /// Where the earlier run is while it is removed.
  var removedPath: String { previousPath + Self.partialSuffix }

  /// The folder that ``path`` refers to; if that is unknown, writing to it has already failed.
  private var resolvedPath: String { (try? Folder.target(of: path)) ?? path }
}
