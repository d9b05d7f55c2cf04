import FileSupport
import PostFormat

/// Fetches a channel page by page, from the newest messages to the oldest ones wanted, and returns
/// its posts in ascending order.
///
/// Each page is saved in a journal before the next one is requested. If a fetch is interrupted by
/// the user or the network, the journal stays; the next fetch gets what is new since then and
/// resumes below what the journal holds.
public final class ChannelFetch: PostSource {
  private let pages: any PostPages
  private let journalPath: String?
  private let selection: PostSelection
  private var journal: PageJournal?
  /// How many bytes the journal had that an earlier fetch left.
  private var inheritedSize = 0
  /// The id below which no messages were wanted.
  private var end = PageJournal.beginning

  /// A fetch of `pages` that ends when all posts in `selection` have been fetched.
  ///
  /// Without a `journalPath`, an interrupted fetch cannot be resumed.
  public init(
    _ pages: any PostPages, journalPath: String?, selection: PostSelection = PostSelection()
  ) {
    (self.pages, self.journalPath, self.selection) = (pages, journalPath, selection)
  }

  /// Fetches all pages; the posts are then read from the journal.
  public func open(progress: (SourceProgress) throws -> Void) throws -> any PostStream {
    let journal = try PageJournal(path: journalPath, channel: pages.channel)
    (self.journal, inheritedSize) = (journal, journal.size)
    defer { pages.close() }
    try fetch(into: journal, progress: progress)
    return JournalPosts(journal, above: selection.above, pages: pages)
  }

  /// The ids of posts in the journal that an earlier fetch has brought, and that are older than what this
  /// one wanted.
  public var unreached: Set<Int> {
    let older = journal?.entries.filter { entry in
      entry.offset < inheritedSize
        && (entry.id < end || selection.above.map { entry.id <= $0 } ?? false
          || selection.from.map { entry.date < $0 } ?? false)
    }
    return Set(older?.map(\.id) ?? [])
  }

  /// Removes the journal once the posts are safe elsewhere.
  ///
  /// - Throws: `FileError`.
  public func removeJournal() throws {
    if let journalPath { try removeFile(at: journalPath) }
  }

  private func fetch(
    into journal: PageJournal, progress: (SourceProgress) throws -> Void
  ) throws {
    var before: Int?
    var counted = 0
    func report() throws {
      try progress(
        SourceProgress(posts: journal.entries.count, expectedPosts: pages.expectedCount))
    }
    func isDone(_ lowestDate: Int?) -> Bool {
      if let before, let above = selection.above, before - 1 <= above { return true }
      if let lowestDate, let from = selection.from, lowestDate < from { return true }
      return selection.limit.map { counted >= $0 } ?? false
    }
    func isCounted(_ date: Int) -> Bool { selection.to.map { date <= $0 } ?? true }
    try report()
    while true {
      if let position = before, let known = journal.knownRange(below: position) {
        let entries = journal.entries.filter { known.contains($0.id) && $0.id < position }
        counted += entries.count { isCounted($0.date) }
        if known.lowerBound == PageJournal.beginning { return }
        before = known.lowerBound
        if isDone(entries.map(\.date).min()) { return end = known.lowerBound }
        continue
      }
      let page = try pages.page(before: before)
      try check(page, before: before)
      try journal.append(page, before: before)
      try report()
      guard !page.reachesBeginning, let lowest = page.lowest else { return }
      counted += page.posts.count { isCounted($0.date) }
      before = lowest
      if isDone(page.posts.first?.date) { return end = lowest }
    }
  }

  /// Checks that `page` holds what was requested, so that the fetch terminates.
  private func check(_ page: PostPage, before: Int?) throws {
    func violation(_ problem: String) -> SourceFault {
      SourceFault(.protocolViolation, pages.channel, problem)
    }
    if let before, let highest = page.highest, highest >= before {
      throw violation("asked for messages below \(before), but the answer holds message \(highest)")
    }
    let ids = page.posts.map(\.id)
    guard zip(ids, ids.dropFirst()).allSatisfy({ $0 < $1 }) else {
      throw violation("the posts of a page are not in order of id")
    }
    guard page.reachesBeginning || page.lowest != nil else {
      throw violation("the answer holds no messages, although there are older ones")
    }
  }
}

/// The posts of a journal that are above a bound.
private final class JournalPosts: PostStream {
  private let journal: PageJournal
  private let entries: [PageJournal.Entry]
  private let expectedCount: Int?
  private(set) var summary = SourceSummary()

  init(_ journal: PageJournal, above bound: Int?, pages: any PostPages) {
    func isWanted(_ id: Int) -> Bool { bound.map { id > $0 } ?? true }
    self.journal = journal
    entries = journal.latestEntries.filter { isWanted($0.id) }
    expectedCount = pages.expectedCount
    summary.chat = journal.title ?? pages.channel
    summary.richMessages = pages.richMessages
    summary.service = journal.service.count(where: isWanted)
    summary.unsupported = journal.unsupported.count(where: isWanted)
    if let first = entries.first?.id, let last = entries.last?.id {
      let known = Set(entries.map(\.id)).union(journal.service).union(journal.unsupported)
        .union(journal.parts)
      summary.missing = last - first + 1 - known.count { first...last ~= $0 }
    }
  }

  func next() throws -> Post? {
    guard summary.posts < entries.count else { return nil }
    let post = try journal.post(entries[summary.posts])
    summary.count(post)
    return post
  }

  var progress: SourceProgress {
    SourceProgress(posts: entries.count, expectedPosts: expectedCount)
  }
}
