import Glibc
import Synchronization

/// The signal that asks the process to end, such as SIGINT; 0 until one has arrived.
package let stopSignal = Atomic<Int32>(0)

/// Repeats `body` for as long as a signal interrupts it, and returns its result.
///
/// If it `mayStall`, as when it reads from a pipe, a ``stopSignal`` ends the wait, and the error's code
/// is `EINTR`.
///
/// - Throws: ``FileError`` with `operation` if `body` returns a negative number.
@discardableResult
func systemCall<Result: SignedInteger>(
  _ operation: FileError.Operation, _ path: String, mayStall: Bool = false, _ body: () -> Result
) throws(FileError) -> Result {
  while true {
    let result = body()
    if result >= 0 { return result }
    let isStopped = mayStall && stopSignal.load(ordering: .relaxed) != 0
    if errno != EINTR || isStopped { throw FileError(path: path, operation: operation) }
  }
}

/// Writes all of `bytes` to the open file: at `offset`, or at the current position without one.
func writeAll(
  _ bytes: RawSpan, to descriptor: Int32, _ path: String, at offset: Int? = nil,
  mayStall: Bool = false
) throws(FileError) {
  var done = 0
  while done < bytes.byteCount {
    done += try systemCall(.write, path, mayStall: mayStall) {
      bytes.extracting(droppingFirst: done).withUnsafeBytes { rest in
        guard let offset else { return write(descriptor, rest.baseAddress, rest.count) }
        return pwrite(descriptor, rest.baseAddress, rest.count, off_t(offset + done))
      }
    }
  }
}

/// Fills `buffer` with the bytes of the open file from `offset` on, and returns how many were read:
/// fewer than requested only at the end of the file.
func readAll(
  into buffer: UnsafeMutableRawBufferPointer, from descriptor: Int32, _ path: String,
  at offset: Int
) throws(FileError) -> Int {
  var done = 0
  while done < buffer.count {
    let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[done...])
    let count = try systemCall(.read, path) {
      pread(descriptor, rest.baseAddress, rest.count, off_t(offset + done))
    }
    if count == 0 { break }
    done += count
  }
  return done
}
