import TextSupport

extension Funnel {
  /// The funnel as a table to read: posts in, what each rule did, posts out.
  ///
  /// Shares are of all posts that came in. Where lines were passed over that are no posts, the table
  /// begins with `lines in` and `bad lines`.
  ///
  ///     posts in      20,641
  ///     channel-news    -412   2.0 %      0 changed
  ///     header             0   0.0 %  6,190 changed
  ///     posts out     20,229  98.0 %
  public func table() -> String {
    var rows: [[String]] = []
    if badLines > 0 {
      rows.append(["lines in", NumberText.count(postsIn + badLines), "", ""])
      rows.append(["bad lines", "-" + NumberText.count(badLines), "", ""])
    }
    rows.append(["posts in", NumberText.count(postsIn), "", ""])
    for step in steps {
      rows.append([
        step.rule, (step.dropped > 0 ? "-" : "") + NumberText.count(step.dropped),
        share(step.dropped),
        "\(NumberText.count(step.changed)) changed",
      ])
    }
    rows.append(["posts out", NumberText.count(postsOut), share(postsOut), ""])
    let widths = (0..<4).map { column in rows.map { $0[column].count }.max() ?? 0 }
    return rows.map { row in
      var line = row[0] + String(repeating: " ", count: widths[0] - row[0].count)
      for column in 1..<4 where widths[column] > 0 && !row[column...].allSatisfy(\.isEmpty) {
        line += String(repeating: " ", count: 2 + widths[column] - row[column].count) + row[column]
      }
      return line
    }.joined(separator: "\n")
  }

  /// `count` of the posts that came in, in per cent with one digit behind the point.
  private func share(_ count: Int) -> String {
    guard postsIn > 0 else { return "" }
    let tenths = Int((Double(count) * 1000 / Double(postsIn)).rounded())
    return "\(tenths / 10).\(tenths % 10) %"
  }
}
