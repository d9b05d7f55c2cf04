import Foundation

/// A file system in memory, which is unmounted with the object.
public final class MemoryDisk {
  /// The file system cannot be mounted.
  public struct Failure: Error, CustomStringConvertible {
    public let description: String
  }

  /// Where it is mounted.
  public let folder: TemporaryFolder

  /// Mounts one with room for `kilobytes`.
  public init(kilobytes: Int) throws {
    folder = try TemporaryFolder()
    guard mount("none", folder.path, "tmpfs", 0, "size=\(kilobytes)k") == 0 else {
      throw Failure(description: "cannot mount: \(String(cString: strerror(errno)))")
    }
  }

  deinit {
    umount2(folder.path, Int32(MNT_DETACH))
  }

  /// The path where it is mounted.
  public var path: String { folder.path }

  /// The paths of all files and folders on it, sorted.
  public func names() throws -> [String] {
    try FileManager.default.subpathsOfDirectory(atPath: path).sorted()
  }

  /// Changes how much room there is.
  public func resize(kilobytes: Int) throws {
    guard mount("none", path, "tmpfs", UInt(MS_REMOUNT), "size=\(kilobytes)k") == 0 else {
      throw Failure(description: "cannot mount: \(String(cString: strerror(errno)))")
    }
  }

  /// Whether this process may mount.
  public static let isAvailable = (try? MemoryDisk(kilobytes: 64)) != nil
}
