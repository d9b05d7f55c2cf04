import FileSupport
import Foundation
import TelegramSources
import TestSupport
import Testing

@Suite("LiveConfiguration")
struct LiveConfigurationTests {
  private let hash = "0123456789abcdef0123456789ABCDEF"

  /// The configuration of a file with `text` that only its owner can read.
  private func configuration(
    _ text: String, environment: [String: String] = [:], mode: mode_t = 0o600,
    console: LiveConsole = LiveConsole()
  ) throws -> LiveConfiguration {
    let folder = try TemporaryFolder()
    let path = try folder.write(text, to: "config.ini")
    guard chmod(path, mode) == 0 else { throw FileError(path: path, operation: .create) }
    do {
      return try LiveConfiguration(path: path, environment: environment, console: console)
    } catch let error as InputError {
      throw InputError(
        error.path.replacing(folder.path + "/", with: ""), error.place, error.problem)
    }
  }

  @Test("reads the file of the tutorials")
  func file() throws {
    let configuration = try configuration(
      """
      [Telegram]
      # no need for quotes
      api_id = 12345
      api_hash = \(hash)
      # full phone number including + and country code
      phone = +7 (999) 123-45-67
      username = kot
      """)
    #expect(configuration.apiID == 12345)
    #expect(configuration.apiHash == hash)
    #expect(configuration.phone == "+79991234567")
  }

  @Test("needs neither a phone number nor a file if the environment has all")
  func least() throws {
    let short = try configuration("[Telegram]\napi_id: 1\napi_hash: \(hash)\nphone =\n")
    #expect(short.phone == nil)
    let environment = ["TG_API_ID": "7", "TG_API_HASH": hash, "TG_PHONE": "79991234567"]
    let other = try LiveConfiguration(path: nil, environment: environment, console: LiveConsole())
    #expect(other.apiID == 7)
    #expect(other.phone == "+79991234567")
    #expect(try configuration("[Other]\n", environment: environment) == other)
  }

  @Test("prefers the environment, unless its variables are empty")
  func environment() throws {
    let file = "[Telegram]\napi_id = 1\napi_hash = \(hash)\nphone = +7000000\n"
    let other = String(repeating: "f", count: 32)
    let won = try configuration(
      file, environment: ["TG_API_ID": "2", "TG_API_HASH": other, "TG_PHONE": "+7111111"])
    #expect(won.apiID == 2)
    #expect(won.apiHash == other)
    #expect(won.phone == "+7111111")
    let empty = try configuration(file, environment: ["TG_API_ID": "", "TG_PHONE": ""])
    #expect(empty.apiID == 1)
    #expect(empty.phone == "+7000000")
  }

