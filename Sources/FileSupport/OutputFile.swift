import Glibc

/// A file being written, which takes its name only when it is whole.
///
/// The bytes go to `path.partial`. ``commit()`` brings them to the disk and gives them the name in
/// one `rename`, so that no reader ever sees half a file. A file that is not committed is removed.
/// The path `-` stands for standard output, which is written as it comes; so is what is there already
/// and is no regular file, such as a pipe or a device.
public final class OutputFile {
  /// The path the file will have.
  public let path: String
  /// How many bytes were written, before they were packed.
  public private(set) var byteCount = 0

  private let partialPath: String
  /// Whether the bytes go where they belong at once, as there is nothing to take a name.
  private let isWrittenInPlace: Bool
  private var descriptor: Int32
  private var buffer: [UInt8] = []
  /// Writes the file instead of `buffer`, if it is a large one.
  private var direct: DirectWriter?
  private let packer: GzipEncoder?
  private static let bufferSize = 1 << 18

  /// Creates the file, and the folders above it where they are missing.
  ///
  /// With `isPacked` it is packed with gzip; the same bytes give the same file.
  ///
  /// - Throws: ``FileError``.
  public init(
    path: String, permissions: mode_t = 0o644, isPacked: Bool = false
  ) throws(FileError) {
    self.path = path
    packer = isPacked ? GzipEncoder() : nil
    partialPath = path + ".partial"
    isWrittenInPlace = path == "-" || Self.isSpecial(path)
    if path == "-" {
      descriptor = STDOUT_FILENO
    } else if isWrittenInPlace {
      descriptor = -1
      descriptor = try systemCall(.open, path, mayStall: true) { open(path, O_WRONLY | O_CLOEXEC) }
    } else {
      try Folder.create(Folder.parent(of: path))
      let partialPath = partialPath
      descriptor = -1
      descriptor = try systemCall(.create, path) {
        open(partialPath, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, permissions)
      }
    }
    buffer.reserveCapacity(Self.bufferSize)
  }

  deinit {
    // Its threads may not find the descriptor closed, or another file's.
    direct = nil
    guard descriptor >= 0, descriptor != STDOUT_FILENO else { return }
    close(descriptor)
    if !isWrittenInPlace { unlink(partialPath) }
  }

  /// Whether there is something at `path` that is neither a regular file nor a folder.
  private static func isSpecial(_ path: String) -> Bool {
    var status = stat()
    guard stat(path, &status) == 0 else { return false }
    return ![S_IFREG, S_IFDIR].contains(status.st_mode & S_IFMT)
  }

  /// Tells, before anything is written, that the file will have `size` bytes.
  ///
  /// Room for a large file is then taken on the disk at once, and it is written past the system's
  /// page cache where the file system can do that. The file may become smaller or larger after all.
  ///
  /// - Throws: ``FileError`` if there is not enough room.
  public func expect(size: Int) throws(FileError) {
    precondition(byteCount == 0 && direct == nil, "something was written before")
    guard !isWrittenInPlace, packer == nil, size >= DirectWriter.minimumSize else {
      return
    }
    direct = try DirectWriter(descriptor, path: path, size: size)
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
    if let direct { return try direct.write(bytes) }
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
    guard !isWrittenInPlace else { return }
    try systemCall(.synchronize, path) { fsync(descriptor) }
  }

  /// Brings everything to the disk and gives the file its name.
  ///
  /// - Throws: ``FileError``; the file then does not appear.
  public func commit() throws {
    try Self.commit([self])
  }

  /// Brings everything in `files` to the disk and gives the files their names.
  ///
  /// It is quicker than to commit one after another, as the disk has all of them to work on before
  /// any is waited for. None takes its name before all are on the disk.
  ///
  /// - Throws: ``FileError``; if it is one of writing, none of the files appears.
  public static func commit(_ files: [OutputFile]) throws {
    for file in files { try file.beginWriting() }
    for file in files { try file.synchronize() }
    var folders: Set<String> = []
    for file in files where !file.isWrittenInPlace {
      try file.takeName()
      folders.insert(Folder.parent(of: file.path))
    }
    for folder in folders { try Folder.synchronize(folder) }
  }

  private func takeName() throws {
    let closing = descriptor
    descriptor = -1
    guard close(closing) == 0 else {
      let error = FileError(path: path, operation: .write)
      unlink(partialPath)
      throw error
    }
    guard rename(partialPath, path) == 0 else {
      let error = FileError(path: path, operation: .rename)
      unlink(partialPath)
      throw error
    }
  }

  /// Lets the system begin to bring to the disk what was written, and does not wait for it.
  private func beginWriting() throws {
    precondition(descriptor >= 0, "committed before")
    try flush()
    let write: UInt32 = 2
    // Where the system cannot, it is done when it is waited for.
    if !isWrittenInPlace { _ = Self.syncFileRange?(descriptor, 0, 0, write) }
  }

  private typealias SyncFileRange = @convention(c) (Int32, off_t, off_t, UInt32) -> Int32

  /// The C library's `sync_file_range`, which its headers show to GNU programs only.
  private static let syncFileRange: SyncFileRange? = dlsym(nil, "sync_file_range").map {
    unsafeBitCast($0, to: SyncFileRange.self)
  }

  private func flush() throws {
    try direct?.finish()
    direct = nil
    try buffer.withUnsafeBytes { try writeThrough($0) }
    buffer.removeAll(keepingCapacity: true)
  }

  private func writeThrough(_ bytes: UnsafeRawBufferPointer) throws {
    var done = 0
    while done < bytes.count {
      done += try systemCall(.write, path, mayStall: isWrittenInPlace) {
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
