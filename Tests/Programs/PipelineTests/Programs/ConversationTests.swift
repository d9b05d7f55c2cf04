import Foundation
import TestSupport
import Testing

/// `gpt-sample --interactive` with somebody at the terminal, and without.
@Suite("a conversation")
struct ConversationTests {
  private let project: Project
  private static let model = "checkpoints/fixture/final"

  init() throws {
    project = try Project.finished()
  }

  private func session(
    _ model: String = model, _ arguments: [String] = [], output: String? = nil
  ) throws -> TerminalSession {
    let session = try TerminalSession(
      "gpt-sample", [model, "--interactive"] + arguments, in: project.folder.path, output: output,
      variables: ["HOME": project.folder.path("home")])
    try session.wait(for: "the prompt") { $0.hasSuffix("> ") }
    return session
  }

  /// A model whose texts take a while.
  private func makeSlowModel() throws -> String {
    let made = try project.run(
      "gpt-finetune",
      [
        "data/tokens/fixture", "-o", "slow", "--layers=1", "--width=16", "--heads=2",
        "--context=200000", "--block-size=16", "--max-steps=1", "--threads=1",
      ])
    try #require(made.status == 0, "\(made.log)")
    return "slow/final"
  }

  private let endless = ["--no-end-of-text", "--max-length=200000", "--format=plain"]

  @Test("each line gives a bugurt, each the next of the seed; Ctrl-D ends the program")
  func lines() throws {
    let session = try session(output: project.folder.path("texts"))
    for line in ["кот", "кот", ""] {
      session.type(line + "\n")
      try session.wait(for: "the next prompt") { $0.hasSuffix("> ") }
    }
    session.type(TerminalSession.controlD)
    #expect(try session.end().status == 0)
    let texts = try project.folder.text(of: "texts")
    let alone = try project.run("gpt-sample", [Self.model, "-p", "кот", "-n", "2"])
    let third = try project.run(
      "gpt-sample", [Self.model, "-n", "3", "--json", "--format=original"])
    let last = try #require(third.output.split(separator: "\n").last)
    let object = try JSONSerialization.jsonObject(with: Data(last.utf8)) as? [String: Any]
    let text = try #require(object?["text"] as? String)
    #expect(texts == alone.output.replacing("\n\n", with: "\n") + text + "\n")
  }

  @Test("Ctrl-C stops the text, not the program")
  func stopping() throws {
    let session = try session(try makeSlowModel(), endless)
    for line in ["кот", "дом"] {
      session.type(line + "\n")
      try session.wait(for: "some text") { $0.contains(line.uppercased()) && $0.count > 500 }
      session.type(TerminalSession.controlC)
      let rest = try session.wait(for: "the prompt") { $0.hasSuffix("> ") }
      #expect(!rest.contains("error"))
    }
    session.type(TerminalSession.controlD)
    #expect(try session.end().status == 0)
  }

  @Test("Ctrl-C stops a text that waits for the terminal, not the program")
  func stoppingAtFullTerminal() throws {
    let session = try session(try makeSlowModel(), endless)
    session.type("кот\n")
    try session.waitUntilFull()
    session.type(TerminalSession.controlC)
    let rest = try session.wait(for: "the prompt") { $0.hasSuffix("> ") }
    #expect(!rest.contains("error"))
    session.type(TerminalSession.controlD)
    #expect(try session.end().status == 0)
  }

  @Test("Ctrl-C at the prompt drops the line")
  func dropping() throws {
    let session = try session()
    session.type("совсем не то")
    try session.wait(for: "what was typed") { $0.contains("то") }
    session.type(TerminalSession.controlC)
    try session.wait(for: "the prompt") { $0.hasSuffix("> ") }
    session.type("кот\n")
    let text = try session.wait(for: "the next prompt") { $0.contains("КОТ") && $0.hasSuffix("> ") }
    #expect(!text.contains("СОВСЕМ"))
    session.type(TerminalSession.controlD)
    #expect(try session.end().status == 0)
  }

  @Test("earlier prompts come back, in the next run too, and are nobody else's to read")
  func history() throws {
    let path = "home/.local/state/gpt-sample/history"
    for run in 0..<2 {
      let session = try session()
      if run == 0 {
        session.type("кот\n")
      } else {
        session.type(TerminalSession.up)
        try session.wait(for: "the earlier prompt") { $0.contains("кот") }
        session.type("\n")
      }
      try session.wait(for: "the text") { $0.contains("КОТ") && $0.hasSuffix("> ") }
      session.type(TerminalSession.controlD)
      #expect(try session.end().status == 0)
    }
    #expect(try project.folder.text(of: path) == "кот\n")
    let attributes = try FileManager.default.attributesOfItem(atPath: project.folder.path(path))
    #expect(attributes[.posixPermissions] as? Int == 0o600)
  }

  @Test("letters are edited whole, whatever the locale")
  func editing() throws {
    let session = try session()
    session.type("дым\u{7F}\u{7F}ом\n")
    try session.wait(for: "the text") { $0.contains("ДОМ") && $0.hasSuffix("> ") }
    session.type(TerminalSession.controlD)
    #expect(try session.end().status == 0)
  }

  @Test("a prompt that is too long is reported, and the conversation continues")
  func longPrompt() throws {
    let session = try session()
    session.type(String(repeating: "слово ", count: 40) + "\n")
    try session.wait(for: "the warning") {
      $0.contains("leave no room in the model's context of 32") && $0.hasSuffix("> ")
    }
    session.type(TerminalSession.controlD)
    #expect(try session.end().status == 0)
  }

  @Test("SIGTERM ends the program in the midst of a text")
  func termination() throws {
    let folder = project.folder.path
    let input = try project.folder.write("кот\n", to: "prompts")
    let process = try Subprocess(
      try builtProgram("gpt-sample"), [try makeSlowModel(), "--interactive"] + endless, in: folder,
      input: input)
    try poll("some text") { try process.text(of: .output).count > 500 }
    process.signalGroup(SIGTERM)
    let ended = try process.wait()
    #expect(ended.status == 128 + SIGTERM)
    #expect(ended.log.hasSuffix("gpt-sample: error: stopped by SIGTERM\n"))
  }

  @Test("without a terminal lines are read as they are, and nothing is asked")
  func pipe() throws {
    let input = try project.folder.write("кот\nкот", to: "prompts")
    let ended = try project.run("gpt-sample", [Self.model, "-i"], input: input)
    #expect(ended.status == 0)
    #expect(ended.log == "")
    #expect(
      ended.output == (try project.run("gpt-sample", [Self.model, "-p", "кот", "-n", "2"])).output)
    #expect(!project.exists("home"))
  }
}
