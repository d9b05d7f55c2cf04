import FileSupport
import Glibc

/// The run that a new one replaces is kept next to it until the new one has its final model.
///
/// It is set aside only once the new run has saved something, so a run that fails before that
/// changes nothing. A file in it says that it was set aside: a folder of that name without the file
/// is not touched. Files that are not part of a run stay in its folder.
extension RunFolder {
  /// Where the earlier run is kept: `<folder>.previous`, next to the folder that `path` refers to.
  public var previousPath: String { resolvedPath + ".previous" }

  /// What marks a run that was set aside, in its folder.
  static let setAsideMark = ".set-aside"

  /// Whether the folder at ``previousPath`` is a run that was set aside.
  private var hasPrevious: Bool { Folder.hasFile("\(previousPath)/\(Self.setAsideMark)") }

  /// Whether there is a finished model.
  public var isFinished: Bool { Folder.hasFile("\(finalPath)/\(CheckpointFile.trainerState)") }

  /// Whether `name` is that of a file or folder that a run writes into its folder, finished or not.
  static func isPart(_ name: String) -> Bool {
    let stem = /\.?(?:checkpoint-(?:0|[1-9][0-9]*)|final|(?:curves|report)\.[a-z]+)/
    let ending = /(?:\.[0-9]+(?:-[0-9]+)?)?\.partial|\.replaced|\.lock|/
    if ["runs", setAsideMark, ".lock"].contains(name) { return true }
    guard let match = name.prefixMatch(of: stem) else { return false }
    return name[match.range.upperBound...].wholeMatch(of: ending) != nil
  }

  /// Whether the file or folder `item` is part of the run, and so would be set aside with it.
  public func isPart(_ item: String) -> Bool {
    guard let folder = Folder.realPath(of: path), let item = Folder.realPath(of: item) else {
      return false
    }
    guard item != folder else { return true }
    guard item.hasPrefix(folder + "/") else { return false }
    let name = item.dropFirst(folder.count + 1).split(separator: "/").first ?? ""
    return Self.isPart(String(name))
  }

  /// Whether there is a finished model or a checkpoint, complete or damaged.
  public func holdsRun() throws(FileError) -> Bool {
    if isFinished { return true }
    return try !checkpointSteps(includingDamaged: true).isEmpty
  }

  /// Checks that the model in the folder, if there is one, is that of a run.
  ///
  /// - Throws: ``InputError``; ``FileError``.
  public func checkNoOtherModel() throws {
    guard Folder.exists(finalPath), try !Folder.list(finalPath).isEmpty,
      ![CheckpointFile.trainerState, CheckpointFile.resumeState].contains(where: {
        Folder.hasFile("\(finalPath)/\($0)")
      })
    else { return }
    throw InputError(
      finalPath, "this is not the model of a run, so it is not replaced; choose another --output")
  }

  /// Checks that ``replace(_:)`` can rename the folder.
  ///
  /// - Throws: ``InputError`` or ``FileError`` with the reason.
  public func checkCanBeSetAside() throws {
    if let folder = Folder.realPath(of: path), let here = Folder.realPath(of: "."),
      (here + "/").hasPrefix(folder + "/")
    {
      throw InputError(
        path,
        "the earlier run cannot be set aside, because the working directory is in it; start from "
          + "another (cd ..)")
    }
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
    if access(parent, W_OK) != 0 {
      throw FileError(
        path: previousPath, operation: .create,
        remedy: "the earlier run would be set aside there; choose another --output")
    }
    guard isMountPoint else { return }
    throw InputError(
      path,
      "the earlier run cannot be set aside as \(previousPath): it is a mount point; choose another "
        + "--output")
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
      try Self.moveParts(from: new.path, to: resolvedPath)
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
    try returnOtherFiles()
    try Folder.synchronize(Folder.parent(of: path))
  }

  /// Moves what is not part of a run from the folder that was set aside back to where it was.
  ///
  /// - Returns: Whether nothing else is left there.
  @discardableResult
  private func returnOtherFiles() throws(FileError) -> Bool {
    for name in try Folder.list(previousPath) where !Self.isPart(name) {
      try Self.move(name, from: previousPath, to: resolvedPath)
    }
    return try !Folder.list(previousPath).contains { !Self.isPart($0) }
  }

  /// Restores the run that was set aside, unless a newer one has saved something.
  public func restorePrevious() throws(FileError) {
    guard hasPrevious, try !holdsRun() else { return }
    let path = resolvedPath
    if Folder.exists(path) {
      // What is part of a run there is not ours to remove. Everything else is moved, so that the folder
      // that was set aside is whole at every moment.
      let others = try Folder.list(path)
      guard !others.contains(where: Self.isPart) else { return }
      for name in others { try Self.move(name, from: path, to: previousPath) }
      guard rmdir(path) == 0 else { return }
    }
    guard rename(previousPath, path) == 0 else { throw FileError(path: path, operation: .rename) }
    try Folder.synchronize(Folder.parent(of: path))
    try Folder.remove("\(path)/\(Self.setAsideMark)")
  }

  /// Moves the file or folder `name` from one folder to another, unless that has one of this name.
  private static func move(
    _ name: String, from folder: String, to other: String
  ) throws(FileError) {
    var status = stat()
    guard lstat("\(other)/\(name)", &status) != 0 else { return }
    guard rename("\(folder)/\(name)", "\(other)/\(name)") == 0 else {
      throw FileError(path: "\(folder)/\(name)", operation: .rename)
    }
  }

  /// Moves the parts of a run from one folder to another; the model comes last, because with it a run
  /// is finished.
  private static func moveParts(from folder: String, to other: String) throws(FileError) {
    let names = try Folder.list(folder).filter(isPart)
    for name in names.filter({ $0 != "final" }) + ["final"] {
      let source = "\(folder)/\(name)"
      guard rename(source, "\(other)/\(name)") == 0 || errno == ENOENT else {
        throw FileError(path: source, operation: .rename)
      }
    }
  }

  /// Removes the run that was set aside, if there is one.
  ///
  /// It is renamed first, so that its name never belongs to an incomplete run.
  public func removePrevious() throws(FileError) {
    let (path, removedPath) = (previousPath, removedPath)
    try Folder.remove(removedPath)
    guard hasPrevious else { return }
    // Where another file has taken the name of one that is not ours, both stay.
    guard try returnOtherFiles() else {
      for name in try Folder.list(path) where Self.isPart(name) {
        try Folder.remove("\(path)/\(name)")
      }
      return
    }
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
