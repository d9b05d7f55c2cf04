import Glibc

extension Folder {
  /// The status of the item that `path` refers to; `nil` if there is nothing.
  static func status(of path: String) -> stat? {
    var status = stat()
    return stat(path, &status) == 0 ? status : nil
  }

  /// The absolute path of the item that `path` refers to, without links; `nil` if there is nothing.
  public static func realPath(of path: String) -> String? {
    guard let whole = realpath(path, nil) else { return nil }
    defer { free(whole) }
    return String(cString: whole)
  }

  /// The target of the link at `path`; `nil` if it is not a link.
  static func link(at path: String) -> String? {
    var bytes = [CChar](repeating: 0, count: Int(PATH_MAX))
    let count = readlink(path, &bytes, bytes.count)
    guard count > 0 else { return nil }
    return String(decoding: bytes.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  /// Whether `path` and `other` name the same file, directly or through links.
  public static func isSameFile(_ path: String, _ other: String) -> Bool {
    guard path != other, hasFile(path) else { return path == other }
    guard let status = status(of: path), let other = Self.status(of: other) else { return false }
    return status.isSameFile(as: other)
  }

  /// Whether the folder `path` contains the file or folder `item` at any depth.
  public static func contains(_ path: String, _ item: String) -> Bool {
    guard let folder = realPath(of: path), let item = realPath(of: item) else { return false }
    return item.hasPrefix(folder + "/")
  }

  /// The path that `path` refers to after following links; its last component need not exist.
  ///
  /// - Throws: ``FileError`` if links form a loop or lead into a missing folder.
  public static func target(of path: String) throws(FileError) -> String {
    var target = trimmed(path)
    if [".", ".."].contains(name(of: target)) { target = realPath(of: target) ?? target }
    var count = 0
    while let link = link(at: target) {
      count += 1
      guard count <= 40 else { throw FileError(path: path, operation: .create, code: ELOOP) }
      target = trimmed(link.hasPrefix("/") ? link : parent(of: target) + "/" + link)
    }
    // If a link leads into a missing folder, a disk is probably not mounted.
    guard count == 0 || exists(parent(of: target)) else {
      throw FileError(
        path: path, operation: .create, code: ENOENT,
        remedy: "it is a link to \(target); create the folder that is to hold it, or mount its disk"
      )
    }
    return target
  }
}

extension stat {
  /// Whether this and `other` are the status of the same file.
  func isSameFile(as other: stat) -> Bool { st_dev == other.st_dev && st_ino == other.st_ino }
}
