import CorpusFormat
import FileSupport
import PostFormat

/// What posts are cleaned with.
struct CleaningTools: ~Copyable {
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

/// What comes of a block of lines of posts, each looked at by itself.
struct CleanedPosts {
  /// A post that came through.
  struct Cleaned {
    let id: Int
    /// Its text in ``output``, without a newline.
    let range: Range<Int>
    let digest: Digest
    let views: Int?
    /// Its text as posted, where that may be told.
    let textBefore: String?
  }

  /// A line that is no post, or one whose id does not ascend.
  struct BadLine: Error {
    /// The line in the block, from 1.
    let line: Int
    let problem: Problem
    /// What to do about it if no post stands before.
    var remedyAtFirst = ""

    enum Problem {
      case notAPost(String)
      case order(id: Int, behind: Int, ofLine: Int)
    }

    /// What is to be said of it where `before` lines stand before the block, and, if it `isFirst`, no
    /// post.
    func error(_ path: String, linesBefore before: Int, isFirst: Bool) -> InputError {
      switch problem {
      case .notAPost(let text):
        InputError(path, .line(before + line), text + (isFirst ? remedyAtFirst : ""))
      case .order(let id, let other, let otherLine):
        PostCursor.orderError(path, (id, before + line), behind: (other, before + otherLine))
      }
    }
  }

  /// The cleaned texts, with a newline behind each where each is a line.
  private(set) var output: [UInt8] = []
  private(set) var posts: [Cleaned] = []
  /// The fingerprints of the posts, one behind the other.
  private(set) var fingerprints: [UInt32] = []
  private(set) var funnel: Funnel
  private(set) var lines = 0
  private(set) var badLines: [BadLine] = []
  /// How many posts had half of a surrogate pair in a text.
  private(set) var repairedCount = 0
  /// The first id and the last, and their lines.
  private(set) var first: (id: Int, line: Int)?
  private(set) var last: (id: Int, line: Int)?
  private(set) var rejects: [Reject] = []
  private(set) var explanation: Explanation?

  /// Nothing yet, as `funnel` is.
  init(_ funnel: Funnel) {
    self.funnel = funnel
  }

  /// Cleans the posts of `text`, lines, in place of those before.
  ///
  /// Ids must be above that of `previous`, whose line is counted as those of the text are.
  mutating func clean(
    _ text: UnsafeRawBufferPointer, with tools: inout CleaningTools,
    behind previous: (id: Int, line: Int)?
  ) {
    clear()
    last = previous
    var start = 0
    while start < text.count {
      let end = endOfLine(in: text, from: start)
      lines += 1
      let line = UnsafeRawBufferPointer(rebasing: text[start..<end])
      start = end + 1
      if PostParser.isBlank(line) { continue }
      do throws(BadLine) {
        try take(line, &tools)
      } catch {
        badLines.append(error)
      }
    }
    funnel = tools.cleaner.takeCounts()
  }

  private mutating func clear() {
    output.removeAll(keepingCapacity: true)
    posts.removeAll(keepingCapacity: true)
    fingerprints.removeAll(keepingCapacity: true)
    lines = 0
    badLines = []
    repairedCount = 0
    (first, last) = (nil, nil)
    rejects = []
    explanation = nil
  }

  private mutating func take(
    _ bytes: UnsafeRawBufferPointer, _ tools: inout CleaningTools
  ) throws(BadLine) {
    let post: Post
    let replacedBefore = tools.parser.replacedSurrogates
    do {
      post = try tools.parser.parse(bytes, line: lines)
    } catch {
      throw BadLine(
        line: lines, problem: .notAPost((error as? InputError)?.problem ?? "\(error)"),
        remedyAtFirst: PipelineFile.remedy(forFirstLine: bytes, in: tools.parser.path))
    }
    if let last, post.id <= last.id {
      throw BadLine(
        line: lines, problem: .order(id: post.id, behind: last.id, ofLine: last.line))
    }
    if tools.parser.replacedSurrogates > replacedBefore { repairedCount += 1 }
    first = first ?? (post.id, lines)
    last = (post.id, lines)
    var explaining: Explanation?
    if post.id == tools.inspection.explained {
      explaining = Explanation(id: post.id, line: lines, text: post.text, steps: [])
    }
    let dropper = tools.cleaner.clean(post, explaining: &explaining)
    if explaining != nil { explanation = explaining }
    guard let dropper else { return keep(post, &tools) }
    if tools.inspection.tellsRejects {
      rejects.append(
        Reject(id: post.id, rule: tools.cleaner.funnel.steps[dropper].rule, text: post.text))
    }
  }

  private mutating func keep(_ post: Post, _ tools: inout CleaningTools) {
    let start = output.count
    let digest = tools.cleaner.draft.withText { text in
      output.append(contentsOf: text)
      return Digest(of: text)
    }
    let range = start..<output.count
    tools.fingerprints?.append(of: output[range], to: &fingerprints)
    if funnel.isOnePostALine { output.append(0x0A) }
    posts.append(
      Cleaned(
        id: post.id, range: range, digest: digest, views: post.views,
        textBefore: tools.inspection.tellsPosts ? post.text : nil))
  }
}
