import CSystem
import Glibc

/// Who may do what with a file or folder: its owner, group, mode and access control lists.
struct FileAttributes {
  private let owner: uid_t
  private let group: gid_t
  private let mode: mode_t
  /// The values of ``listNames``.
  private let lists: [[UInt8]?]

  private static let listNames = ["system.posix_acl_access", "system.posix_acl_default"]

  /// The attributes of the item that `path` refers to; `nil` if there is nothing.
  init?(of path: String) {
    guard let status = Folder.status(of: path) else { return nil }
    (owner, group, mode) = (status.st_uid, status.st_gid, status.st_mode & 0o7777)
    lists = Self.listNames.map { name in
      var bytes = [UInt8](repeating: 0, count: 1 << 16)
      let count = getxattr(path, name, &bytes, bytes.count)
      return count > 0 ? Array(bytes[..<count]) : nil
    }
  }

  /// Applies the attributes to an open file or folder as far as this process is permitted to, and
  /// never lets more people read or write than could before.
  ///
  /// If it `isPartial`, it stays private for now, and its owner may do anything with it.
  func apply(to descriptor: Int32, isPartial: Bool = false) {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { return }
    var mode = mode
    if status.st_uid != owner || status.st_gid != group, fchown(descriptor, owner, group) != 0 {
      mode &= ~0o4000
      if status.st_gid != group, fchown(descriptor, uid_t.max, group) != 0 {
        // Neither of the two groups may get permissions that only the other had.
        let shared = mode >> 3 & mode & 0o7
        mode = mode & 0o1700 | shared << 3 | shared
      }
    }
    for (name, list) in zip(Self.listNames, lists) {
      if let list {
        // With a list, the mode of the group limits what anyone in the list may do.
        if fsetxattr(descriptor, name, list, list.count, 0) != 0 { mode &= ~0o070 }
      } else {
        // The file may have inherited a list from its folder.
        fremovexattr(descriptor, name)
      }
    }
    fchmod(descriptor, isPartial ? mode & 0o2000 | 0o700 : mode)
  }

  /// Applies the attributes to the file or folder at `path`.
  func apply(toItemAt path: String, isPartial: Bool = false) {
    let descriptor = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC)
    guard descriptor >= 0 else { return }
    apply(to: descriptor, isPartial: isPartial)
    close(descriptor)
  }
}
