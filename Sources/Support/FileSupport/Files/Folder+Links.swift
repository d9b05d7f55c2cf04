import Glibc

extension Folder {
  /// What the link at `path` says; `nil` if there is no link.
  static func link(at path: String) -> String? {
    var bytes = [CChar](repeating: 0, count: Int(PATH_MAX))
    let count = readlink(path, &bytes, bytes.count)
    guard count > 0 else { return nil }
    return String(decoding: bytes.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  /// Whether `path` and `other` name the same file, be it by way of links.
  public static func isSameFile(_ path: String, _ other: String) -> Bool {
    var (status, otherStatus) = (stat(), stat())
    guard path != other, hasFile(path) else { return path == other }
    return stat(path, &status) == 0 && stat(other, &otherStatus) == 0
      && status.st_dev == otherStatus.st_dev && status.st_ino == otherStatus.st_ino
  }

  /// Whether the folder `path` holds the file or folder `item`, at whatever depth.
  public static func contains(_ path: String, _ item: String) -> Bool {
    guard let folder = realpath(path, nil) else { return false }
    defer { free(folder) }
    guard let item = realpath(item, nil) else { return false }
    defer { free(item) }
    return String(cString: item).hasPrefix(String(cString: folder) + "/")
  }

  /// Where `path` leads, whose last component need not be there.
  ///
  /// - Throws: ``FileError`` if links lead in a circle, or into a folder that is not there.
  public static func target(of path: String) throws(FileError) -> String {
    var target = trimmed(path)
    if [".", ".."].contains(name(of: target)), let whole = realpath(target, nil) {
      defer { free(whole) }
      target = String(cString: whole)
    }
    var count = 0
    while let link = link(at: target) {
      count += 1
      guard count <= 40 else { throw FileError(path: path, operation: .create, code: ELOOP) }
      target = trimmed(
        link.hasPrefix("/") ? link : parent(of: target) + "/" + link)
    }
    // A missing folder behind a link is more likely a disk that is not mounted than one to create.
    guard count == 0 || exists(parent(of: target)) else {
      throw FileError(
        path: path, operation: .create, code: ENOENT,
        remedy: "it is a link to \(target); create the folder of that, or mount its disk")
    }
    return target
  }
}
