import Glibc

/// A file that grows piece by piece and stays when the program is stopped: a journal.
///
/// It is its owner's alone.
public final class AppendFile {
  /// The path of the file; that of its folder for a temporary one.
  public let path: String
  /// How many bytes the file has.
  public private(set) var size: Int

  private let descriptor: Int32

  /// Opens the file at `path`, or creates it, and the folders above it, where it is missing.
  ///
  /// - Throws: ``FileError``.
  public init(path: String) throws(FileError) {
    self.path = path
    try Folder.create(Folder.parent(of: path))
    let descriptor = try systemCall(.create, path) {
      open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
    }
    self.descriptor = descriptor
    size = 0
    size = try Int(systemCall(.read, path) { lseek(descriptor, 0, SEEK_END) })
  }

  /// Creates a file without a name in the folder for temporary files; it goes with this object.
  ///
  /// - Throws: ``FileError``.
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
  ///
  /// - Throws: ``FileError``.
  public func append(_ bytes: [UInt8]) throws(FileError) {
    var done = 0
    while done < bytes.count {
      done += try systemCall(.write, path) {
        bytes.withUnsafeBytes { bytes in
          Glibc.write(descriptor, bytes.baseAddress.map { $0 + done }, bytes.count - done)
        }
      }
    }
    size += bytes.count
  }

  /// Brings everything to the disk.
  ///
  /// - Throws: ``FileError``.
  public func synchronize() throws(FileError) {
    try systemCall(.synchronize, path) { fdatasync(descriptor) }
  }

  /// Cuts the file off behind its first `size` bytes.
  ///
  /// - Throws: ``FileError``.
  public func truncate(to size: Int) throws(FileError) {
    try systemCall(.write, path) { ftruncate(descriptor, off_t(size)) }
    self.size = size
  }

  /// The bytes in `range`, which lies within the file.
  ///
  /// - Throws: ``FileError``.
  public func bytes(_ range: Range<Int>) throws(FileError) -> [UInt8] {
    precondition(range.lowerBound >= 0 && range.upperBound <= size)
    var bytes = [UInt8](repeating: 0, count: range.count)
    var done = 0
    while done < range.count {
      let count = try systemCall(.read, path) {
        bytes.withUnsafeMutableBytes { bytes in
          pread(
            descriptor, bytes.baseAddress.map { $0 + done }, bytes.count - done,
            off_t(range.lowerBound + done))
        }
      }
      // Somebody cut the file off.
      guard count > 0 else { throw FileError(path: path, operation: .read, code: EIO) }
      done += count
    }
    return bytes
  }
}
