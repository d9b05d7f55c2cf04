import FileSupport
import PostFormat

/// A dump, which brings the posts of one channel, from one or more sources, into one file.
///
/// If the file exists, it is continued: it keeps its posts, and gains those that are new or edited.
public struct ChannelDump {
  /// Where posts come from.
  public enum Source {
    /// A file of posts.
    case posts(path: String)
    /// An export.
    case export(any PostSource)
    /// A channel that is fetched page by page.
    case channel(any PostPages)
  }

  /// What became of the posts that the file already had.
  public struct Changes: Equatable, Sendable {
    /// How many of its posts stayed as they were.
    public var kept = 0
    /// How many of its posts were changed by a source.
    public var changed = 0
    /// How many posts it did not have before.
    public var added = 0

    public init(kept: Int = 0, changed: Int = 0, added: Int = 0) {
      (self.kept, self.changed, self.added) = (kept, changed, added)
    }
  }

  /// The outcome of a dump.
  public struct Result: Equatable, Sendable {
    /// What each source held.
    public var found: [SourceSummary] = []
    /// What was written: how many posts, the first and the last.
    public var written = SourceSummary()
    /// What became of the posts that the file already had; `nil` if there was no file, or it was
    /// replaced.
    public var changes: Changes?
    /// Whether the file existed with the same bytes, and was left alone.
    public var isUnchanged = false
    /// How many posts of an interrupted dump the journal still holds, because they were not wanted.
    public var unfinished = 0
  }

  /// The sources; if two have the same post, the later source is preferred.
  public var sources: [Source]
  /// The file to write; `-` is standard output.
  public var output: String
  /// What is left out of each post.
  public var omitted: Set<PostField> = []
  /// Which posts of the sources are wanted.
  public var selection = PostSelection()
  /// Whether an existing file is replaced.
  public var replaces = false
  /// How many of the last posts of the file are fetched from a channel again, to find edits.
  public var refreshed = 0

  /// The suffix of the file that an interrupted dump leaves, and from which it is resumed.
  public static let journalSuffix = ".resume"

  /// A dump of `sources` to `output`.
  public init(_ sources: [Source], output: String) {
    self.sources = sources
    self.output = output
  }

  /// Reads the sources and writes the file.
  ///
  /// - Throws: `InputError`; `FileError`; ``SourceFault``; what `progress` throws. The file is then
  ///   unchanged. If a channel was being fetched page by page, its journal stays, and the next run
  ///   resumes from it.
  public func run(progress: (SourceProgress) throws -> Void) throws -> Result {
    // Opened first, so that nothing is read that another process with the same output may be
    // changing.
    let writer = try PostWriter(path: output, omitting: omitted)
    let continues = output != "-" && !replaces && Folder.hasFile(output)
    let older = continues ? try PostMerge([PostCursor(path: output)]) : nil
    let sources = try openable(continues: continues)
    var result = Result()
    var unreached: Set<Int> = []
    func write(_ found: FoundPost) throws {
      while let before = try older?.next(below: found.post.id) { try writeMerged(before) }
      try writeMerged(older?.merged(with: found) ?? found)
    }
    func writeMerged(_ found: FoundPost) throws {
      unreached.remove(found.post.id)
      result.written.count(found.post)
      if let line = found.line {
        try writer.write(found.post, asIn: line)
      } else {
        try writer.write(found.post)
      }
    }

    let folder = sources.count == 1 ? nil : try writer.createTemporaryFolder()
    defer { if let folder { try? Folder.remove(folder) } }
    let posts: any PostStream
    if let folder {
      posts = try merge(sources, in: folder, progress: progress, found: &result.found)
    } else {
      posts = try sources[0].open(progress: progress)
    }
    let fetch = sources.lazy.compactMap { $0 as? ChannelFetch }.first
    if let fetch { unreached = fetch.unreached }
    var filter = PostSelection.Filter(selection)
    var count = 0
    while let post = try posts.next() {
      count += 1
      if count & 0xFF == 0 { try progress(posts.progress) }
      if let found = filter.take(FoundPost(post: post, line: posts.line)) { try write(found) }
    }
    try progress(posts.progress)
    for found in filter.heldBack { try write(found) }
    while let rest = try older?.next(below: nil) { try writeMerged(rest) }

    if folder == nil { result.found = [posts.summary] }
    result.written.repaired =
      (folder == nil ? 0 : posts.summary.repaired) + (older?.summary.repaired ?? 0)
    result.changes = older?.changes
    result.isUnchanged = try !writer.commit()
    result.unfinished = unreached.count
    if unreached.isEmpty { try fetch?.removeJournal() }
    return result
  }

  // MARK: - Sources

  private func openable(continues: Bool) throws -> [any PostSource] {
    try sources.map { source in
      switch source {
      case .posts(let path): return PostFile(path: path)
      case .export(let export): return export
      case .channel(let pages):
        var selection = selection
        if selection.above == nil, continues { selection.above = try lastKnownID() }
        let journal = output == "-" ? nil : output + Self.journalSuffix
        return ChannelFetch(pages, journalPath: journal, selection: selection)
      }
    }
  }

  /// The id of the last post of the file that need not be fetched again; `nil` if there is none.
  private func lastKnownID() throws -> Int? {
    let cursor = try PostCursor(path: output)
    // Some more ids than are fetched again.
    var last: [Int] = []
    while let post = try cursor.next() {
      last.append(post.id)
      if last.count / 2 > refreshed { last.removeFirst(last.count / 2) }
    }
    return last.dropLast(refreshed).last
  }

  /// The posts of several sources; those that are not files are first written to files in `folder`.
  private func merge(
    _ sources: [any PostSource], in folder: String, progress: (SourceProgress) throws -> Void,
    found: inout [SourceSummary]
  ) throws -> PostMerge {
    var files: [PostCursor] = []
    for (index, source) in sources.enumerated() {
      var path = "\(folder)/\(index)"
      if let file = source as? PostFile {
        path = file.path
      } else {
        let writer = try PostWriter(path: path)
        let posts = try source.open(progress: progress)
        while let post = try posts.next() {
          try writer.write(post)
          if writer.count & 0xFF == 0 { try progress(posts.progress) }
        }
        try writer.commit()
        found.append(posts.summary)
      }
      files.append(try PostCursor(path: path))
    }
    return try PostMerge(files)
  }
}
