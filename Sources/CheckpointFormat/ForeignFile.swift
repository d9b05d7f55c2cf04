import FileSupport

/// What lies in the place of weights now and then: a pointer, a web page, an archive.
enum ForeignFile {
  /// What is wrong with a file of weights whose bytes are `bytes`, and the remedy; `nil` if it is
  /// none of the files that are known here.
  static func problem(of bytes: UnsafeRawBufferPointer) -> String? {
    let beginning = bytes.prefix(512)
    if beginning.starts(with: "version https://git-lfs".utf8) {
      return "this is a git-lfs pointer, not the weights; fetch them with 'git lfs pull', "
        + "or download the file itself"
    }
    let text = beginning.drop { $0 <= 0x20 }.prefix(14)
    let lowercased = text.map { $0 | (65...90 ~= $0 ? 0x20 : 0) }
    if lowercased.starts(with: "<!doctype html".utf8) || lowercased.starts(with: "<html".utf8) {
      return "this is a web page, not the weights; download the file itself"
    }
    if beginning.starts(with: [0x1F, 0x8B]) {
      return "this is packed with gzip; unpack it first"
    }
    if beginning.count > 262, beginning[257..<262].elementsEqual("ustar".utf8) {
      return "this is a tar archive, as torch before 0.2 wrote or as a download is packed; "
        + "unpack it, or save the weights with a newer torch"
    }
    return nil
  }
}
