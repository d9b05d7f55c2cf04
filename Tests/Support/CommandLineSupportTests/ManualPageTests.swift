import CommandLineSupport
import Testing

@Suite("ManualPage")
struct ManualPageTests {
  private let page = ManualPage(
    HelpText(
      name: "an-example", abstract: "Show what there is.",
      discussion: """
        A list is
          one thing, which
            goes on
          another
        and then --rate
        goes on.

        examples:
          an-example in.txt \\
            --rate 1
              reads 'it'

        .hidden files are not read.
        """,
      schema: CommandSchema(of: Example()), width: 80),
    files: [(path: "~/.example", text: "What it remembers.")]
  ).text

  /// What is between the heading `title` and the next one.
  private func section(_ title: String) throws -> String {
    let start = try #require(page.firstRange(of: ".SH \(title)\n")).upperBound
    let rest = page[start...]
    return String(rest[..<(rest.firstRange(of: "\n.SH ")?.lowerBound ?? rest.endIndex)])
  }

  @Test("begins with the name as apropos finds it, and how to call the program")
  func head() throws {
    #expect(page.hasPrefix(".TH AN\\-EXAMPLE 1 "))
    #expect(try section("NAME") == "an\\-example \\- show what there is")
    #expect(
      try section("SYNOPSIS") == """
        \\fBan\\-example\\fR
        [\\fIoptions\\fR]
        \\fIin.txt\\fR
        [\\fItarget\\fR]
        """)
  }

  @Test("shows paragraphs, lists in them, and options in bold")
  func description() throws {
    #expect(
      try section("DESCRIPTION") == """
        Show what there is.
        .PP
        A list is
        .IP \\(bu 2
        one thing, which
        goes on
        .IP \\(bu 2
        another
        .PP
        and then \\fB\\-\\-rate\\fR
        goes on.
        .PP
        \\&.hidden files are not read.
        """)
  }

  @Test("shows options in their groups, with all their names")
  func options() throws {
    let options = try section("OPTIONS")
    #expect(
      options.hasPrefix(
        """
        .TP
        \\fB\\-n\\fR, \\fB\\-\\-layer\\-count\\fR \\fIlayer\\-count\\fR
        how many layers (default: 4)
        .TP
        \\fB\\-\\-rate\\fR, \\fB\\-\\-lr\\fR \\fIrate\\fR
        the rate (default: 0.5)
        """))
    #expect(options.contains(".TP\n\\fB\\-\\-shuffle\\fR, \\fB\\-\\-no\\-shuffle\\fR\n"))
    #expect(
      options.contains(
        ".SS Sampling\n.TP\n\\fB\\-\\-seed\\fR \\fIseed\\fR\nthe seed (default: 7)\n"))
    #expect(options.contains(".SS About the program\n.TP\n\\fB\\-h, \\-\\-help\\fR\n"))
  }

  @Test("shows commands with what they do, statuses, files and the other programs")
  func rest() throws {
    #expect(
      try section("EXAMPLES") == """
        .nf
        \\fBan\\-example in.txt \\e\\fR
        \\fB  \\-\\-rate 1\\fR
        .fi
        .RS 4
        reads \\(aqit\\(aq
        .RE
        """)
    #expect(try section("EXIT STATUS").contains(".TP\n\\fB64\\fR\nThe command line is wrong.\n"))
    #expect(try section("FILES") == ".TP\n\\fI\\(ti/.example\\fR\nWhat it remembers.")
    #expect(
      try section("SEE ALSO").hasPrefix("\\fBbpe\\-encode\\fR(1),\n\\fBbugurt\\-clean\\fR(1),\n"))
    #expect(page.hasSuffix("\n"))
  }
}
