import Glibc

/// A file mapped into memory for reading.
///
/// The mapping is never written and lives as long as the object, so it may be read from any thread.
public final class MappedFile: @unchecked Sendable {
  /// The path of the file.
  public let path: String
  /// The bytes of the file, valid as long as this object.
  public let bytes: UnsafeRawBufferPointer

  /// Maps the file at `path`.
  ///
  /// - Throws: ``FileError``.
  public init(path: String) throws(FileError) {
    self.path = path
    let descriptor = try systemCall(.open, path) { open(path, O_RDONLY | O_CLOEXEC) }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw FileError(path: path, operation: .read) }
    guard status.st_mode & S_IFMT != S_IFDIR else {
      throw FileError(path: path, operation: .read, code: EISDIR)
    }
    guard status.st_size > 0 else {
      bytes = UnsafeRawBufferPointer(start: nil, count: 0)
      return
    }
    let address = mmap(nil, Int(status.st_size), PROT_READ, MAP_PRIVATE, descriptor, 0)
    guard let address, address != MAP_FAILED else { throw FileError(path: path, operation: .read) }
    bytes = UnsafeRawBufferPointer(start: address, count: Int(status.st_size))
  }

  deinit {
    guard let base = bytes.baseAddress else { return }
    munmap(UnsafeMutableRawPointer(mutating: base), bytes.count)
  }
}
