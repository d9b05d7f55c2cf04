import Testing
import TextSupport

@Suite("TextTable")
struct TextTableTests {
  private static func table() -> TextTable {
    var table = TextTable(["token", "id", "text"], rightAligned: [0, 1])
    table.rows = [["0", "1169", "К"], ["10", "7", "␣КОТ"]]
    return table
  }

  @Test("sets columns under their titles for people")
  func aligned() {
    #expect(
      Self.table().text(isAligned: true, hasColor: false) == """
        token    id  text
            0  1169  К
           10     7  ␣КОТ

        """)
    #expect(
      Self.table().text(isAligned: true, hasColor: true).hasPrefix(
        "\u{1B}[2mtoken    id  text\u{1B}[0m\n    0 "))
    #expect(TextTable(["a", "b"]).text(isAligned: true, hasColor: false) == "a  b\n")
    var left = TextTable(["name", "n"])
    left.rows = [["a", "1"], ["abcdef", "2"]]
    #expect(
      left.text(isAligned: true, hasColor: false) == "name    n\na       1\nabcdef  2\n")
  }

  @Test("needs no titles, leaves out empty columns, and ends a row with its last text")
  func untitled() {
    var table = TextTable(rightAligned: [1, 3])
    table.rows = [["posts", "12"], ["links", "3", "", "1 changed"], ["", "100", "", ""]]
    #expect(
      table.text(hasColor: true) == """
        posts   12
        links    3  1 changed
               100

        """)
    #expect(TextTable().text() == "")
  }

  @Test("separates columns by tabs for programs, without titles and colours")
  func tabSeparated() {
    #expect(Self.table().text(isAligned: false, hasColor: true) == "0\t1169\tК\n10\t7\t␣КОТ\n")
    #expect(TextTable(["a"]).text(isAligned: false, hasColor: false) == "")
  }
}
