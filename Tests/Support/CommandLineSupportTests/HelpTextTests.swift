import CommandLineSupport
import Testing

@Suite("HelpText")
struct HelpTextTests {
  private func help(width: Int, discussion: String = "") -> HelpText {
    HelpText(
      name: "example", abstract: "Show what there is.", discussion: discussion,
      schema: CommandSchema(of: Example()), width: width)
  }

  @Test("shows arguments, options, groups, defaults, choices and aliases")
  func wholeText() {
    let expected = """
      Show what there is.

      usage: example [<options>] <in.txt> [<target>]

      arguments:
        <in.txt>                      what to read
        <target>                      what to write (default: -)

      options:
        -n, --layer-count <layer-count>
                                      how many layers (default: 4)
            --rate <rate>             the rate (default: 0.5; also --lr)
            --colour <colour>         the colour (red, green)
        -o, --output <path>           where to (required)
            --home <folder>           a folder (default: .)
        -v, --verbose                 say more
            --[no-]shuffle            shuffle the posts (default: yes)

      sampling:
            --seed <seed>             the seed (default: 7)

      about the program:
        -h, --help                    show this help
            --version                 show the version, the commit and the libraries
            --generate-completion-script <shell>
                                      print completions for bash, zsh or fish, to be sourced by the shell

      examples: none

      """
    #expect(help(width: 120, discussion: "examples: none").text == expected)
  }

  @Test("keeps to the given width")
  func width() {
    let lines = help(width: 80).text.split(separator: "\n")
    #expect(lines.allSatisfy { $0.count <= 80 })
    #expect(lines.contains { $0.hasSuffix("sourced by the shell") })
  }

  @Test("shows repeated arguments in the usage line")
  func repeated() {
    let help = HelpText(
      name: "several", abstract: "", discussion: "", schema: CommandSchema(of: Several()),
      width: 80)
    #expect(help.usageLine == "usage: several [<options>] <inputs>...")
  }

  @Test("shows that options may be repeated")
  func repeatedOptions() {
    let help = HelpText(
      name: "repeating", abstract: "", discussion: "", schema: CommandSchema(of: Repeating()),
      width: 100)
    #expect(help.usageLine == "usage: repeating [<options>]")
    #expect(
      help.text.contains("  -w, --without <path>          what to leave out (may be repeated)\n"))
    #expect(
      help.text.contains("the colours (red, green; may be repeated; also --color)\n"))
  }
}
