import FileSupport

/// What lies in the place of weights now and then: a pointer, a web page, an archive.
enum ForeignFile {
  /// What is wrong with a file of weights whose bytes are `bytes`, and the remedy; `nil` if it is
  /// none of the files that are known here.
  static func problem(of bytes: UnsafeRawBufferPointer) -> String? {
    if ForeignContent.isGitLFSPointer(bytes) {
      return "this is a git-lfs pointer, not the weights; fetch them with 'git lfs pull', "
        + "or download the file itself"
    }
    if ForeignContent.isWebPage(bytes.prefix(512)) {
      return "this is a web page, not the weights; download the file itself"
    }
    if bytes.starts(with: [0x1F, 0x8B]) {
      return "this is packed with gzip; unpack it first"
    }
    if ForeignContent.isTarArchive(bytes) {
      return "this is a tar archive, as torch before 0.2 wrote or as a download is packed; "
        + "unpack it, or save the weights with a newer torch"
    }
    return nil
  }
}
