import CommandLineSupport
import Foundation
import TestSupport
import Testing

@Suite("CompletionScript")
struct CompletionScriptTests {
  private static let hasBash = FileManager.default.isExecutableFile(atPath: "/bin/bash")

  private func script(_ shell: CompletionScript.Shell) -> String {
    CompletionScript(name: "an-example", schema: CommandSchema(of: Example())).text(for: shell)
  }

  /// What bash offers for the last of `words`, sorted, in a folder with some files.
  private func replies(_ words: [String]) throws -> [String] {
    let folder = try TemporaryFolder()
    try folder.write("", to: "my posts.txt")
    try folder.write("", to: "my folder/inner.txt")
    try folder.write(script(.bash), to: "completion.bash")
    let quoted = words.map { "'\($0)'" }.joined(separator: " ")
    try folder.write(
      """
      set -eu
      cd '\(folder.path)'
      source completion.bash
      COMP_WORDS=(an-example \(quoted))
      COMP_CWORD=\(words.count)
      _an_example || true
      [[ "$(complete -p an-example)" == 'complete -F _an_example an-example' ]]
      printf '%s\\n' "${COMPREPLY[@]}"
      """, to: "run.bash")
    let process = Process()
    let output = Pipe()
    process.executableURL = URL(filePath: "/bin/bash")
    process.arguments = ["--norc", folder.path("run.bash")]
    process.standardOutput = output
    try process.run()
    let data = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    #expect(process.terminationStatus == 0)
    return String(decoding: data, as: UTF8.self).split(separator: "\n").map(String.init).sorted()
  }

  @Test(
    "offers in bash what fits the word and the one before it",
    .enabled(if: hasBash, "there is no bash"),
    arguments: [
      (["--co"], ["--colour"]),
      (["--l"], ["--layer-count", "--lr"]),
      (["--no"], ["--no-shuffle"]),
      (["--colour", ""], ["green", "red"]),
      (["--colour", "=", ""], ["green", "red"]),
      (["--colour", "="], ["green", "red"]),
      (["--colour", "=", "g"], ["green"]),
      (["--output", "my"], ["my folder", "my posts.txt"]),
      (["-o", "my"], ["my folder", "my posts.txt"]),
      (["-o", "my folder/"], ["my folder/inner.txt"]),
      (["--home", "my"], ["my folder"]),
      (["--layer-count", "m"], []),
      (["--lr", "m"], []),
      (["-v", "my p"], ["my posts.txt"]),
      (["--generate-completion-script", ""], ["bash", "fish", "zsh"]),
    ] as [([String], [String])])
  func bash(_ words: [String], _ expected: [String]) throws {
    #expect(try replies(words) == expected)
  }

  @Test("writes one specification per option for zsh, whose names exclude each other")
  func zsh() {
    let lines = script(.zsh).split(separator: "\n").map { $0.drop { $0 == " " } }
    for line in [
      "#compdef an-example",
      #"'(-n --layer-count)'{-n+,--layer-count=}'[how many layers]:layer-count:' \"#,
      #"'(--rate --lr)'{--rate=,--lr=}'[the rate]:rate:' \"#,
      #"--colour='[the colour]:colour:(red green)' \"#,
      #"'(-o --output)'{-o+,--output=}'[where to]:path:_files' \"#,
      #"--home='[a folder]:folder:_files -/' \"#,
      #"'(-v --verbose)'{-v,--verbose}'[say more]' \"#,
      #"'(--shuffle --no-shuffle)'{--shuffle,--no-shuffle}'[shuffle the posts]' \"#,
      #"'1:input:_files' \"#,
      "'2:target:' \\",
    ] {
      #expect(lines.contains(line[...]), "\(line)")
    }
  }

  @Test("writes one command per option for fish")
  func fish() {
    let lines = script(.fish).split(separator: "\n")
    for line in [
      "complete -c an-example -s n -l layer-count -x -d 'how many layers'",
      "complete -c an-example -l rate -l lr -x -d 'the rate'",
      "complete -c an-example -l colour -x -a 'red green' -d 'the colour'",
      "complete -c an-example -s o -l output -r -F -d 'where to'",
      "complete -c an-example -l home -x -a '(__fish_complete_directories)' -d 'a folder'",
      "complete -c an-example -s v -l verbose -d 'say more'",
      "complete -c an-example -l no-shuffle -d 'not: shuffle the posts'",
    ] {
      #expect(lines.contains(line[...]), "\(line)")
    }
  }

  @Test("offers a repeatable option again in zsh, whichever of its names is given")
  func zshRepeated() {
    let script = CompletionScript(name: "repeating", schema: CommandSchema(of: Repeating()))
    let text = script.text(for: .zsh)
    #expect(text.contains(#"'*'-w+'[what to leave out]:path:_files' \\#n"#))
    #expect(text.contains(#"'*'--without='[what to leave out]:path:_files' \\#n"#))
    #expect(text.contains("'*'--color='[the colours]:colour:(red green)'"))
  }

  @Test("escapes help text for the shell")
  func quoting() {
    struct Quoted: ArgumentGroup {
      @Flag(help: #"the user's [own]: a\b"#) var own = false
    }
    let script = CompletionScript(name: "quoted", schema: CommandSchema(of: Quoted()))
    #expect(script.text(for: .zsh).contains(#"--own'[the user'\''s \[own\]\: a\\b]'"#))
    #expect(script.text(for: .fish).contains(#"-d 'the user\'s [own]: a\\b'"#))
  }
}
