import Glibc

/// A file mapped into memory for reading.
///
/// Unchecked `Sendable`, because pointers are not `Sendable`: the mapping is never written to and
/// lives as long as the object, so any thread may read it.
public final class MappedFile: @unchecked Sendable {
  /// The path of the file.
  public let path: String
  /// The bytes of the file, valid as long as this object lives.
  public let bytes: UnsafeRawBufferPointer

  /// The open file, or -1.
  private let descriptor: Int32

  /// Maps the file at `path`; ``read(_:into:)`` requires that it be kept open.
  ///
  /// - Throws: ``FileError``; ``MemoryError`` if it does not fit into the address space.
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

  /// Requests pages of 2 MB for a file that is read repeatedly, so that the processor translates
  /// fewer addresses and prefetches farther.
  ///
  /// This is only advice: a failure does no harm.
  public func preferHugePages() {
    madvise(UnsafeMutableRawPointer(mutating: bytes.baseAddress), bytes.count, MADV_HUGEPAGE)
  }

  /// Releases the pages that were read, so that they do not count toward the memory of this process
  /// until they are read again.
  ///
  /// This is only advice: a failure does no harm.
  public func releasePages() {
    madvise(UnsafeMutableRawPointer(mutating: bytes.baseAddress), bytes.count, MADV_DONTNEED)
  }

  /// Copies the bytes in `range`, which is within the file, to `buffer`, which has the same size;
  /// several threads may do so at once.
  ///
  /// Unlike a copy of ``bytes``, this maps no pages, and a failing disk causes an error, not a
  /// signal.
  ///
  /// - Throws: ``FileError``; ``InputError`` if the file was truncated after it was opened.
  public func read(_ range: Range<Int>, into buffer: UnsafeMutableRawBufferPointer) throws {
    precondition(descriptor >= 0, "the file was not kept open")
    precondition(range.lowerBound >= 0 && range.upperBound <= bytes.count, "no such range")
    precondition(range.count == buffer.count, "the buffer has another size")
    let count = try readAll(into: buffer, from: descriptor, path, at: range.lowerBound)
    guard count == range.count else {
      throw InputError(
        path, .byte(range.lowerBound + count), "the file was cut off while it was being read")
    }
  }

  deinit {
    if descriptor >= 0 { close(descriptor) }
    guard let base = bytes.baseAddress else { return }
    munmap(UnsafeMutableRawPointer(mutating: base), bytes.count)
  }
}
