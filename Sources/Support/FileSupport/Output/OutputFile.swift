import CSystem
import Glibc

/// A file being written, which gets its name only when it is complete.
///
/// The bytes go to a file next to it whose name ends in `.partial`. ``commit()`` writes them to
/// disk and moves them into place with one `rename`, so that no reader ever sees an incomplete
/// file. A file that is not committed is removed. Only one process at a time may write it. Links
/// are followed, and the owner, group and mode of a replaced file are kept.
///
/// The path `-` stands for standard output, which receives the bytes directly; so does an existing
/// pipe or device, and whatever `/dev/stdout` refers to.
public final class OutputFile {
  /// The path the file will have.
  public let path: String
  /// How many bytes have been written, before compression.
  public private(set) var byteCount = 0

  /// Where the file will be; `nil` if the bytes are written there directly.
  private let place: OutputPlace?
  private let isPrivate: Bool
  private var descriptor: Int32
  private var buffer: [UInt8] = []
  /// How many bytes of disk space are reserved.
  private var reserved = 0
  private let packer: GzipEncoder?
  private static let bufferSize = 1 << 18

  /// Creates the file and any missing folders above it.
  ///
  /// If it `isPrivate`, only its owner may read it, even if it replaces a file that others may
  /// read. If it `isPacked`, it is compressed with gzip; the same bytes give the same file.
  ///
  /// - Throws: ``OutputBusy`` if another process is writing it; ``FileError``.
  public init(path: String, isPrivate: Bool = false, isPacked: Bool = false) throws {
    self.path = path
    self.isPrivate = isPrivate
    packer = isPacked ? GzipEncoder() : nil
    if path == "-" {
      place = nil
      descriptor = STDOUT_FILENO
    } else if Self.isDirect(path) {
      place = nil
      descriptor = -1
      descriptor = try systemCall(.open, path, mayStall: true) {
        open(path, O_WRONLY | O_APPEND | O_CLOEXEC)
      }
    } else {
      let place = try OutputPlace(path)
      self.place = place
      descriptor = -1
      if path.hasSuffix("/") || Folder.exists(place.target) {
        throw FileError(path: path, operation: .create, code: EISDIR)
      }
      let old = isPrivate ? nil : FileAttributes(of: place.target)
      descriptor = try systemCall(.create, path) {
        open(
          place.partialPath, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
          isPrivate || old != nil ? 0o600 : 0o666)
      }
      old?.apply(to: descriptor)
    }
    buffer.reserveCapacity(Self.bufferSize)
  }

  deinit {
    guard descriptor >= 0, descriptor != STDOUT_FILENO else { return }
    close(descriptor)
    if let place { unlink(place.partialPath) }
  }

  /// Whether bytes are written to `path` directly: it is standard output, neither a regular file nor
  /// a folder, or a file that this process has open, as `/dev/stdout` may be.
  public static func isDirect(_ path: String) -> Bool {
    if path == "-" { return true }
    guard let status = Folder.status(of: path) else { return false }
    guard [S_IFREG, S_IFDIR].contains(status.st_mode & S_IFMT) else { return true }
    var item = path
    while let link = Folder.link(at: item) {
      let folder = Folder.parent(of: item)
      guard let whole = Folder.realPath(of: folder) else { return false }
      if whole.hasPrefix("/proc/") { return true }
      item = link.hasPrefix("/") ? link : folder + "/" + link
    }
    return false
  }

  /// Creates a private folder for temporary files needed during writing; the caller removes it.
  public func createTemporaryFolder() throws(FileError) -> String {
    if let place { return try place.createTemporaryFolder() }
    return try Folder.createTemporary()
  }

  /// Announces, before anything is written, that the file will have `size` bytes.
  ///
  /// Disk space for a large file is then reserved at once. The file may still turn out smaller or
  /// larger.
  ///
  /// - Throws: ``FileError`` if there is not enough space.
  public func expect(size: Int) throws(FileError) {
    precondition(byteCount == 0, "bytes have already been written")
    let large = 16 << 20
    guard place != nil, packer == nil, size >= large else { return }
    if csystem_reserve(descriptor, Int64(size)) == 0 {
      reserved = size
    } else if [ENOSPC, EDQUOT, EFBIG].contains(errno) {
      throw FileError(path: path, operation: .write)
    }
  }

  /// Appends `bytes`.
  ///
  /// - Throws: ``FileError``.
  public func write(_ bytes: UnsafeRawBufferPointer) throws {
    byteCount += bytes.count
    if let packer { return try packer.pack(bytes) { try self.append($0) } }
    try append(bytes)
  }

  private func append(_ bytes: UnsafeRawBufferPointer) throws {
    if buffer.count + bytes.count > Self.bufferSize { try flush() }
    if bytes.count >= Self.bufferSize {
      try writeThrough(bytes.bytes)
    } else {
      buffer.append(contentsOf: bytes)
    }
  }

