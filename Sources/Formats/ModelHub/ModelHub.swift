import FileSupport
import TextSupport

/// The models of the Hugging Face Hub, and the cache of those that were fetched, which is shared with
/// Python's huggingface_hub.
public struct ModelHub {
  /// What happens while a model is looked for or fetched.
  public enum Event {
    /// Something the user should know, such as a wait.
    case message(String)
    /// A download of `total` bytes begins, of which `initial` were fetched before.
    case begins(ModelName, total: Int, initial: Int)
    /// So many bytes of the download are there.
    case progress(Int)
  }

  private let settings: HubSettings
  private let cache: HubCache
  private let check: () throws -> Void
  private let report: (Event) throws -> Void

  /// A hub with `settings`; nothing is requested yet.
  ///
  /// `check` is called at least every tenth of a second, and may throw to stop the work.
  public init(
    _ settings: HubSettings, check: @escaping () throws -> Void,
    report: @escaping (Event) throws -> Void
  ) {
    self.settings = settings
    self.check = check
    self.report = report
    cache = HubCache(path: settings.cache, avoidsLinks: settings.avoidsLinks)
  }

  /// The folder with `part` of the model `name`, which is fetched unless the cache has it.
  ///
  /// Before weights are fetched, `examine` is called with the folder, which has the other files by
  /// then; it may throw.
  ///
  /// - Throws: ``HubError``; `FileError`; `InputError` if an index of weights is damaged; what the
  ///   closures throw.
  public func folder(
    of name: ModelName, _ part: ModelPart, examine: (String) throws -> Void = { _ in }
  ) throws -> String {
    let copy = cachedCopy(of: name, part)
    if let variable = settings.offlineVariable {
      if let copy { return copy.folder }
      throw missing(part, of: name, "\(variable) forbids fetching it")
    }
    if let copy, name.isCommit { return copy.folder }
    let client = try HubClient(settings, check: check) { try? report(.message($0)) }
    let listing: HubListing
    do {
      // If there is a copy, it is not worth waiting for a network that is down.
      listing = try client.listing(of: name, attempts: copy == nil ? .max : 2)
    } catch let error as HubError {
      guard let copy else { throw error }
      guard error.concernsConnection else {
        throw error.adding("the cache has a copy, which HF_HUB_OFFLINE=1 uses")
      }
      try report(
        .message(
          "\(error.subject): \(error.cause); using the copy in the cache, of commit "
            + "\(copy.commit.prefix(12))"))
      return copy.folder
    }
    return try fetch(name, part, listing, client, examine)
  }

  // MARK: - The cache

  /// The names under which the cache may have the repository: the one asked for first.
  private func repositories(_ name: ModelName, presentName: String? = nil) -> [String] {
    var names = [name.repository]
    for other in [presentName].compactMap({ $0 }) + name.otherRepositories
    where !names.contains(other) {
      names.append(other)
    }
    return names
  }

  /// `part` of the model as it was when it was last fetched; `nil` if the cache does not have all of
  /// it.
  private func cachedCopy(
    of name: ModelName, _ part: ModelPart
  ) -> (folder: String, commit: String)? {
    for repository in repositories(name) {
      guard let commit = cache.commit(name, of: repository) else { continue }
      let folder = cache.snapshot(of: repository, commit: commit)
      if cache.missing(part, in: folder).isEmpty { return (folder, commit) }
    }
    return nil
  }

  /// What the cache lacks, for the `reason` that nothing may be fetched.
  private func missing(_ part: ModelPart, of name: ModelName, _ reason: String) -> HubError {
    guard let commit = cache.commit(name, of: name.repository) else {
      return HubError(
        .notFound, "\(name)",
        "there is no folder at this path, and no such model in the cache \(cache.path); \(reason)")
    }
    let missing = cache.missing(part, in: cache.snapshot(of: name.repository, commit: commit))
    return HubError(
      .notFound, "\(name)",
      "the cache \(cache.path) has no \(missing.joined(separator: ", no ")) of this model; \(reason)"
    )
  }

  // MARK: - Fetching

  private func fetch(
    _ name: ModelName, _ part: ModelPart, _ listing: HubListing, _ client: HubClient,
    _ examine: (String) throws -> Void
  ) throws -> String {
    if listing.repository.lowercased() != name.repository.lowercased() {
      try report(.message("\(name.repository) is now \(listing.repository)"))
    }
    let names = listing.files.map(\.path)
    let missing = ModelFiles.missing(part, of: names)
    guard missing.isEmpty else {
      throw HubError(
        .notFound, "\(name)",
        "the model has no \(missing.joined(separator: ", no ")); it has "
          + excerpt(names.sorted().joined(separator: ", "), limit: 300))
    }
    let small = ModelFiles.small(part, of: names).compactMap { listing[$0] }
    let weights = part == .whole ? ModelFiles.weights(of: names).flatMap { listing[$0] } : nil
    // Fetched by Python or by us, under another of its names.
    for repository in repositories(name, presentName: listing.repository).dropFirst() {
      let folder = cache.snapshot(of: repository, commit: listing.commit)
      let hasAll = (small + [weights].compactMap { $0 }).allSatisfy {
        cache.has($0, of: repository, commit: listing.commit)
      }
      if hasAll, cache.missing(part, in: folder).isEmpty { return folder }
    }
    let download = SnapshotDownload(name, listing, cache, client, check: check, report: report)
    if let weights {
      let isIndex = ModelFiles.isIndex(weights.path)
      try download.announce(small + [weights])
      try download.fetch(isIndex ? small + [weights] : small)
      try examine(download.folder)
      if isIndex {
        let shards = try shards(weights, of: listing, for: name, in: download.folder)
        try download.announce(shards)
        try download.fetch(shards)
      } else {
        try download.fetch([weights])
      }
    } else {
      try download.announce(small)
      try download.fetch(small)
    }
    try cache.record(name, commit: listing.commit)
    return download.folder
  }

  /// The files that the index of `weights` in `folder` names.
  private func shards(
    _ weights: HubFile, of listing: HubListing, for name: ModelName, in folder: String
  ) throws -> [HubFile] {
    try ModelFiles.shards(ofIndex: "\(folder)/\(weights.path)").map { shard in
      guard let file = listing[shard] else {
        throw HubError(
          .notFound, "\(name)",
          "\(weights.path) names '\(excerpt(shard))', which the model does not have")
      }
      return file
    }
  }
}
