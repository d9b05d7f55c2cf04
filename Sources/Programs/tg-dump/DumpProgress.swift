import CommandLineSupport
import TelegramSources
import TextSupport

/// Shows how far a dump is: in bytes of an export, in posts of a channel.
final class DumpProgress {
  private let size: Int?
  private var progress: Progress?
  private var expected: Int?

  /// Progress of a dump of `size` bytes, if the source has a size.
  init(size: Int?) {
    self.size = size
  }

  /// Shows `done`.
  ///
  /// - Throws: `Interruption` if a signal has arrived.
  func update(_ done: SourceProgress) throws {
    if let bytes = done.bytes, size != nil {
      let progress = progress ?? Progress("reading", total: size, unit: .bytes)
      self.progress = progress
      return try progress.update(bytes, detail: "\(NumberText.count(done.posts)) posts")
    }
    if progress == nil || expected == nil && done.expectedPosts != nil {
      expected = done.expectedPosts
      progress = Progress(
        "reading", total: expected, unit: .items("posts"), initial: done.posts, isApproximate: true)
    }
    try progress?.update(done.posts)
  }
}
