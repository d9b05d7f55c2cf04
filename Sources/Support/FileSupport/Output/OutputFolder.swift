import Glibc

/// A folder being written, which gets its name, replacing an older one, only when it is complete.
///
/// Only one process at a time may write it. A folder that is not committed is removed.
public final class OutputFolder {
  /// The path the folder will have.
  public var path: String { place.path }
  /// The folder to write the files into.
  public var partialPath: String { place.partialPath }

  private let place: OutputPlace
  private var isCommitted = false

  /// Starts the folder `path`, which may be a link to one, and creates any missing folders above
  /// it.
  ///
  /// - Throws: ``OutputBusy`` if another process is writing it; ``FileError``.
  public init(path: String) throws {
    place = try OutputPlace(path)
    let target = place.target
    try Folder.restoreReplaced(target)
    try Folder.remove(target + Folder.replacedSuffix)
    let old = FileAttributes(of: target)
    guard old == nil || Folder.exists(target) else {
      throw FileError(path: path, operation: .create, code: ENOTDIR)
    }
    guard mkdir(place.partialPath, old == nil ? 0o777 : 0o700) == 0 else {
      throw FileError(path: path, operation: .create)
    }
    old?.apply(toItemAt: place.partialPath, isPartial: true)
  }

  deinit {
    if !isCommitted { try? Folder.remove(partialPath) }
  }

  /// Calls `body` while no other process may write to the folder `path`, which need not exist and
  /// whose files are written one by one.
  ///
  /// - Throws: ``OutputBusy`` if one does; ``FileError``; what `body` throws.
  public static func holding<Result>(
    _ path: String, _ body: () throws -> Result
  ) throws -> Result {
    try OutputPlace.holding(folder: path, body)
  }

  /// Gives the folder its name; returns whether that changed anything: an existing folder with the
  /// same files keeps its times.
  ///
  /// The owner, group and mode of an existing folder, and of the files in it, are kept.
  ///
  /// - Throws: ``FileError``. If the folder is complete but cannot be renamed, the error says where
  ///   it is.
  @discardableResult
  public func commit() throws -> Bool {
    let isUnchanged = hasSameContents(partialPath, place.target)
    if isUnchanged {
      try Folder.remove(partialPath)
    } else {
      try takeName()
    }
    isCommitted = true
    place.leave()
    return !isUnchanged
  }

  private func takeName() throws {
    try keepAttributes(partialPath, of: place.target)
    do {
      try Folder.move(partialPath, replacing: place.target)
    } catch {
      throw place.keep(after: error)
    }
  }

  /// Gives the item at `path`, and the items in it, the attributes of the items of the same name in
  /// `old`.
  private func keepAttributes(_ path: String, of old: String) throws {
    guard let attributes = FileAttributes(of: old) else { return }
    for name in Folder.exists(path) ? try Folder.list(path) : [] {
      try keepAttributes("\(path)/\(name)", of: "\(old)/\(name)")
    }
    attributes.apply(toItemAt: path)
  }
}
