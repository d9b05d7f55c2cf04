import PostFormat

/// Which posts are wanted.
public struct PostSelection: Equatable, Sendable {
  /// The id above which posts are wanted.
  public var above: Int?
  /// The first and the last date of posts that are wanted, in seconds since 1970.
  public var from: Int?
  public var to: Int?
  /// How many posts are wanted: the newest of those that match.
  public var limit: Int?

  public init() {}

  private func fits(_ post: Post) -> Bool {
    if let above, post.id <= above { return false }
    if let from, post.date < from { return false }
    if let to, post.date > to { return false }
    return true
  }

  /// Chooses among posts in ascending order of id.
  struct Filter {
    private let selection: PostSelection
    /// The newest posts so far, if their number is limited, as a ring buffer; the oldest is at
    /// ``oldest``.
    private var newest: [FoundPost] = []
    private var oldest = 0

    init(_ selection: PostSelection) {
      self.selection = selection
    }

    /// Returns `found` if it is wanted; `nil` if it is not, or if that depends on later posts.
    mutating func take(_ found: consuming FoundPost) -> FoundPost? {
      guard selection.fits(found.post) else { return nil }
      guard let limit = selection.limit else { return found }
      if newest.count < limit {
        newest.append(found)
      } else if limit > 0 {
        newest[oldest] = found
        oldest = (oldest + 1) % limit
      }
      return nil
    }

    /// The posts that were held back, which are wanted if no more follow.
    var heldBack: ArraySlice<FoundPost> { newest[oldest...] + newest[..<oldest] }
  }
}
