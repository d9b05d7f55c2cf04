import CorpusFormat
import FileSupport
import PostFormat
import TextSupport

/// A block of lines of posts, and the result of cleaning it.
///
/// Only one thread uses it at a time.
final class CleaningBlock {
  let text = TextBlock()
  fileprivate(set) var cleaned = CleanedPosts()
}

/// The result of cleaning a block of posts, each by itself.
struct CleanedPosts {
  /// A post that no rule dropped.
  struct Post {
    let id: Int
    /// Where its text is in ``output``, without a newline.
    let text: Range<Int>
    let digest: Digest
    let views: Int?
    /// Its text as posted, if that may be needed.
    let textBefore: String?
  }

  /// The cleaned texts, with a newline after each if each is a line.
  fileprivate(set) var output: [UInt8] = []
  fileprivate(set) var posts: [Post] = []
  /// The fingerprints of the posts, one after the other.
  fileprivate(set) var fingerprints: [UInt32] = []
  /// What each rule did to the posts; `nil` before the first block.
  fileprivate(set) var funnel: Funnel?
  fileprivate(set) var lineCount = 0
  fileprivate(set) var badLines: [BadLine] = []
  /// The number of posts with half a surrogate pair in a text.
  fileprivate(set) var repairedCount = 0
  /// The ids of the first and the last post, and their lines in the block, from 1.
  fileprivate(set) var first: (id: Int, line: Int)?
  fileprivate(set) var last: (id: Int, line: Int)?
  fileprivate(set) var rejects: [Reject] = []
  fileprivate(set) var explanation: Explanation?
}

/// The tools that a thread cleans with.
final class CleaningThread {
  /// In a structure, so that exclusive access is checked once per block.
  fileprivate struct Tools: ~Copyable {
    var cleaner: Cleaner
    var parser: PostParser
    var fingerprintMaker: FingerprintMaker?
    let explainedID: Int?
    /// Whether the texts of dropped posts, and of all posts, may be needed.
    let keepsRejects: Bool
    let keepsTexts: Bool
  }

  private var tools: Tools

  /// The tools of a thread of `run`; `fingerprintMaker` is `nil` if nearly equal posts stay.
  init(_ run: CleaningRun, _ fingerprintMaker: FingerprintMaker?) {
    tools = Tools(
      cleaner: Cleaner(run.rules), parser: PostParser(path: run.path),
      fingerprintMaker: fingerprintMaker, explainedID: run.explainedID,
      keepsRejects: run.onReject != nil,
      keepsTexts: run.onReject != nil || run.sampler.count > 0)
  }

  /// Cleans the posts of `block`.
  ///
  /// Ids must be greater than that of `previous`, whose line is also counted from the beginning of
  /// the block.
  func clean(_ block: CleaningBlock, after previous: (id: Int, line: Int)? = nil) {
    var output: [UInt8] = []
    swap(&output, &block.cleaned.output)
    output.removeAll(keepingCapacity: true)
    block.cleaned = CleanedPosts(output: consume output, last: previous)
    tools.clean(block.text.bytes, into: &block.cleaned)
  }
}

extension CleaningThread.Tools {
  fileprivate mutating func clean(_ text: UnsafeRawBufferPointer, into cleaned: inout CleanedPosts)
  {
    var start = 0
    while start < text.count {
      let end = endOfLine(in: text, from: start)
      let line = UnsafeRawBufferPointer(rebasing: text[start..<end])
      start = end + 1
      cleaned.lineCount += 1
      if PostParser.isBlank(line) { continue }
      do throws(BadLine) {
        clean(try parse(line, &cleaned), into: &cleaned)
      } catch {
        cleaned.badLines.append(error)
      }
    }
    cleaned.funnel = cleaner.takeCounts()
  }

  private mutating func parse(
    _ bytes: UnsafeRawBufferPointer, _ cleaned: inout CleanedPosts
  ) throws(BadLine) -> Post {
    let line = cleaned.lineCount
    let replacedBefore = parser.replacedSurrogates
    let post: Post
    do {
      post = try parser.parse(bytes, line: line)
    } catch {
      throw BadLine(
        line: line,
        problem: .notAPost(
          (error as? InputError)?.problem ?? "\(error)",
          remedyAtFirst: PipelineFile.remedy(forFirstLine: bytes, in: parser.path)))
    }
    if let last = cleaned.last, post.id <= last.id {
      throw BadLine(line: line, problem: .order(id: post.id, last: last))
    }
    if parser.replacedSurrogates > replacedBefore { cleaned.repairedCount += 1 }
    cleaned.first = cleaned.first ?? (post.id, line)
    cleaned.last = (post.id, line)
    return post
  }

  private mutating func clean(_ post: Post, into cleaned: inout CleanedPosts) {
    var explanation: Explanation?
    if post.id == explainedID {
      explanation = Explanation(id: post.id, line: cleaned.lineCount, text: post.text)
    }
    let dropper = cleaner.clean(post, explaining: &explanation)
    if explanation != nil { cleaned.explanation = explanation }
    if let dropper {
      if keepsRejects {
        cleaned.rejects.append(Reject(id: post.id, rule: dropper, text: post.text))
      }
      return
    }
    let start = cleaned.output.count
    let digest = cleaner.draft.withText { text in
      cleaned.output.append(text)
      return Digest(of: text)
    }
    let range = start..<cleaned.output.count
    fingerprintMaker?.append(of: cleaned.output[range], to: &cleaned.fingerprints)
    cleaned.posts.append(
      CleanedPosts.Post(
        id: post.id, text: range, digest: digest, views: post.views,
        textBefore: keepsTexts ? post.text : nil))
    if cleaner.funnel.isOnePostALine { cleaned.output.append(0x0A) }
  }
}
