import FileSupport
import HTTPSupport
import TextSupport

/// Fetches the content of a file into the cache, and checks it.
///
/// Its beginning is kept whenever the download stops, in `<hash>.incomplete`, which has a true prefix
/// of the content at every moment; huggingface_hub also resumes it.
final class BlobDownload {
  private let file: HubFile
  private let path: String
  private let part: AppendFile
  private let hash: ContentHash.Computation
  /// Whether the beginning was fetched by another process.
  private var isResumed: Bool
  private let received: (Int) throws -> Void

  /// Opens the part of `file` whose blob belongs at `path`.
  ///
  /// Only the process that has the blob's lock may do so.
  ///
  /// `received` is called with the size of the part as it changes.
  ///
  /// - Throws: `FileError`; `MemoryError`; `SharedLibrary.LoadError`; what `received` throws.
  init(_ file: HubFile, to path: String, received: @escaping (Int) throws -> Void) throws {
    self.file = file
    self.path = path
    self.received = received
    hash = try ContentHash.Computation(file.hash.kind, size: file.size)
    part = try AppendFile(path: path + HubCache.incompleteSuffix, mode: 0o666)
    isResumed = part.size > 0
    if part.size > file.size { try restart() }
    for start in stride(from: 0, to: part.size, by: 1 << 20) {
      hash.update(try part.bytes(start..<min(start + 1 << 20, part.size)))
      try received(start)
    }
  }

  /// Fetches what is missing, checks the whole, and gives it its name.
  ///
  /// - Throws: ``HubError``; `FileError`; what `received` throws.
  func run(_ client: HubClient, of listing: HubListing, for name: ModelName) throws {
    while true {
      try client.receive(
        file, of: listing, for: name, offset: { self.part.size }, restart: restart
      ) { bytes, place in
        // All of the file instead of the rest.
        if place != self.part.size { try self.restart() }
        try self.append(bytes)
      }
      let found = hash.finish()
      if found == file.hash.text { break }
      try restart()
      // The fault may be in what was there before, as after a power cut.
      if isResumed {
        isResumed = false
      } else {
        throw HubError(
          .corrupt, "\(name): \(file.path)",
          "the download is damaged, and was deleted: its checksum is \(found), the hub's is "
            + "\(file.hash.text); try again, over another network if this persists")
      }
    }
    try part.synchronize()
    try HubCache.rename(part.path, to: path)
  }

  private func append(_ bytes: [UInt8]) throws {
    guard part.size + bytes.count <= file.size else {
      try restart()
      throw TransientFault("the answer is longer than the file")
    }
    hash.update(bytes)
    try part.append(bytes)
    try received(part.size)
  }

  /// Discards what was received.
  private func restart() throws {
    hash.reset()
    try part.truncate(to: 0)
    try received(0)
  }
}
