import Glibc

/// Who may do what with a file or folder: its owner, group, mode and access lists.
struct FileAttributes {
  private let owner: uid_t
  private let group: gid_t
  private let mode: mode_t
  /// The values of ``listNames``.
  private let lists: [[UInt8]?]

  private static let listNames = ["system.posix_acl_access", "system.posix_acl_default"]

  /// Those of what `path` leads to; `nil` if there is nothing.
  init?(of path: String) {
    var status = stat()
    guard stat(path, &status) == 0 else { return nil }
    (owner, group, mode) = (status.st_uid, status.st_gid, status.st_mode & 0o7777)
    lists = Self.listNames.map { Self.attribute($0, of: path) }
  }

  /// Gives them to the open file or folder as far as this process may, and in no case lets more
  /// people read or write than could before.
  ///
  /// With `isPartial` it stays its owner's alone for now, who may do anything with it.
  func apply(to descriptor: Int32, isPartial: Bool = false) {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { return }
    var mode = mode
    if status.st_uid != owner || status.st_gid != group, fchown(descriptor, owner, group) != 0 {
      mode &= ~0o4000
      if status.st_gid != group, fchown(descriptor, uid_t.max, group) != 0 {
        // Of two groups neither may get what only the other had.
        let shared = mode >> 3 & mode & 0o7
        mode = mode & 0o1700 | shared << 3 | shared
      }
    }
    for (name, list) in zip(Self.listNames, lists) {
      guard let list else {
        // It may have one from the folder that it is in.
        _ = Self.removeAttribute?(descriptor, name)
        continue
      }
      // With a list the mode of the group is the most that anybody in the list may do.
      if Self.setAttribute?(descriptor, name, list, list.count, 0) != 0 { mode &= ~0o070 }
    }
    fchmod(descriptor, isPartial ? mode & 0o2000 | 0o700 : mode)
  }

  /// Gives them to the file or folder at `path`.
  func apply(toItemAt path: String, isPartial: Bool = false) {
    let descriptor = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC)
    guard descriptor >= 0 else { return }
    apply(to: descriptor, isPartial: isPartial)
    close(descriptor)
  }

  // MARK: - Extended attributes, which the headers that Swift sees leave out

  private typealias Get =
    @convention(c) (
      UnsafePointer<CChar>, UnsafePointer<CChar>, UnsafeMutableRawPointer?, Int
    ) -> Int
  private typealias Set =
    @convention(c) (
      Int32, UnsafePointer<CChar>, UnsafeRawPointer, Int, Int32
    ) -> Int32
  private typealias Remove = @convention(c) (Int32, UnsafePointer<CChar>) -> Int32

  private static let getAttribute = dlsym(nil, "getxattr").map {
    unsafeBitCast($0, to: Get.self)
  }
  private static let setAttribute = dlsym(nil, "fsetxattr").map {
    unsafeBitCast($0, to: Set.self)
  }
  private static let removeAttribute = dlsym(nil, "fremovexattr").map {
    unsafeBitCast($0, to: Remove.self)
  }

  private static func attribute(_ name: String, of path: String) -> [UInt8]? {
    var bytes = [UInt8](repeating: 0, count: 1 << 16)
    guard let count = getAttribute?(path, name, &bytes, bytes.count), count > 0 else { return nil }
    return Array(bytes[..<count])
  }
}