  /// Appends `bytes`.
  ///
  /// - Throws: ``FileError``.
  public func write(_ bytes: [UInt8]) throws {
    try bytes.withUnsafeBytes { try write($0) }
  }

  /// Appends the UTF-8 of `text`.
  ///
  /// - Throws: ``FileError``.
  public func write(_ text: String) throws {
    try write(Array(text.utf8))
  }

  /// Replaces the bytes from `offset` on, which have been written, with `bytes`.
  ///
  /// - Throws: ``FileError``, also if the output is a pipe, which cannot go back.
  public func overwrite(at offset: Int, _ bytes: [UInt8]) throws {
    precondition(packer == nil && offset >= 0 && offset + bytes.count <= byteCount)
    try flush()
    try writeAll(bytes.span.bytes, to: descriptor, path, at: offset)
  }

  /// Writes everything to disk without giving the file its name, so that none of several files that
  /// belong together appears before there is space for all.
  ///
  /// - Throws: ``FileError``.
  public func synchronize() throws {
    precondition(descriptor >= 0, "already committed")
    try packer?.finish { try self.append($0) }
    try flush()
    guard place != nil else { return }
    if reserved > byteCount {
      // Release the space that was not needed.
      try systemCall(.write, path) { ftruncate(descriptor, off_t(byteCount)) }
      reserved = 0
    }
    try systemCall(.synchronize, path) { fsync(descriptor) }
  }

  /// Writes everything to disk, gives the file its name, and returns whether that changed anything:
  /// an existing file with the same bytes keeps its times.
  ///
  /// - Throws: ``FileError``; the file then does not appear. If it is complete but cannot be
  ///   renamed, the error says where it is.
  @discardableResult
  public func commit() throws -> Bool {
    try Self.commit([self])
  }

  /// Writes all `files` to disk and gives them their names; returns whether that changed anything.
  ///
  /// This is faster than committing one after the other, because the disk works on all of them
  /// before any is waited for. None gets its name before all are on disk.
  ///
  /// - Throws: ``FileError``; if writing failed, none of the files appears.
  @discardableResult
  public static func commit(_ files: [OutputFile]) throws -> Bool {
    for file in files { try file.beginWriting() }
    for file in files { try file.synchronize() }
    var folders: Set<String> = []
    for file in files {
      guard let place = file.place, try file.takeName(in: place) else { continue }
      folders.insert(Folder.parent(of: place.target))
    }
    for folder in folders { try Folder.synchronize(folder) }
    for file in files { file.place?.leave() }
    return !folders.isEmpty || files.contains { $0.place == nil }
  }

  /// Gives the file its name unless a file with the same bytes already has it.
  private func takeName(in place: OutputPlace) throws -> Bool {
    // An existing file may be less private than this one is to be.
    let isUnchanged = !isPrivate && hasSameContents(place.partialPath, place.target)
    // The owner of the existing file may have changed since this one was created.
    if !isPrivate { FileAttributes(of: place.target)?.apply(to: descriptor) }
    let closing = descriptor
    descriptor = -1
    let error: FileError
    // An interrupted call has closed the file all the same.
    if close(closing) != 0, errno != EINTR {
      error = FileError(path: path, operation: .write)
    } else if isUnchanged {
      unlink(place.partialPath)
      return false
    } else if rename(place.partialPath, place.target) == 0 {
      return true
    } else {
      error = place.keep(after: FileError(path: path, operation: .rename))
    }
    unlink(place.partialPath)
    throw error
  }

  /// Lets the system start writing to disk, without waiting for it.
  private func beginWriting() throws {
    precondition(descriptor >= 0, "already committed")
    try flush()
    // If the system cannot, everything is written when it is waited for.
    if place != nil { _ = csystem_start_writing(descriptor) }
  }

  private func flush() throws {
    try buffer.withUnsafeBytes { try writeThrough($0.bytes) }
    buffer.removeAll(keepingCapacity: true)
  }

  private func writeThrough(_ bytes: RawSpan) throws(FileError) {
    try writeAll(bytes, to: descriptor, path, mayStall: place == nil)
  }
}

/// Writes all of `contents` to `path`, or leaves `path` unchanged.
///
/// - Throws: ``FileError``.
public func replaceFile(at path: String, with contents: [UInt8]) throws {
  let file = try OutputFile(path: path)
  try file.write(contents)
  try file.commit()
}

/// Writes the UTF-8 of `contents` to `path`, or leaves `path` unchanged.
///
/// - Throws: ``FileError``.
public func replaceFile(at path: String, with contents: String) throws {
  try replaceFile(at: path, with: Array(contents.utf8))
}

/// Removes the file at `path`; does nothing if it is missing.
public func removeFile(at path: String) throws(FileError) {
  guard unlink(path) == 0 || errno == ENOENT else {
    throw FileError(path: path, operation: .remove)
  }
}
