/// Rows of results: aligned columns for people, tab-separated lines for programs.
///
///     var table = TextTable(["token", "id", "text"], rightAligned: [0, 1])
///     table.rows.append(["0", "1169", "К"])
///     print(table.text(isAligned: Terminal.showsOutput, hasColor: Terminal.hasOutputColor))
public struct TextTable: Sendable {
  /// What is in each row, a text a column, without tabs and newlines.
  public var rows: [[String]] = []
  private let titles: [String]
  private let rightAligned: Set<Int>

  /// A table with columns of these `titles`, those with the numbers `rightAligned` set to the right.
  public init(_ titles: [String], rightAligned: Set<Int> = []) {
    self.titles = titles
    self.rightAligned = rightAligned
  }

  /// The table as text, a newline behind each row.
  ///
  /// Aligned it has a first row of titles, dim if it `hasColor`. Otherwise a tab parts the columns,
  /// and there are no titles. The last column is never filled up, so the widths that a terminal
  /// gives to unusual characters do not matter there.
  public func text(isAligned: Bool, hasColor: Bool) -> String {
    guard isAligned else {
      return rows.map { $0.joined(separator: "\t") + "\n" }.joined()
    }
    let all = [titles] + rows
    let widths = titles.indices.map { column in all.map { $0[column].count }.max() ?? 0 }
    return all.enumerated().map { number, row in
      let line = row.indices.map { column in
        let padding = String(repeating: " ", count: widths[column] - row[column].count)
        if rightAligned.contains(column) { return padding + row[column] }
        return column == row.count - 1 ? row[column] : row[column] + padding
      }.joined(separator: "  ")
      return number == 0 && hasColor ? "\u{1B}[2m\(line)\u{1B}[0m\n" : line + "\n"
    }.joined()
  }
}
