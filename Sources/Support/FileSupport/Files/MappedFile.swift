import Glibc

/// A file mapped into memory for reading.
///
/// The mapping is never written and lives as long as the object, so it may be read from any thread.
public final class MappedFile: @unchecked Sendable {
  /// The path of the file.
  public let path: String
  /// The bytes of the file, valid as long as this object.
  public let bytes: UnsafeRawBufferPointer

  /// The open file, or -1.
  private let descriptor: Int32

  /// Maps the file at `path`; only one that is kept open can be read by ``read(_:into:)``.
  ///
  /// - Throws: ``FileError``; ``MemoryError`` if there is no room for it.
  public init(path: String, keepingOpen keepsOpen: Bool = false) throws {
    self.path = path
    let descriptor = try systemCall(.open, path) { open(path, O_RDONLY | O_CLOEXEC) }
    self.descriptor = keepsOpen ? descriptor : -1
    var isComplete = false
    defer { if !keepsOpen || !isComplete { close(descriptor) } }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw FileError(path: path, operation: .read) }
    guard status.st_mode & S_IFMT != S_IFDIR else {
      throw FileError(path: path, operation: .read, code: EISDIR)
    }
    guard status.st_size > 0 else {
      bytes = UnsafeRawBufferPointer(start: nil, count: 0)
      isComplete = true
      return
    }
    let address = mmap(nil, Int(status.st_size), PROT_READ, MAP_PRIVATE, descriptor, 0)
    guard let address, address != MAP_FAILED else {
      if errno == ENOMEM { throw MemoryError(byteCount: Int(status.st_size), for: path) }
      throw FileError(path: path, operation: .read)
    }
    bytes = UnsafeRawBufferPointer(start: address, count: Int(status.st_size))
    isComplete = true
  }

  /// Asks for pages of 2 MB where the file is not in memory yet, for one that is read over and over:
  /// the processor looks up fewer addresses and reads ahead farther.
  ///
  /// It only helps, and failures do no harm.
  public func preferHugePages() {
    madvise(UnsafeMutableRawPointer(mutating: bytes.baseAddress), bytes.count, MADV_HUGEPAGE)
  }

  /// Copies the bytes in `range`, which is within the file, to `buffer`, which has as many; several
  /// threads may do so at a time.
  ///
  /// Unlike a copy of ``bytes`` it needs no page of the file mapped, and a disk that fails is an
  /// error instead of a signal.
  ///
  /// - Throws: ``FileError``; ``InputError`` if the file was cut off since it was opened.
  public func read(_ range: Range<Int>, into buffer: UnsafeMutableRawBufferPointer) throws {
    precondition(descriptor >= 0, "the file was not kept open")
    precondition(range.lowerBound >= 0 && range.upperBound <= bytes.count, "no such bytes")
    precondition(range.count == buffer.count, "the buffer has another size")
    var done = 0
    while done < range.count {
      let count = try systemCall(.read, path) {
        pread(
          descriptor, buffer.baseAddress.map { $0 + done }, range.count - done,
          off_t(range.lowerBound + done))
      }
      guard count > 0 else {
        throw InputError(
          path, .byte(range.lowerBound + done), "the file was cut off while it was read")
      }
      done += count
    }
  }

  deinit {
    if descriptor >= 0 { close(descriptor) }
    guard let base = bytes.baseAddress else { return }
    munmap(UnsafeMutableRawPointer(mutating: base), bytes.count)
  }
}
