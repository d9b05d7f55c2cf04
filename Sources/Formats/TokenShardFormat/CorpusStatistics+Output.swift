import FileSupport
import JSONSupport
import TextSupport

extension CorpusStatistics {
  /// The statistics for the manifest; `files` are the names of the files.
  public func value(files: [String]) -> JSONValue {
    var members: [JSONValue.Member] = [
      .init("tokens", .integer(uses.tokens)), .init("text_bytes", .integer(textBytes)),
      .init("vocabulary_used", .integer(uses.vocabularyUsed)),
      .init(
        "invalid_utf8",
        ["sequences": .integer(invalidUTF8.sequences), "bytes": .integer(invalidUTF8.bytes)]),
    ]
    guard lengths.posts > 0 else { return .object(members) }
    let classes = lengths.counts.enumerated().map { index, count -> JSONValue in
      let bound = index < lengths.bounds.count ? JSONValue.integer(lengths.bounds[index]) : .null
      return ["up_to": bound, "posts": .integer(count)]
    }
    let longest = lengths.longest.map { post -> JSONValue in
      [
        "tokens": .integer(post.tokens), "bytes": .integer(post.bytes),
        "file": .string(Self.name(post.file, files)), "line": .integer(post.line),
      ]
    }
    members += [
      .init("posts", .integer(lengths.posts)), .init("block_size", .integer(lengths.blockSize)),
      .init("posts_longer_than_block", .integer(lengths.postsLongerThanBlock)),
      .init("post_tokens", .array(classes)), .init("longest_posts", .array(longest)),
    ]
    return .object(members)
  }

  /// The statistics as lines of readable text; `files` are the names of the files.
  ///
  ///     tokens               33,745  5.23 bytes a token
  ///     vocabulary used       1,746  87.3 % of 2,000
  ///     posts                   551  61.2 tokens a post, with the end of text
  ///       …
  ///       up to 64              359  65.2 %  ########################
  ///       up to 128             189  34.3 %  #############
  ///     longer than a block       0  0.0 % of the posts have more than 128 tokens
  ///     longest posts            89  tokens, 400 bytes: posts.txt, line 342
  ///     …
  public func table(files: [String]) -> [String] {
    var table = TextTable(rightAligned: [1])
    func add(_ name: String, _ count: Int, _ note: String) {
      table.rows.append([name, NumberText.count(count), note])
    }
    let (tokens, posts) = (uses.tokens, lengths.posts)
    add("tokens", tokens, tokens > 0 ? Self.ratio(textBytes, tokens, 2) + " bytes a token" : "")
    add(
      "vocabulary used", uses.vocabularyUsed,
      "\(NumberText.percent(uses.vocabularyUsed, of: uses.vocabularySize)) of "
        + NumberText.count(uses.vocabularySize))
    if invalidUTF8.sequences > 0 {
      add(
        "not UTF-8", invalidUTF8.sequences, "places, \(NumberText.count(invalidUTF8.bytes)) bytes")
    }
    if posts > 0 {
      add(
        "posts", posts, Self.ratio(tokens, posts, 1) + " tokens a post, with the end of text")
      addLengthClasses(to: &table)
      add(
        "longer than a block", lengths.postsLongerThanBlock,
        NumberText.percent(lengths.postsLongerThanBlock, of: posts)
          + " of the posts have more than \(NumberText.count(lengths.blockSize)) tokens")
      for (index, post) in lengths.longest.enumerated() {
        add(
          index == 0 ? "longest posts" : "", post.tokens,
          "tokens, \(NumberText.count(post.bytes)) bytes: \(excerpt(Self.name(post.file, files))), "
            + "line \(post.line)")
      }
    }
    return table.text().split(separator: "\n").map { String($0) }
  }

  /// Adds a row with a bar for each class of lengths.
  private func addLengthClasses(to table: inout TextTable) {
    let largest = max(lengths.counts.max() ?? 0, 1)
    let fractions = lengths.counts.map { NumberText.percent($0, of: lengths.posts) }
    let width = fractions.map(\.count).max() ?? 0
    // Classes beyond the block size matter only if they contain posts.
    let blockClass = lengths.bounds.firstIndex(of: lengths.blockSize) ?? 0
    let lastClass = max(blockClass, lengths.counts.lastIndex { $0 > 0 } ?? 0)
    for (index, count) in lengths.counts[...lastClass].enumerated() {
      let name =
        index < lengths.bounds.count
        ? "up to \(NumberText.count(lengths.bounds[index]))"
        : "above \(NumberText.count(lengths.bounds[index - 1]))"
      // The longest bar has 24 marks, and that of any nonempty class at least one.
      let bar = String(repeating: "#", count: (count * 24 + largest - 1) / largest)
      let padding = String(repeating: " ", count: width - fractions[index].count)
      let note = padding + fractions[index] + (bar.isEmpty ? "" : "  " + bar)
      table.rows.append(["  " + name, NumberText.count(count), note])
    }
  }

  private static func ratio(_ numerator: Int, _ denominator: Int, _ digits: Int) -> String {
    NumberText.decimal(Double(numerator) / Double(denominator), digits: digits)
  }

  private static func name(_ file: Int, _ files: [String]) -> String {
    files.indices ~= file ? files[file] : "file \(file)"
  }
}
