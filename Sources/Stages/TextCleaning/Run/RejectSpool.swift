import FileSupport

/// Dropped posts that wait, in a file without a name, until those before them are decided of.
struct RejectSpool {
  /// The rules by their numbers.
  private let rules: [String]
  private let file: AppendFile
  /// What is not in the file yet.
  private var buffer: [UInt8] = []
  private var position = 0

  private static let largestBuffer = 1 << 20
  /// Before each text stand three numbers of 8 bytes: the id, the number of the rule, and how many
  /// bytes the text has.
  private static let headerSize = 24

  /// An empty spool of posts that one of `rules` dropped.
  ///
  /// - Throws: `FileError`.
  init(rules: [String]) throws {
    self.rules = rules
    file = try AppendFile.temporary()
  }

  /// Takes in `reject`, for which no other post is kept.
  ///
  /// - Throws: `FileError`.
  mutating func add(_ reject: Reject) throws {
    guard let rule = rules.firstIndex(of: reject.rule), reject.keptInstead == nil else {
      preconditionFailure("'\(reject.rule)' drops no post before the end of the file")
    }
    for number in [reject.id, rule, reject.text.utf8.count] {
      withUnsafeBytes(of: Int64(number)) { buffer.append(contentsOf: $0) }
    }
    buffer.append(contentsOf: reject.text.utf8)
    if buffer.count > Self.largestBuffer { try flush() }
  }

  private mutating func flush() throws {
    try file.append(buffer)
    buffer.removeAll(keepingCapacity: true)
  }

  /// The next post, in the order in which they were taken in; `nil` behind the last.
  ///
  /// - Throws: `FileError`.
  mutating func next() throws -> Reject? {
    if !buffer.isEmpty { try flush() }
    guard position < file.size else { return nil }
    let header = try file.bytes(position..<(position + Self.headerSize))
    let numbers = header.withUnsafeBytes { header in
      [0, 8, 16].map { Int(header.loadUnaligned(fromByteOffset: $0, as: Int64.self)) }
    }
    let start = position + Self.headerSize
    position = start + numbers[2]
    let text = try file.bytes(start..<position)
    return Reject(
      id: numbers[0], rule: rules[numbers[1]], text: String(decoding: text, as: UTF8.self))
  }
}
