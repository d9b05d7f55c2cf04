import PostFormat

/// A file of posts (section 1 of `docs/formats.md`) as a source.
struct PostFile: PostSource {
  let path: String

  func open(progress: (SourceProgress) throws -> Void) throws -> any PostStream {
    Posts(try PostCursor(path: path))
  }

  private final class Posts: PostStream {
    private let cursor: PostCursor
    private(set) var summary = SourceSummary()

    init(_ cursor: PostCursor) {
      self.cursor = cursor
      summary.chat = cursor.path
    }

    func next() throws -> Post? {
      guard let post = try cursor.next() else { return nil }
      summary.count(post)
      summary.repaired = cursor.repairedCount
      return post
    }

    var line: [UInt8]? { cursor.isRepaired ? nil : cursor.lineBytes }

    var progress: SourceProgress {
      SourceProgress(posts: summary.posts, bytes: cursor.bytesConsumed)
    }
  }
}
