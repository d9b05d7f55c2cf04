import PostFormat

/// Which posts are wanted.
public struct PostSelection: Equatable, Sendable {
  /// The id above which posts are wanted.
  public var above: Int?
  /// The first and the last date of posts that are wanted, in seconds since 1970.
  public var from: Int?
  public var to: Int?
  /// How many posts are wanted, the newest of those that fit.
  public var limit: Int?

  public init() {}

  /// Whether everything is wanted.
  public var isWhole: Bool { self == PostSelection() }

  private func fits(_ post: Post) -> Bool {
    if let above, post.id <= above { return false }
    if let from, post.date < from { return false }
    if let to, post.date > to { return false }
    return true
  }

  /// Takes posts, the ids ascending, and gives out those that are wanted.
  public struct Filter {
    private let selection: PostSelection
    /// The newest posts so far, where their number is limited; the oldest is at ``oldest``.
    private var newest: [FoundPost] = []
    private var oldest = 0

    /// A filter for `selection`.
    public init(_ selection: PostSelection) {
      self.selection = selection
    }

    /// Takes `found`; what is known to be wanted goes to `output`.
    public mutating func take(
      _ found: FoundPost, _ output: (FoundPost) throws -> Void
    ) rethrows {
      guard selection.fits(found.post) else { return }
      guard let limit = selection.limit else { return try output(found) }
      if newest.count < limit {
        newest.append(found)
      } else if limit > 0 {
        newest[oldest] = found
        oldest = (oldest + 1) % limit
      }
    }

    /// Gives out what was held back.
    public mutating func finish(_ output: (FoundPost) throws -> Void) rethrows {
      for found in newest[oldest...] + newest[..<oldest] { try output(found) }
      newest = []
    }
  }
}
