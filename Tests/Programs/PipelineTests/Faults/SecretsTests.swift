import Foundation
import TestSupport
import Testing

/// The secrets of an account, each of which can be recognised wherever it appears.
@Suite("the secrets of a dump with an account")
struct SecretsTests {
  private let folder: TemporaryFolder
  private static let hash = "5ec7e75ec7e75ec7e75ec7e75ec7e75e"
  private static let phone = "79995318642"
  private static let code = "80357"
  private static let password = "секретный пароль"
  private static let secrets = [hash, phone, code, password]

  init() throws {
    folder = try TemporaryFolder()
    try folder.write(
      "[Telegram]\napi_id = 12345\napi_hash = \(Self.hash)\nphone = +\(Self.phone)\n",
      to: "config.ini")
    try setMode(of: "config.ini", 0o600)
  }

  private func setMode(of name: String, _ mode: mode_t) throws {
    try #require(chmod(folder.path(name), mode) == 0)
  }

  private func arguments(_ library: StandInLibrary) -> [String] {
    [
      "--live", "@bugurtthread", "--config", "config.ini", "--tdlib", library.path, "--session",
      library.sessionFolder, "-o", "posts.jsonl",
    ]
  }

  private func foundSecrets(in text: String) -> [String] {
    Self.secrets.filter(text.contains)
  }

  /// The files of the folder, without that of the user, that hold a secret.
  private func filesWithSecrets() throws -> [String] {
    try folder.names().filter { name in
      guard name != "config.ini" else { return false }
      return !foundSecrets(in: try folder.text(of: name)).isEmpty
    }
  }

  @Test("a login and a dump tell nobody but Telegram, and leave secrets in no file but the session")
  func login() throws {
    let library = try StandInLibrary(
      "posts 250\nphone +\(Self.phone)\ncode \(Self.code)\npassword \(Self.password)")
    // What the program says goes to a file, too, without what the terminal echoes.
    let session = try TerminalSession(
      "/bin/bash",
      ["-c", #"umask 022; set -o pipefail; "$@" 2>&1 | tee said"#, "bash", builtProgram("tg-dump")]
        + arguments(library),
      in: folder.path)
    for (question, answer) in [
      ("Code", "80358"), ("Code", Self.code), ("Password", "не тот"), ("Password", Self.password),
    ] {
      try session.wait(for: question) { $0.contains("\(question) ") || $0.contains("\(question):") }
      session.type(answer + "\n")
    }
    let ended = try session.end()
    let said = try folder.text(of: "said")
    #expect(ended.status == 0, "\(said)")
    #expect(said.contains("the code is wrong") && said.contains("the password is wrong"))
    #expect(try folder.names() == ["config.ini", "posts.jsonl", "said"])
    #expect(try filesWithSecrets().isEmpty)
    // Telegram was told all of them.
    let told = try library.requests().joined(separator: "\n")
    #expect(foundSecrets(in: told) == Self.secrets)
    for name in try FileManager.default.subpathsOfDirectory(atPath: library.sessionFolder) {
      let path = library.sessionFolder + "/" + name
      let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
      #expect(mode.map { $0 & 0o077 } == 0, "\(name)")
    }
  }

  @Test(
    "a login that fails shows none of them",
    arguments: [
      "steps WaitCode", "phone +70000000000", "api-id 1", "offline 1",
      "fault setTdlibParameters 1 error 400 SOMETHING_NEW",
      "fault setAuthenticationPhoneNumber 1 error 400 PHONE_NUMBER_BANNED",
      "fault getChatHistory 2 error 400 CHANNEL_PRIVATE\nphone +\(phone)\nsteps",
    ])
  func failures(_ scenario: String) throws {
    let library = try StandInLibrary(scenario)
    let ended = try Subprocess.run(
      builtProgram("tg-dump"), arguments(library), in: folder.path)
    #expect(ended.status != 0)
    #expect(foundSecrets(in: ended.log + ended.output).isEmpty, "\(ended.log)")
    #expect(try filesWithSecrets().isEmpty)
  }

  @Test(
    "a file of keys with a mistake is not repeated",
    arguments: [
      "[Telegram]\napi_id = 12345\napi_hash = \(hash)0\nphone = +\(phone)\n",
      "[Telegram]\napi_id = 12345\napi_hash \(hash)\n",
      "[Telegram]\napi_id = \(hash)\napi_hash = 12345\nphone = +\(phone)\n",
      "api_hash = \(hash)\n", "[Telegram\napi_hash = \(hash)\n",
    ])
  func mistakes(_ text: String) throws {
    try folder.write(text, to: "config.ini")
    try setMode(of: "config.ini", 0o644)
    let ended = try Subprocess.run(
      builtProgram("tg-dump"), arguments(try StandInLibrary()), in: folder.path)
    #expect(ended.status != 0)
    #expect(foundSecrets(in: ended.log + ended.output).isEmpty, "\(ended.log)")
  }
}
