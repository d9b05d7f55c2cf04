import FileSupport

/// Cleaned posts that wait, in a file without a name, until it is decided which of them are written.
final class PostSpool {
  /// A post that waits.
  struct Entry {
    let id: Int
    /// How often it was seen; -1 where that is not known.
    let views: Int
    /// Where its text stands, with its newline.
    let text: Range<Int>
    /// Where its text as posted stands, in the other file; empty where it is not asked for.
    let before: Range<Int>
  }

  private(set) var entries: [Entry] = []
  private(set) var fingerprints: [UInt32] = []
  private let numbersPerPost: Int
  private let newlineCount: Int
  private let texts: AppendFile
  private let textsBefore: AppendFile
  private var rejects: RejectSpool
  private var buffer: [UInt8] = []
  private var bufferBefore: [UInt8] = []

  /// An empty spool of posts with `numbersPerPost` numbers in a fingerprint, and of such as one of
  /// `rules` dropped.
  ///
  /// - Throws: `FileError`.
  init(numbersPerPost: Int, isOnePostALine: Bool, rules: [String]) throws {
    self.numbersPerPost = numbersPerPost
    newlineCount = isOnePostALine ? 1 : 0
    texts = try AppendFile.temporary()
    textsBefore = try AppendFile.temporary()
    rejects = try RejectSpool(rules: rules)
  }

  /// Takes in a post that was dropped.
  ///
  /// - Throws: `FileError`.
  func add(_ reject: Reject) throws {
    try rejects.add(reject)
  }

  /// The next of the posts that were dropped before they came here; `nil` behind the last.
  ///
  /// - Throws: `FileError`.
  func nextReject() throws -> Reject? {
    try rejects.next()
  }

  /// Takes in the post `index` of `cleaned`; it is in the file after ``flush()``.
  func add(_ index: Int, of cleaned: CleanedPosts) {
    let post = cleaned.posts[index]
    let start = texts.size + buffer.count
    buffer += cleaned.output[post.range.lowerBound..<(post.range.upperBound + newlineCount)]
    let startBefore = textsBefore.size + bufferBefore.count
    if let text = post.textBefore { bufferBefore += text.utf8 }
    entries.append(
      Entry(
        id: post.id, views: post.views ?? -1, text: start..<(texts.size + buffer.count),
        before: startBefore..<(textsBefore.size + bufferBefore.count)))
    fingerprints += cleaned.fingerprints[(index * numbersPerPost)..<((index + 1) * numbersPerPost)]
    precondition(entries.count < UInt32.max)
  }

  /// Brings what was added to the files.
  ///
  /// - Throws: `FileError`.
  func flush() throws {
    try texts.append(buffer)
    try textsBefore.append(bufferBefore)
    buffer.removeAll(keepingCapacity: true)
    bufferBefore.removeAll(keepingCapacity: true)
  }

  /// The text of the post `index`, without a newline.
  ///
  /// - Throws: `FileError`.
  func text(_ index: Int) throws -> [UInt8] {
    let range = entries[index].text
    return try texts.bytes(range.lowerBound..<(range.upperBound - newlineCount))
  }

  /// The text of the post `index` as posted.
  ///
  /// - Throws: `FileError`.
  func textBefore(_ index: Int) throws -> String {
    String(decoding: try textsBefore.bytes(entries[index].before), as: UTF8.self)
  }

  /// Finds which posts go because one that is kept is nearly equal; for each that one, or `nil`.
  ///
  /// The fingerprints are gone afterwards.
  ///
  /// - Throws: `FileError`; what `check` throws.
  func findNearDuplicates(
    by settings: RuleSettings, check: () throws -> Void
  ) throws -> [Int?] {
    var order = entries.indices.map { UInt32($0) }
    if settings.word("keep") == "views" {
      order.sort { first, second in
        let (views, otherViews) = (entries[Int(first)].views, entries[Int(second)].views)
        return views != otherViews ? views > otherViews : first < second
      }
    }
    let numbers = fingerprints
    fingerprints = []
    var search = NearDuplicateSearch(
      fingerprints: numbers, numbersPerPost: numbersPerPost, order: order)
    return try search.run(
      similarity: settings.share("similarity"), shingleLength: settings.count("shingle"),
      text: text, check: check)
  }

  /// Calls `body` with the texts of the posts that `isKept` is true of, as they stand in the file, in
  /// pieces of several.
  ///
  /// - Throws: `FileError`; what `body` throws.
  func forEachPiece(
    where isKept: (Int) -> Bool, _ body: (ArraySlice<UInt8>) throws -> Void
  ) throws {
    var piece = 0..<0
    for index in entries.indices where isKept(index) {
      let range = entries[index].text
      if range.lowerBound == piece.upperBound, piece.count + range.count <= 1 << 20 {
        piece = piece.lowerBound..<range.upperBound
      } else {
        try body(texts.bytes(piece)[...])
        piece = range
      }
    }
    try body(texts.bytes(piece)[...])
  }
}
