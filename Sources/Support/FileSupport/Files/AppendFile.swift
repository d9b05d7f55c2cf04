import Glibc

/// A file that grows piece by piece and is kept when the program stops, such as a journal.
public final class AppendFile {
  /// The path of the file; for a temporary one, that of its folder.
  public let path: String
  /// The size of the file in bytes.
  public private(set) var size: Int

  private let descriptor: Int32

  /// Opens the file at `path`; creates it, and the folders above it, if they are missing.
  ///
  /// A new file has the permissions `mode`, less those that the process withholds (umask); by default
  /// only its owner may read it.
  public init(path: String, mode: UInt32 = 0o600) throws(FileError) {
    self.path = path
    try Folder.create(Folder.parent(of: path))
    let descriptor = try systemCall(.create, path) {
      open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, mode)
    }
    self.descriptor = descriptor
    size = 0
    size = try Int(systemCall(.read, path) { lseek(descriptor, 0, SEEK_END) })
  }

  /// Creates an unnamed file in the folder for temporary files; it disappears with this object.
  public static func temporary() throws(FileError) -> AppendFile {
    try AppendFile(in: Folder.temporary)
  }

  private init(in folder: String) throws(FileError) {
    path = folder
    var template = Array((folder + "/bugurt-gpt-XXXXXX").utf8CString)
    descriptor = try systemCall(.create, folder) { mkstemp(&template) }
    unlink(template)
    size = 0
  }

  deinit {
    close(descriptor)
  }

  /// Appends `bytes`.
  public func append(_ bytes: [UInt8]) throws(FileError) {
    try writeAll(bytes.span.bytes, to: descriptor, path)
    size += bytes.count
  }

  /// Waits until everything is on disk.
  public func synchronize() throws(FileError) {
    try systemCall(.synchronize, path) { fdatasync(descriptor) }
  }

  /// Truncates the file to its first `size` bytes.
  public func truncate(to size: Int) throws(FileError) {
    try systemCall(.write, path) { ftruncate(descriptor, off_t(size)) }
    self.size = size
  }

  /// The bytes in `range`, which is within the file.
  public func bytes(_ range: Range<Int>) throws(FileError) -> [UInt8] {
    precondition(range.lowerBound >= 0 && range.upperBound <= size)
    var bytes = [UInt8](repeating: 0, count: range.count)
    var span = bytes.mutableSpan
    let count = try span.withUnsafeMutableBytes { bytes throws(FileError) in
      try readAll(into: bytes, from: descriptor, path, at: range.lowerBound)
    }
    // Another process has truncated the file.
    guard count == range.count else { throw FileError(path: path, operation: .read, code: EIO) }
    return bytes
  }
}
