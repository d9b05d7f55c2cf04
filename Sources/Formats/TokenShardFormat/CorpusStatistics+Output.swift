import FileSupport
import JSONSupport
import TextSupport

extension CorpusStatistics {
  /// The statistics as they stand in the manifest; `files` are the names of the files.
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

  /// The statistics as lines to read; `files` are the names of the files.
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
    let (tokens, posts) = (uses.tokens, lengths.posts)
    var rows: [(name: String, count: String, note: String)] = [
      (
        "tokens", NumberText.count(tokens),
        tokens > 0 ? "\(decimal(textBytes, tokens, digits: 2)) bytes a token" : ""
      ),
      (
        "vocabulary used", NumberText.count(uses.vocabularyUsed),
        "\(share(uses.vocabularyUsed, of: uses.vocabularySize)) of \(NumberText.count(uses.vocabularySize))"
      ),
    ]
    if invalidUTF8.sequences > 0 {
      rows.append(
        (
          "not UTF-8", NumberText.count(invalidUTF8.sequences),
          "places, \(NumberText.count(invalidUTF8.bytes)) bytes"
        )
      )
    }
    if posts > 0 {
      rows.append(
        (
          "posts", NumberText.count(posts),
          "\(decimal(tokens, posts, digits: 1)) tokens a post, with the end of text"
        ))
      let largest = max(lengths.counts.max() ?? 0, 1)
      let shares = lengths.counts.map { share($0, of: posts) }
      let width = shares.map(\.count).max() ?? 0
      // Classes above a block are of interest only where there are posts in them.
      let blockClass = lengths.bounds.firstIndex(of: lengths.blockSize) ?? 0
      let lastClass = max(blockClass, lengths.counts.lastIndex { $0 > 0 } ?? 0)
      for (index, count) in lengths.counts[...lastClass].enumerated() {
        let name =
          index < lengths.bounds.count
          ? "up to \(NumberText.count(lengths.bounds[index]))"
          : "above \(NumberText.count(lengths.bounds[index - 1]))"
        // The longest bar has 24 marks, and what is there at all has one.
        let bar = String(repeating: "#", count: (count * 24 + largest - 1) / largest)
        let padding = String(repeating: " ", count: width - shares[index].count)
        rows.append(("  " + name, NumberText.count(count), padding + shares[index] + "  " + bar))
      }
      rows.append(
        (
          "longer than a block", NumberText.count(lengths.postsLongerThanBlock),
          "\(share(lengths.postsLongerThanBlock, of: posts)) of the posts have more than "
            + "\(NumberText.count(lengths.blockSize)) tokens"
        ))
      for (index, post) in lengths.longest.enumerated() {
        rows.append(
          (
            index == 0 ? "longest posts" : "", NumberText.count(post.tokens),
            "tokens, \(NumberText.count(post.bytes)) bytes: \(Self.name(post.file, files)), "
              + "line \(post.line)"
          ))
      }
    }
    let nameWidth = rows.map(\.name.count).max() ?? 0
    let countWidth = rows.map(\.count.count).max() ?? 0
    return rows.map { row in
      let line =
        row.name + String(repeating: " ", count: nameWidth - row.name.count + 2)
        + String(repeating: " ", count: countWidth - row.count.count) + row.count + "  " + row.note
      return String(line.reversed().drop { $0 == " " }.reversed())
    }
  }

  private static func name(_ file: Int, _ files: [String]) -> String {
    files.indices ~= file ? files[file] : "file \(file)"
  }
}

/// `numerator` over `denominator`, which is above 0, with `digits` digits behind the point.
private func decimal(_ numerator: Int, _ denominator: Int, digits: Int) -> String {
  var scale = 1
  for _ in 0..<digits { scale *= 10 }
  let scaled = Int((Double(numerator) * Double(scale) / Double(denominator)).rounded())
  let fraction = String(scaled % scale)
  return NumberText.count(scaled / scale) + "."
    + String(repeating: "0", count: digits - fraction.count)
    + fraction
}

/// `count` of `total` in per cent.
private func share(_ count: Int, of total: Int) -> String {
  total > 0 ? decimal(count * 100, total, digits: 1) + " %" : "0.0 %"
}
