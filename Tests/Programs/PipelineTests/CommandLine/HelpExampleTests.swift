import TestSupport
import Testing

@Suite("the examples of --help")
struct HelpExampleTests {
  @Test("are the same in zsh, which expands more than other shells", arguments: programs)
  func examples(_ program: String) throws {
    let folder = try TemporaryFolder()
    let ended = try Subprocess.run(try builtProgram(program), ["--help"], in: folder.path)
    let lines = ended.output.split(separator: "\n")
    for line in lines.map({ $0.drop { $0 == " " } }) where line.hasPrefix(program + " ") {
      // Usage lines show what may be given.
      if line.contains("<") { continue }
      let unquoted = line.split(separator: "'", omittingEmptySubsequences: false).enumerated()
        .filter { $0.offset % 2 == 0 }.map(\.element).joined()
      #expect(!unquoted.contains { "[]?*!".contains($0) }, "\(line)")
    }
  }
}
