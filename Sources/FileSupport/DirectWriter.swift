import Glibc
import Synchronization

/// Writes a large file past the system's page cache, in blocks of which several are on their way to
/// the disk while the next is filled.
///
/// Through the cache a page of memory must be found for each page of the file; on a virtual machine
/// whose host takes free memory back, that alone can take several times as long as the disk. The
/// only memory used here is that of the blocks.
final class DirectWriter {
  /// Smaller files gain nothing.
  static let minimumSize = blockSize * blockCount

  private static let blockSize = 4 << 20
  private static let blockCount = 4
  /// What disks ask of addresses, offsets and counts; those that ask for more get ordinary writes.
  private static let alignment = 4096

  private let file: File
  private let memory: UnsafeMutableRawBufferPointer
  /// The thread that writes each block, while there is one.
  private var writers: [HelperThread?] = Array(repeating: nil, count: blockCount)
  private var block = 0
  /// How many bytes of the block are filled, and where in the file it begins.
  private var filled = 0
  private var position = 0

  /// Prepares to write `size` bytes to the empty file `descriptor`, for which room is taken on the
  /// disk at once; `nil` where the file system knows no way past the cache.
  ///
  /// - Throws: ``FileError`` if there is not enough room.
  init?(_ descriptor: Int32, path: String, size: Int) throws(FileError) {
    file = File(descriptor: descriptor, path: path)
    guard file.setDirect(true) else { return nil }
    // Writes into room that is there need not wait for each other.
    if let fallocate = Self.fallocate, fallocate(descriptor, 0, 0, off_t(size)) < 0,
      [ENOSPC, EDQUOT, EFBIG].contains(errno)
    {
      throw FileError(path: path, operation: .write)
    }
    memory = .allocate(byteCount: Self.blockSize * Self.blockCount, alignment: Self.alignment)
  }

  deinit {
    wait()
    memory.deallocate()
  }

  /// Appends `bytes`.
  ///
  /// - Throws: ``FileError``, also of a write begun by an earlier call.
  func write(_ bytes: UnsafeRawBufferPointer) throws(FileError) {
    var rest = bytes[...]
    while !rest.isEmpty {
      let part = rest.prefix(Self.blockSize - filled)
      UnsafeMutableRawBufferPointer(rebasing: currentBlock[filled...])
        .copyMemory(from: UnsafeRawBufferPointer(rebasing: part))
      filled += part.count
      rest = rest.dropFirst(part.count)
      if filled == Self.blockSize { try submit() }
    }
  }

  /// Writes what is left; the file has the bytes written, is ordinary again, and goes on at its end.
  ///
  /// - Throws: ``FileError``.
  func finish() throws(FileError) {
    let size = position + filled
    if filled > 0 {
      let padded = (filled + Self.alignment - 1) / Self.alignment * Self.alignment
      UnsafeMutableRawBufferPointer(rebasing: currentBlock[filled..<padded])
        .initializeMemory(as: UInt8.self, repeating: 0)
      filled = padded
      try submit()
    }
    wait()
    try file.check()
    _ = file.setDirect(false)
    let (descriptor, path) = (file.descriptor, file.path)
    try systemCall(.write, path) { ftruncate(descriptor, off_t(size)) }
    try systemCall(.write, path) { lseek(descriptor, off_t(size), SEEK_SET) }
  }

  private var currentBlock: UnsafeMutableRawBufferPointer {
    UnsafeMutableRawBufferPointer(
      rebasing: memory[block * Self.blockSize..<(block + 1) * Self.blockSize])
  }

  /// Sends the block off and waits for the next to be free.
  private func submit() throws(FileError) {
    // Not touched again before its writer has been waited for.
    nonisolated(unsafe) let bytes = UnsafeRawBufferPointer(rebasing: currentBlock[..<filled])
    let (file, position) = (file, position)
    writers[block] = HelperThread.start { file.write(bytes, at: position) }
    if writers[block] == nil { file.write(bytes, at: position) }
    self.position += filled
    filled = 0
    block = (block + 1) % Self.blockCount
    wait(for: block)
    try file.check()
  }

  private func wait() {
    for block in writers.indices { wait(for: block) }
  }

  private func wait(for block: Int) {
    writers[block]?.join()
    writers[block] = nil
  }

  private typealias Fallocate = @convention(c) (Int32, Int32, off_t, off_t) -> Int32

  /// The C library's `fallocate`, which its headers show to GNU programs only. (`posix_fallocate`
  /// writes the whole file where the file system cannot take room.)
  private static let fallocate: Fallocate? = dlsym(nil, "fallocate").map {
    unsafeBitCast($0, to: Fallocate.self)
  }
}

/// The file that several threads write to, and the first error of any of them.
private final class File: Sendable {
  let descriptor: Int32
  let path: String
  private let failure = Mutex<FileError?>(nil)

  init(descriptor: Int32, path: String) {
    self.descriptor = descriptor
    self.path = path
  }

  /// Writes all of `bytes` at `position`, unless a write before it failed.
  func write(_ bytes: UnsafeRawBufferPointer, at position: Int) {
    var done = 0
    while done < bytes.count, failure.withLock({ $0 == nil }) {
      let mayBeRefused = isDirect
      do {
        done += try systemCall(.write, path) {
          pwrite(
            descriptor, bytes.baseAddress.map { $0 + done }, bytes.count - done,
            off_t(position + done))
        }
      } catch {
        // A disk with larger blocks, or the rest of a write cut short within one.
        if error.code == EINVAL, mayBeRefused, setDirect(false) { continue }
        failure.withLock { $0 = $0 ?? error }
      }
    }
  }

  /// - Throws: the first error of a write.
  func check() throws(FileError) {
    if let error = failure.withLock({ $0 }) { throw error }
  }

  private var isDirect: Bool { fcntl(descriptor, F_GETFL) & __O_DIRECT != 0 }

  /// Lets writes go past the cache, or not; `false` where the file system refuses.
  func setDirect(_ isDirect: Bool) -> Bool {
    let flags = fcntl(descriptor, F_GETFL)
    guard flags >= 0 else { return false }
    return fcntl(descriptor, F_SETFL, isDirect ? flags | __O_DIRECT : flags & ~__O_DIRECT) == 0
  }
}
