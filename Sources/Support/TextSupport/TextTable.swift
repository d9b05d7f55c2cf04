/// Rows of results: aligned columns for people, or tab-separated lines for programs.
///
///     var table = TextTable(["token", "id", "text"], rightAligned: [0, 1])
///     table.rows.append(["0", "1169", "К"])
///     print(table.text(isAligned: Terminal.showsOutput, hasColor: Terminal.hasOutputColor))
public struct TextTable: Sendable {
  /// The cells of each row, without tabs and newlines; empty cells at its end may be omitted.
  public var rows: [[String]] = []
  private let titles: [String]
  private let rightAligned: Set<Int>

  /// A table with columns of these `titles`, or without titles; the columns at the indices
  /// `rightAligned` are right-aligned.
  public init(_ titles: [String] = [], rightAligned: Set<Int> = []) {
    self.titles = titles
    self.rightAligned = rightAligned
  }

  /// The table as text, with a newline after each row.
  ///
  /// If it is aligned, its first row holds the titles, dimmed if it `hasColor`. A column without
  /// text is omitted, and nothing follows the last text of a row, so the width that a terminal
  /// gives to unusual characters does not matter there. Otherwise tabs separate the columns, and
  /// there are no titles.
  public func text(isAligned: Bool = true, hasColor: Bool = false) -> String {
    guard isAligned else {
      return rows.map { $0.joined(separator: "\t") + "\n" }.joined()
    }
    let all = titles.isEmpty ? rows : [titles] + rows
    var widths: [Int] = []
    for row in all {
      for (column, cell) in row.enumerated() {
        if column == widths.count { widths.append(0) }
        widths[column] = max(widths[column], cell.count)
      }
    }
    return all.enumerated().map { index, row in
      let last = row.lastIndex { !$0.isEmpty } ?? -1
      let line = (0..<(last + 1)).filter { widths[$0] > 0 }.map { column in
        let padding = String(repeating: " ", count: widths[column] - row[column].count)
        if rightAligned.contains(column) { return padding + row[column] }
        return column == last ? row[column] : row[column] + padding
      }.joined(separator: "  ")
      return index == 0 && hasColor && !titles.isEmpty
        ? "\u{1B}[2m\(line)\u{1B}[0m\n" : line + "\n"
    }.joined()
  }
}
