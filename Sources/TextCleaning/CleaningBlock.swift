import CorpusFormat
import FileSupport
import PostFormat

/// What a thread cleans with.
final class CleaningWorker {
  var cleaner: Cleaner
  var parser: PostParser
  let inspection: InspectionRequest
  /// Takes the fingerprints of texts; `nil` where nearly equal texts are not looked for.
  var fingerprints: FingerprintMaker?

  init(
    _ cleaner: Cleaner, path: String, _ inspection: InspectionRequest,
    _ fingerprints: FingerprintMaker?
  ) {
    self.cleaner = cleaner
    parser = PostParser(path: path)
    self.inspection = inspection
    self.fingerprints = fingerprints
  }
}

/// A block of lines of posts, and what comes of it.
final class CleaningBlock {
  /// A post that came through.
  struct Cleaned {
    let id: Int
    /// Its text in ``output``, without a newline.
    let range: Range<Int>
    let digest: Digest
    let views: Int?
    /// Whether its text as posted is kept in ``pairs``.
    let pair: Int?
  }

  /// A line that is no post, or one whose id does not ascend.
  struct BadLine: Error {
    /// The line in the block, from 1.
    let line: Int
    let problem: Problem

    enum Problem {
      case notAPost(String)
      case order(id: Int, behind: Int, ofLine: Int)
    }

    /// What is to be said of it where `before` lines stand before the block.
    func error(_ path: String, linesBefore before: Int) -> InputError {
      switch problem {
      case .notAPost(let text): InputError(path, .line(before + line), text)
      case .order(let id, let other, let otherLine):
        PostCursor.orderError(path, (id, before + line), behind: (other, before + otherLine))
      }
    }
  }

  let text = TextBlock()
  /// The cleaned texts, with a newline behind each where each is a line.
  private(set) var output: [UInt8] = []
  private(set) var posts: [Cleaned] = []
  /// The fingerprints of the posts, one behind the other.
  private(set) var fingerprints: [UInt32] = []
  private(set) var funnel: Funnel
  private(set) var lines = 0
  private(set) var badLines: [BadLine] = []
  /// The first id and the last, and their lines.
  private(set) var first: (id: Int, line: Int)?
  private(set) var last: (id: Int, line: Int)?
  private(set) var rejects: [Reject] = []
  /// Texts before and after, of posts that may be drawn.
  private(set) var pairs: [CleanedPair] = []
  private(set) var explanation: Explanation?

  private let isOnePostALine: Bool

  /// An empty block; `funnel` is one of nothing yet.
  init(_ funnel: Funnel) {
    self.funnel = funnel
    isOnePostALine = funnel.isOnePostALine
  }

  /// Cleans the posts of the text.
  func clean(with worker: CleaningWorker) {
    clear()
    let text = text.bytes
    forEachLine(of: text) { line, bytes in
      guard !bytes.allSatisfy({ $0 == 0x20 || $0 == 0x09 || $0 == 0x0D }) else { return }
      do throws(BadLine) {
        try take(bytes, line, worker)
      } catch {
        badLines.append(error)
      }
    }
    funnel = worker.cleaner.takeCounts()
  }

  private func clear() {
    output.removeAll(keepingCapacity: true)
    posts.removeAll(keepingCapacity: true)
    fingerprints.removeAll(keepingCapacity: true)
    badLines = []
    (first, last) = (nil, nil)
    rejects = []
    pairs = []
    explanation = nil
  }

  private func take(
    _ bytes: UnsafeRawBufferPointer, _ line: Int, _ worker: CleaningWorker
  ) throws(BadLine) {
    let post: Post
    do {
      post = try worker.parser.parse(bytes, line: line)
    } catch {
      throw BadLine(
        line: line, problem: .notAPost((error as? InputError)?.problem ?? "\(error)"))
    }
    if let last, post.id <= last.id {
      throw BadLine(
        line: line, problem: .order(id: post.id, behind: last.id, ofLine: last.line))
    }
    first = first ?? (post.id, line)
    last = (post.id, line)
    let inspection = worker.inspection
    var explaining: Explanation?
    if post.id == inspection.explained {
      explaining = Explanation(id: post.id, line: line, text: post.text, steps: [])
    }
    let dropper = worker.cleaner.clean(post, explaining: &explaining)
    if explaining != nil { explanation = explaining }
    if let dropper {
      if inspection.tellsRejects {
        rejects.append(
          Reject(
            id: post.id, rule: worker.cleaner.funnel.steps[dropper].rule, text: post.text))
      }
      return
    }
    keep(post, worker)
  }

  private func keep(_ post: Post, _ worker: CleaningWorker) {
    let start = output.count
    let digest = worker.cleaner.draft.withText { text in
      output.append(contentsOf: text)
      worker.fingerprints?.append(of: text, to: &fingerprints)
      return Digest(of: text)
    }
    let range = start..<output.count
    if isOnePostALine { output.append(0x0A) }
    var pair: Int?
    if worker.inspection.tellsRejects || worker.inspection.sampleCount > 0 {
      pair = pairs.count
      pairs.append(
        CleanedPair(
          id: post.id, before: post.text, after: String(decoding: output[range], as: UTF8.self)))
    }
    posts.append(
      Cleaned(id: post.id, range: range, digest: digest, views: post.views, pair: pair))
  }

  /// Calls `body` with the number, from 1, and the bytes of each line.
  private func forEachLine(
    of text: UnsafeRawBufferPointer, _ body: (Int, UnsafeRawBufferPointer) -> Void
  ) {
    lines = 0
    var start = 0
    while start < text.count {
      let rest = UnsafeRawBufferPointer(rebasing: text[start...])
      let length = rest.firstIndex(of: 0x0A) ?? rest.count
      lines += 1
      body(lines, UnsafeRawBufferPointer(rebasing: rest[..<length]))
      start += length + 1
    }
  }
}