  @Test("warns about a file that others can read", arguments: [0o644, 0o640, 0o604, 0o600, 0o400])
  func permissions(_ mode: Int) throws {
    let console = LiveConsole()
    _ = try configuration(
      "[Telegram]\napi_id = 1\napi_hash = \(hash)\n", mode: mode_t(mode), console: console)
    #expect(console.warnings.count == (mode & 0o044 == 0 ? 0 : 1))
    #expect(
      console.warnings.allSatisfy {
        $0.hasSuffix(
          "config.ini: other users can read this file, which holds the key of your application; "
            + "run 'chmod 600' on it")
      })
  }

  @Test(
    "says what is wrong, where, and never the value",
    arguments: [
      ("api_id = 12secret\napi_hash = H", "line 2: api_id is a whole number above 0"),
      ("api_id = 0\napi_hash = H", "line 2: api_id is a whole number above 0"),
      ("api_id = 99999999999\napi_hash = H", "line 2: api_id is a whole number above 0"),
      (
        "api_id = '12'\napi_hash = H",
        "line 2: api_id is a whole number above 0; write it without quotes, and comments on lines "
          + "of their own"
      ),
      ("api_id = 12\n\napi_hash = 12secret", "line 4: api_hash is 32 hexadecimal digits"),
      (
        "api_id = 12\napi_hash = H\nphone = secret",
        "line 4: phone is a number with its country code, such as +79991234567"
      ),
      (
        "api_id = 12\napi_hash = H\nphone = 12",
        "line 4: phone is a number with its country code, such as +79991234567"
      ),
    ])
  func wrongValues(_ text: String, _ problem: String) throws {
    let text = text.replacing("api_hash = H", with: "api_hash = \(hash)")
    let error = #expect(throws: InputError.self) { try configuration("[Telegram]\n" + text) }
    #expect(error?.description == "config.ini: \(problem)")
  }

  @Test(
    "says what is missing, and how to get it",
    arguments: [
      ("[Telegram]\napi_hash = H", "there is no 'api_id' in [Telegram]"),
      ("[Telegram]\napi_id = 1\napi_hash =", "there is no 'api_hash' in [Telegram]"),
      ("[telegram]\napi_id = 1", "there is no section [Telegram]"),
      ("", "there is no section [Telegram]"),
    ])
  func missing(_ text: String, _ problem: String) throws {
    let error = #expect(throws: InputError.self) { try configuration(text) }
    #expect(error?.path == "config.ini")
    #expect(
      error?.problem.hasPrefix(problem + "; log in at https://my.telegram.org, choose") == true)
  }

  @Test("says which variable is wrong, and what is missing where there is no file")
  func environmentErrors() {
    let wrong = #expect(throws: InputError.self) {
      try LiveConfiguration(
        path: nil, environment: ["TG_API_ID": "secret"], console: LiveConsole())
    }
    #expect(wrong?.description == "TG_API_ID: api_id is a whole number above 0")
    let missing = #expect(throws: InputError.self) {
      try LiveConfiguration(path: nil, environment: [:], console: LiveConsole())
    }
    #expect(missing?.description.hasPrefix("the login: api_id is missing; log in at") == true)
  }

  @Test("shows no value when it is printed")
  func printing() throws {
    let configuration = try LivePlay.configuration()
    var dumped = ""
    dump(configuration, to: &dumped)
    for text in ["\(configuration)", String(reflecting: configuration), dumped] {
      #expect(!text.contains("12345") && !text.contains("abcdef") && !text.contains("999"))
    }
  }

  @Test("says that the file is not there")
  func noFile() {
    let error = #expect(throws: FileError.self) {
      try LiveConfiguration(
        path: "/nonexistent/config.ini", environment: [:], console: LiveConsole())
    }
    #expect(error?.code == ENOENT)
  }
}

@Suite("SessionFolder")
struct SessionFolderTests {
  /// The permissions of what is at `path`.
  private func mode(_ path: String) -> mode_t {
    var status = stat()
    return stat(path, &status) == 0 ? status.st_mode & 0o777 : 0
  }

  @Test("is created for its owner alone, and closed to others if it was open")
  func permissions() throws {
    let folder = try TemporaryFolder()
    let path = folder.path("a/b/session")
    #expect(try SessionFolder(path: path + "/").path == path)
    #expect(mode(path) == 0o700)
    #expect(chmod(path, 0o755) == 0)
    _ = try SessionFolder(path: path)
    #expect(mode(path) == 0o700)
  }

  @Test("refuses a folder that holds other things and is open to others")
  func otherFolder() throws {
    let folder = try TemporaryFolder()
    try folder.write("x", to: "photos/cat.jpg")
    #expect(chmod(folder.path("photos"), 0o755) == 0)
    let error = #expect(throws: SourceFault.self) {
      try SessionFolder(path: folder.path("photos"))
    }
    #expect(error?.kind == .refused)
    #expect(mode(folder.path("photos")) == 0o755)
  }

  @Test(
    "refuses a folder of another user",
    .enabled(if: geteuid() != 0 || chownIsAllowed, "root may not give files away here"))
  func foreign() throws {
    let error = #expect(throws: SourceFault.self) {
      if geteuid() != 0 { return _ = try SessionFolder(path: "/") }
      let folder = try TemporaryFolder()
      guard chown(folder.path, 65534, 65534) == 0 else { return }
      _ = try SessionFolder(path: folder.path)
    }
    #expect(error?.problem == "the session folder belongs to another user; name one of your own")
  }

  private static let chownIsAllowed = geteuid() == 0

  @Test("says that there is a file in its place")
  func file() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write("x", to: "file")
    #expect(throws: FileError.self) { try SessionFolder(path: path + "/session") }
    #expect(throws: (any Error).self) { try SessionFolder(path: path) }
  }

  @Test("holds files that only their owner can read")
  func files() throws {
    let play = try LivePlay()
    try play.channel.connect()
    play.channel.close()
    let session = play.standIn.sessionFolder
    #expect(mode(session) == 0o700)
    #expect(mode(session + "/database") == 0o700)
    #expect(mode(session + "/database/db.sqlite") == 0o600)
    #expect(mode(session + "/channels.json") == 0o600)
  }
}
