import Glibc

/// Whether the items at `path` and `other` are the same: regular files with the same bytes, or
/// folders with the same items under the same names.
func hasSameContents(_ path: String, _ other: String) -> Bool {
  let paths: [String] = [path, other]
  let descriptors = paths.map { open($0, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC) }
  defer { for descriptor in descriptors where descriptor >= 0 { close(descriptor) } }
  var (status, otherStatus) = (stat(), stat())
  guard fstat(descriptors[0], &status) == 0, fstat(descriptors[1], &otherStatus) == 0 else {
    return false
  }
  switch (status.st_mode & S_IFMT, otherStatus.st_mode & S_IFMT) {
  case (S_IFREG, S_IFREG):
    return status.st_size == otherStatus.st_size
      && hasSameBytes(descriptors[0], descriptors[1], size: Int(status.st_size))
  case (S_IFDIR, S_IFDIR):
    guard let names = try? Folder.list(path), let others = try? Folder.list(other) else {
      return false
    }
    return names == others
      && names.allSatisfy { hasSameContents("\(path)/\($0)", "\(other)/\($0)") }
  default: return false
  }
}

/// Whether the first `size` bytes of two open files are the same.
private func hasSameBytes(_ descriptor: Int32, _ other: Int32, size: Int) -> Bool {
  let half = 1 << 20
  let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: 2 * half, alignment: 4096)
  defer { bytes.deallocate() }
  for offset in stride(from: 0, to: size, by: half) {
    let count = min(half, size - offset)
    let first = UnsafeMutableRawBufferPointer(rebasing: bytes[..<count])
    let second = UnsafeMutableRawBufferPointer(rebasing: bytes[half..<half + count])
    guard (try? readAll(into: first, from: descriptor, "", at: offset)) == count,
      (try? readAll(into: second, from: other, "", at: offset)) == count,
      let base = first.baseAddress, memcmp(base, base + half, count) == 0
    else { return false }
  }
  return true
}
