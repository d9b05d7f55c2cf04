import FileSupport
import Glibc
import TextSupport

/// Fetches files of a model, at one commit, into the cache.
final class SnapshotDownload {
  /// The folder of the model.
  let folder: String

  private let name: ModelName
  private let listing: HubListing
  private let cache: HubCache
  private let client: HubClient
  private let check: () throws -> Void
  private let report: (ModelHub.Event) throws -> Void
  /// How many of the bytes that were announced are there.
  private var done = 0

  init(
    _ name: ModelName, _ listing: HubListing, _ cache: HubCache, _ client: HubClient,
    check: @escaping () throws -> Void, report: @escaping (ModelHub.Event) throws -> Void
  ) {
    self.name = name
    self.listing = listing
    self.cache = cache
    self.client = client
    self.check = check
    self.report = report
    folder = cache.snapshot(of: name.repository, commit: listing.commit)
  }

  /// Reports what ``fetch(_:)`` will fetch of `files`, for which there must be room.
  ///
  /// - Throws: `FileError`; what the closures throw.
  func announce(_ files: [HubFile]) throws {
    let absent = files.filter(isAbsent)
    guard !absent.isEmpty else { return }
    try cache.create()
    let total = absent.reduce(0) { $0 + $1.size }
    done = absent.reduce(0) { $0 + cache.incompleteSize(of: $1, of: name.repository) }
    if let free = cache.freeBytes, free < total - done {
      throw FileError(
        path: cache.path, operation: .write, code: ENOSPC,
        remedy: "\(name) needs another \(NumberText.bytes(Double(total - done))), and "
          + "\(NumberText.bytes(Double(free))) are free; free space there, or name a folder on "
          + "another disk with HF_HUB_CACHE")
    }
    try report(.begins(name, total: total, initial: done))
  }

  /// Fetches those of `files` that the cache lacks, and gives all of them their names.
  ///
  /// - Throws: ``HubError``; `FileError`; `MemoryError`; what the closures throw.
  func fetch(_ files: [HubFile]) throws {
    for file in files where !cache.has(file, of: name.repository, commit: listing.commit) {
      if isAbsent(file) {
        let other = done - cache.incompleteSize(of: file, of: name.repository)
        try fetchBlob(file) { try self.report(.progress(other + $0)) }
        done = other + file.size
      }
      try cache.link(file, of: name.repository, commit: listing.commit)
    }
  }

  private func isAbsent(_ file: HubFile) -> Bool {
    !cache.has(file, of: name.repository, commit: listing.commit)
      && !cache.hasBlob(of: file, of: name.repository)
  }

  private func fetchBlob(
    _ file: HubFile, received: @escaping (Int) throws -> Void
  ) throws {
    let lock = cache.lock(file.hash, of: name.repository)
    try CacheLock.holding(lock, check: check) {
      try report(.message("\(name): another program is fetching \(file.path); waiting for it"))
    } _: {
      // The other program may have fetched it.
      guard !cache.hasBlob(of: file, of: name.repository) else { return }
      let path = cache.blob(file.hash, of: name.repository)
      try BlobDownload(file, to: path, received: received).run(client, of: listing, for: name)
    }
  }
}
