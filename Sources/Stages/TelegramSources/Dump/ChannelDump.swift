import FileSupport
import PostFormat

/// A dump: posts of one channel, from one source or several, brought into one file.
///
/// A file that is there already is gone on with: it keeps its posts, and gets what is new and what
/// was edited since.
public struct ChannelDump {
  /// Where posts come from.
  public enum Source {
    /// A file of posts (contract 1).
    case posts(path: String)
    /// An export.
    case export(any PostSource)
    /// A channel that is asked page by page.
    case channel(any PostPages)
  }

  /// What came of a dump.
  public struct Result: Equatable, Sendable {
    /// What each source held.
    public var found: [SourceSummary] = []
    /// What is written: its posts, the first and the last.
    public var written = SourceSummary()
    /// What became of the posts the file had before; `nil` where there was no file, or it was
    /// replaced.
    public var changes: PostMerge.Counts?
    /// Whether the file was there before, byte for byte the same, and was left as it was.
    public var isUnchanged = false
  }

  /// The sources, the later ones of more weight where two have the same post.
  public var sources: [Source]
  /// The file that is written; `-` is standard output.
  public var output: String
  /// What is left out of each post.
  public var omitted: Set<PostField> = []
  /// Which posts of the sources are wanted.
  public var selection = PostSelection()
  /// Whether a file that is there already is replaced.
  public var replaces = false
  /// How many of the last posts of the file are asked of a channel again, for edits.
  public var refreshed = 0

  /// A dump of `sources` to `output`.
  public init(_ sources: [Source], output: String) {
    self.sources = sources
    self.output = output
  }

  /// Reads the sources and writes the file.
  ///
  /// - Throws: `InputError`; `FileError`; ``SourceFault``; what `progress` throws. The file is then as
  ///   it was before; of a channel that was asked page by page a journal stays, from which the next
  ///   run goes on.
  public func run(progress: (SourceProgress) throws -> Void) throws -> Result {
    // Before anything is read: what another process that writes this output reads is not touched.
    let writer = try PostWriter(path: output, omitting: omitted)
    let goesOn = output != "-" && !replaces && Folder.hasFile(output)
    var result = Result()
    var merge = goesOn ? PostMerge(files: [try PostCursor(path: output)]) : nil
    var filter = PostSelection.Filter(selection)
    func write(_ found: FoundPost) throws {
      result.written.count(found.post)
      if let line = found.line {
        try writer.write(found.post, asIn: line)
      } else {
        try writer.write(found.post)
      }
    }
    func take(_ found: FoundPost) throws {
      if merge == nil { try write(found) } else { try merge?.take(found, write) }
    }
    let fetches = try fetches(goesOn: goesOn)
    var repaired = 0
    result.found = try read(fetches, for: writer, progress: progress, repaired: &repaired) {
      try filter.take($0, take)
    }
    try filter.finish(take)
    try merge?.finish(write)
    result.written.repaired = repaired + (merge?.repairedCount ?? 0)
    result.changes = merge?.counts
    result.isUnchanged = try !writer.commit()
    for case .fetch(let fetch) in fetches { try fetch.removeJournal() }
    return result
  }

  // MARK: - Sources

  /// A source, ready to be read.
  private enum Reading {
    case posts(path: String)
    case export(any PostSource)
    case fetch(ChannelFetch)
  }

  private func fetches(goesOn: Bool) throws -> [Reading] {
    try sources.map { source in
      switch source {
      case .posts(let path): return .posts(path: path)
      case .export(let export): return .export(export)
      case .channel(let pages):
        var bounds = ChannelFetch.Bounds()
        bounds.above = try selection.above ?? (goesOn ? lastKnownID() : nil)
        (bounds.from, bounds.to, bounds.limit) = (selection.from, selection.to, selection.limit)
        let journal = output == "-" ? nil : output + Self.journalSuffix
        return .fetch(ChannelFetch(pages, journalPath: journal, bounds: bounds))
      }
    }
  }

  /// The ending of the file that an interrupted dump leaves to go on from.
  public static let journalSuffix = ".resume"

  /// The id of the last post of the file that need not be asked for again; `nil` if there is none.
  private func lastKnownID() throws -> Int? {
    let cursor = try PostCursor(path: output)
    // The ids of the last posts, one more than are to be asked for again.
    var last: [Int] = []
    var oldest = 0
    while let post = try cursor.next() {
      if last.count <= refreshed {
        last.append(post.id)
      } else {
        last[oldest] = post.id
        oldest = (oldest + 1) % last.count
      }
    }
    return last.count > refreshed ? last[oldest] : nil
  }

  /// Gives `body` the posts of all sources, the ids ascending; `repaired` gets the number of posts in
  /// files that had half of a surrogate pair in a text.
  private func read(
    _ readings: [Reading], for writer: PostWriter, progress: (SourceProgress) throws -> Void,
    repaired: inout Int,
    _ body: (FoundPost) throws -> Void
  ) throws -> [SourceSummary] {
    if readings.count == 1 { return [try read(readings[0], progress: progress, body)] }
    // The posts of a source lie here until they are merged.
    let folder = try writer.createTemporaryFolder()
    defer { try? Folder.remove(folder) }
    var summaries: [SourceSummary] = []
    var files: [PostCursor] = []
    for (number, reading) in readings.enumerated() {
      if case .posts(let path) = reading {
        files.append(try PostCursor(path: path))
        continue
      }
      let path = "\(folder)/\(number)"
      let writer = try PostWriter(path: path)
      summaries.append(try read(reading, progress: progress) { try writer.write($0.post) })
      try writer.commit()
      files.append(try PostCursor(path: path))
    }
    var merge = PostMerge(files: files)
    var posts = 0
    try merge.finish {
      posts += 1
      if posts & 0xFF == 0 { try progress(SourceProgress(posts: posts)) }
      try body($0)
    }
    repaired = merge.repairedCount
    return summaries
  }

  private func read(
    _ reading: Reading, progress: (SourceProgress) throws -> Void,
    _ body: (FoundPost) throws -> Void
  ) throws -> SourceSummary {
    switch reading {
    case .export(let source):
      return try source.forEachPost(progress: progress) { try body(.init($0)) }
    case .fetch(let fetch): return try fetch.forEachPost(progress: progress) { try body(.init($0)) }
    case .posts(let path):
      var summary = SourceSummary()
      summary.chat = path
      let cursor = try PostCursor(path: path)
      while let post = try cursor.next() {
        summary.count(post)
        if summary.posts & 0xFF == 0 {
          try progress(SourceProgress(posts: summary.posts, bytes: cursor.bytesConsumed))
        }
        try body(FoundPost(post, of: cursor))
      }
      summary.repaired = cursor.repairedCount
      return summary
    }
  }
}
