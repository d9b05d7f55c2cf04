import Glibc

/// A file being written, which takes its name only when it is whole.
///
/// The bytes go to a file beside it, whose name ends in `.partial`. ``commit()`` brings them to the disk
/// and gives them the name in one `rename`, so that no reader ever sees half a file. A file that is not
/// committed is removed. One process at a time has it. A link stays a link, and an older file's owner,
/// group and mode are kept.
///
/// The path `-` stands for standard output, which is written as it comes; so is what is there already
/// and is no regular file, such as a pipe or a device, and what `/dev/stdout` leads to.
public final class OutputFile {
  /// The path the file will have.
  public let path: String
  /// How many bytes were written, before they were packed.
  public private(set) var byteCount = 0

  /// Where the file stands; `nil` if the bytes go where they belong at once.
  private let place: OutputPlace?
  private let isPrivate: Bool
  private var descriptor: Int32
  private var buffer: [UInt8] = []
  /// How many bytes the disk has room for already.
  private var reserved = 0
  private let packer: GzipEncoder?
  private static let bufferSize = 1 << 18

  /// Creates the file, and the folders above it where they are missing.
  ///
  /// One that `isPrivate` is its owner's alone, also where an older one is not. With `isPacked` it is
  /// packed with gzip; the same bytes give the same file.
  ///
  /// - Throws: ``OutputBusy`` if another process is writing it; ``FileError``.
  public init(path: String, isPrivate: Bool = false, isPacked: Bool = false) throws {
    self.path = path
    self.isPrivate = isPrivate
    packer = isPacked ? GzipEncoder() : nil
    if path == "-" {
      place = nil
      descriptor = STDOUT_FILENO
    } else if Self.isSpecial(path) {
      place = nil
      descriptor = -1
      descriptor = try systemCall(.open, path, mayStall: true) {
        open(path, O_WRONLY | O_APPEND | O_CLOEXEC)
      }
    } else {
      let place = try OutputPlace(path)
      self.place = place
      descriptor = -1
      if Folder.exists(place.target) {
        throw FileError(path: path, operation: .create, code: EISDIR)
      }
      let old = isPrivate ? nil : FileAttributes(of: place.target)
      descriptor = try systemCall(.create, path) {
        open(
          place.partialPath, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
          isPrivate || old != nil ? 0o600 : 0o644)
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

  /// Whether what is at `path` takes bytes as they come: it is neither a regular file nor a folder, or
  /// one that this process has open, as `/dev/stdout` may be.
  private static func isSpecial(_ path: String) -> Bool {
    var status = stat()
    guard stat(path, &status) == 0 else { return false }
    guard [S_IFREG, S_IFDIR].contains(status.st_mode & S_IFMT) else { return true }
    var item = path
    while let link = Folder.link(at: item) {
      let folder = Folder.parent(of: item)
      guard let whole = realpath(folder, nil) else { return false }
      defer { free(whole) }
      if String(cString: whole).hasPrefix("/proc/") { return true }
      item = link.hasPrefix("/") ? link : folder + "/" + link
    }
    return false
  }

  /// A folder for what is needed until the file is written; whoever asks for it removes it.
  ///
  /// It is its owner's alone.
  ///
  /// - Throws: ``FileError``.
  public func createTemporaryFolder() throws(FileError) -> String {
    if let place { return try place.createTemporaryFolder() }
    return try Folder.createTemporary()
  }

  /// Tells, before anything is written, that the file will have `size` bytes.
  ///
  /// Room for a large file is then taken on the disk at once. The file may become smaller or larger
  /// after all.
  ///
  /// - Throws: ``FileError`` if there is not enough room.
  public func expect(size: Int) throws(FileError) {
    precondition(byteCount == 0, "something was written before")
    let large = 16 << 20
    guard place != nil, packer == nil, size >= large, let fallocate = Self.fallocate else { return }
    if fallocate(descriptor, 0, 0, off_t(size)) == 0 {
      reserved = size
    } else if [ENOSPC, EDQUOT, EFBIG].contains(errno) {
      throw FileError(path: path, operation: .write)
    }
  }

  private typealias Fallocate = @convention(c) (Int32, Int32, off_t, off_t) -> Int32

  /// The C library's `fallocate`, which its headers show to GNU programs only. (`posix_fallocate`
  /// writes the whole file where the file system cannot take room.)
  private static let fallocate: Fallocate? = dlsym(nil, "fallocate").map {
    unsafeBitCast($0, to: Fallocate.self)
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
      try writeThrough(bytes)
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

  /// Replaces the bytes from `offset` on, which were written before, by `bytes`.
  ///
  /// - Throws: ``FileError``; also where the file is written as it comes and cannot go back.
  public func overwrite(at offset: Int, _ bytes: [UInt8]) throws {
    precondition(packer == nil && offset >= 0 && offset + bytes.count <= byteCount)
    try flush()
    var done = 0
    while done < bytes.count {
      done += try bytes.withUnsafeBytes { bytes in
        try systemCall(.write, path) {
          pwrite(
            descriptor, bytes.baseAddress.map { $0 + done }, bytes.count - done,
            off_t(offset + done))
        }
      }
    }
  }

  /// Brings everything to the disk, without the name as yet: of several files that belong together
  /// none need take its name before there is room for all.
  ///
  /// - Throws: ``FileError``.
  public func synchronize() throws {
    precondition(descriptor >= 0, "committed before")
    try packer?.finish { try self.append($0) }
    try flush()
    guard place != nil else { return }
    if reserved > byteCount {
      // The room that was not needed.
      try systemCall(.write, path) { ftruncate(descriptor, off_t(byteCount)) }
      reserved = 0
    }
    try systemCall(.synchronize, path) { fsync(descriptor) }
  }

  /// Brings everything to the disk and gives the file its name, and returns whether that changed
  /// anything: an older file with the same bytes stays as it is, with its times.
  ///
  /// - Throws: ``FileError``; the file then does not appear. If it is whole and cannot get its name, the
  ///   error says where it is.
  @discardableResult
  public func commit() throws -> Bool {
    try Self.commit([self])
  }

  /// Brings everything in `files` to the disk and gives the files their names; returns whether that
  /// changed anything.
  ///
  /// It is quicker than to commit one after another, as the disk has all of them to work on before
  /// any is waited for. None takes its name before all are on the disk.
  ///
  /// - Throws: ``FileError``; if it is one of writing, none of the files appears.
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

  /// Gives the file its name, unless one with the same bytes has it.
  private func takeName(in place: OutputPlace) throws -> Bool {
    // One that is to be private may not be as yet.
    let isUnchanged = !isPrivate && hasSameContents(place.partialPath, place.target)
    // Whose the older one is may have changed since this was created.
    if !isPrivate { FileAttributes(of: place.target)?.apply(to: descriptor) }
    let closing = descriptor
    descriptor = -1
    let error: FileError
    if close(closing) != 0 {
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

  /// Lets the system begin to bring to the disk what was written, and does not wait for it.
  private func beginWriting() throws {
    precondition(descriptor >= 0, "committed before")
    try flush()
    let write: UInt32 = 2
    // Where the system cannot, it is done when it is waited for.
    if place != nil { _ = Self.syncFileRange?(descriptor, 0, 0, write) }
  }

  private typealias SyncFileRange = @convention(c) (Int32, off_t, off_t, UInt32) -> Int32

  /// The C library's `sync_file_range`, which its headers show to GNU programs only.
  private static let syncFileRange: SyncFileRange? = dlsym(nil, "sync_file_range").map {
    unsafeBitCast($0, to: SyncFileRange.self)
  }

  private func flush() throws {
    try buffer.withUnsafeBytes { try writeThrough($0) }
    buffer.removeAll(keepingCapacity: true)
  }

  private func writeThrough(_ bytes: UnsafeRawBufferPointer) throws {
    var done = 0
    while done < bytes.count {
      done += try systemCall(.write, path, mayStall: place == nil) {
        Glibc.write(descriptor, bytes.baseAddress.map { $0 + done }, bytes.count - done)
      }
    }
  }
}

/// Writes `contents` to `path` whole, or leaves `path` as it was.
///
/// - Throws: ``FileError``.
public func replaceFile(at path: String, with contents: [UInt8]) throws {
  let file = try OutputFile(path: path)
  try file.write(contents)
  try file.commit()
}

/// Writes the UTF-8 of `contents` to `path` whole, or leaves `path` as it was.
///
/// - Throws: ``FileError``.
public func replaceFile(at path: String, with contents: String) throws {
  try replaceFile(at: path, with: Array(contents.utf8))
}

/// Removes the file at `path`; nothing happens if it is not there.
///
/// - Throws: ``FileError``.
public func removeFile(at path: String) throws(FileError) {
  guard unlink(path) == 0 || errno == ENOENT else {
    throw FileError(path: path, operation: .remove)
  }
}
