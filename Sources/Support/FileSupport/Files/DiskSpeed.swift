import CSystem
import Glibc

/// How fast a disk takes what is written to it.
public enum DiskSpeed {
  private static let block = 8 << 20
  private static let limit = (bytes: 256 << 20, seconds: 2.0)

  /// The bytes that reach the disk of the folder `path`, or the nearest one above it that exists, in a
  /// second, if up to `bytes` are written; `nil` if the file system has no unnamed files.
  ///
  /// They are written into a file without a name, which leaves nothing behind.
  public static func measure(at path: String, bytes: Int) -> Double? {
    guard Folder.exists(path) else {
      let above = Folder.parent(of: path)
      return above == path ? nil : measure(at: above, bytes: bytes)
    }
    let file = csystem_open_unnamed(path)
    guard file >= 0 else { return nil }
    defer { close(file) }
    // Numbers that cannot be compressed.
    var generator = SystemRandomNumberGenerator()
    let words = (0..<block / 8).map { _ in generator.next() }
    let start = ContinuousClock.now
    func elapsed() -> Double { (ContinuousClock.now - start) / .seconds(1) }
    var written = 0
    while written < min(bytes, limit.bytes), elapsed() < limit.seconds {
      let count = words.withUnsafeBytes {
        write(file, $0.baseAddress, min($0.count, bytes - written))
      }
      guard count > 0 else { return nil }
      written += count
    }
    guard written > 0, fsync(file) == 0 else { return nil }
    return Double(written) / max(elapsed(), 1e-9)
  }
}
