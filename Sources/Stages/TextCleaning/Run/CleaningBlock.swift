import CorpusFormat
import FileSupport
import PostFormat

/// What a thread cleans with.
final class CleaningWorker {
  var tools: CleaningTools

  init(_ tools: consuming CleaningTools) {
    self.tools = tools
  }
}

/// A block of lines of posts, and what comes of it.
final class CleaningBlock {
  let text = TextBlock()
  private(set) var cleaned: CleanedPosts

  /// An empty block; `funnel` is one of nothing yet.
  init(_ funnel: Funnel) {
    cleaned = CleanedPosts(funnel)
  }

  /// Cleans the posts of the text; ids must be above that of `previous`, whose line is counted from
  /// the beginning of the block, too.
  func clean(with worker: CleaningWorker, behind previous: (id: Int, line: Int)? = nil) {
    cleaned.clean(text.bytes, with: &worker.tools, behind: previous)
  }
}
