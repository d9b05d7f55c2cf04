import FileSupport
import PostFormat

/// A line that is not a post, or whose id does not ascend.
struct BadLine: Error {
  enum Problem {
    /// The remedy is for a file that begins with such a line.
    case notAPost(String, remedyAtFirst: String)
    case order(id: Int, last: (id: Int, line: Int))
  }

  /// The line in its block, from 1; so is the one in ``problem``.
  let line: Int
  let problem: Problem
}

/// Tracks ids and lines from block to block.
struct PostOrder {
  /// The number of lines before the block.
  private(set) var linesBefore = 0
  /// The last post before the block, and its line.
  private var last: (id: Int, line: Int)?

  /// The post that those of `cleaned` do not follow, with its line counted from the block's; `nil` if
  /// the order continues.
  func conflict(with cleaned: CleanedPosts) -> (id: Int, line: Int)? {
    guard let last, let first = cleaned.first, first.id <= last.id else { return nil }
    return (last.id, last.line - linesBefore)
  }

  /// The error that `badLine` of `cleaned` is in the file at `path`.
  func error(_ badLine: BadLine, of cleaned: CleanedPosts, path: String) -> InputError {
    let line = linesBefore + badLine.line
    switch badLine.problem {
    case .notAPost(let text, let remedyAtFirst):
      let isFirst = last == nil && badLine.line < cleaned.first?.line ?? .max
      return InputError(path, .line(line), text + (isFirst ? remedyAtFirst : ""))
    case .order(let id, let last):
      return PostCursor.orderError(path, (id, line), after: (last.id, linesBefore + last.line))
    }
  }

  /// Moves on to the block after `cleaned`.
  mutating func advance(past cleaned: CleanedPosts) {
    last = cleaned.last.map { ($0.id, linesBefore + $0.line) } ?? last
    linesBefore += cleaned.lineCount
  }
}
