import FileSupport

/// Files that are sometimes found where weights should be: a pointer, a web page, an archive.
enum MisplacedFile {
  /// What a file with `bytes` is instead of weights, and the remedy; `nil` if it is not recognized.
  static func problem(of bytes: some Collection<UInt8>) -> String? {
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
      return "this is a tar archive, a packed download or weights that torch before 0.2 wrote; "
        + "unpack it, or save the weights with a newer torch"
    }
    return nil
  }
}
