import FileSupport
import PostFormat

/// Fetches a channel page by page, from the newest messages to the oldest that are wanted, and gives
/// its posts in ascending order.
///
/// Each page is kept in a journal before the next is asked for. A fetch that is interrupted, by the
/// user or by the network, leaves the journal; the next one asks for what is new since, and goes on
/// below what the journal holds.
public struct ChannelFetch: PostSource {
  /// How far back the fetch goes: until one of these is reached, or the beginning of the channel.
  public struct Bounds: Equatable, Sendable {
    /// The id above which posts are wanted.
    public var above: Int?
    /// The date, in seconds since 1970, from which on posts are wanted.
    public var from: Int?
    /// The date up to which posts are wanted, which those after do not count for ``limit``.
    public var to: Int?
    /// How many posts are wanted, the newest ones.
    public var limit: Int?

    public init() {}
  }

  private let pages: any PostPages
  private let journalPath: String?
  private let bounds: Bounds

  /// A fetch of `pages`, with a journal at `journalPath`; without one an interrupted fetch has to
  /// begin anew.
  public init(_ pages: any PostPages, journalPath: String?, bounds: Bounds = Bounds()) {
    self.pages = pages
    self.journalPath = journalPath
    self.bounds = bounds
  }

  public func forEachPost(
    progress: (SourceProgress) throws -> Void, _ body: (Post) throws -> Void
  ) throws -> SourceSummary {
    let journal = try PageJournal(path: journalPath, channel: pages.channel)
    do {
      defer { pages.close() }
      try fetch(into: journal, progress: progress)
    }
    var summary = SourceSummary()
    summary.chat = journal.title ?? pages.channel
    let entries = journal.latestEntries.filter { entry in bounds.above.map { entry.id > $0 } ?? true
    }
    for entry in entries {
      let post = try journal.post(entry)
      summary.count(post)
      try body(post)
    }
    let known = Set(entries.map(\.id)).union(journal.service).union(journal.unsupported)
      .union(journal.parts)
    summary.richMessages = pages.richMessages
    summary.service = wanted(journal.service)
    summary.unsupported = wanted(journal.unsupported)
    if let first = entries.first?.id, let last = entries.last?.id {
      summary.missing = last - first + 1 - known.count { first...last ~= $0 }
    }
    return summary
  }

  private func wanted(_ ids: Set<Int>) -> Int {
    bounds.above.map { bound in ids.count { $0 > bound } } ?? ids.count
  }

  /// Removes the journal, when the posts are safely elsewhere.
  ///
  /// - Throws: `FileError`.
  public func removeJournal() throws {
    if let journalPath { try removeFile(at: journalPath) }
  }

  // MARK: - Going down

  private func fetch(
    into journal: PageJournal, progress: (SourceProgress) throws -> Void
  ) throws {
    var before: Int?
    var counted = 0
    func report() throws {
      try progress(
        SourceProgress(
          posts: journal.entries.count, bytes: nil, expectedPosts: pages.expectedCount))
    }
    func isDone(_ lowestDate: Int?) -> Bool {
      if let before, let above = bounds.above, before - 1 <= above { return true }
      if let lowestDate, let from = bounds.from, lowestDate < from { return true }
      return bounds.limit.map { counted >= $0 } ?? false
    }
    func isCounted(_ date: Int) -> Bool { bounds.to.map { date <= $0 } ?? true }
    try report()
    while true {
      if let position = before, let known = journal.interval(below: position) {
        let entries = journal.entries.filter { known.lower <= $0.id && $0.id < position }
        counted += entries.count { isCounted($0.date) }
        if known.lower == PageJournal.beginning { return }
        before = known.lower
        if isDone(entries.map(\.date).min()) { return }
        continue
      }
      let page = try pages.page(before: before)
      try check(page, before: before)
      try journal.append(page, before: before)
      try report()
      guard !page.reachesBeginning, let lowest = page.lowest else { return }
      counted += page.posts.count { isCounted($0.date) }
      before = lowest
      if isDone(page.posts.first?.date) { return }
    }
  }

  /// Checks that `page` holds what was asked for, so that the way down comes to an end.
  private func check(_ page: PostPage, before: Int?) throws {
    func violation(_ problem: String) -> SourceFault {
      SourceFault(.protocolViolation, pages.channel, problem)
    }
    if let before, let highest = page.highest, highest >= before {
      throw violation("asked for messages below \(before), the answer holds message \(highest)")
    }
    let ids = page.posts.map(\.id)
    guard zip(ids, ids.dropFirst()).allSatisfy({ $0 < $1 }) else {
      throw violation("the posts of a page do not stand in the order of their ids")
    }
    guard page.reachesBeginning || page.lowest != nil else {
      throw violation("the answer holds no messages, though the channel goes on")
    }
  }
}
