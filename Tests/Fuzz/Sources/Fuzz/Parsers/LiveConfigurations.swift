import FileSupport
import TelegramSources

extension FuzzedParser {
  /// `LiveConfiguration`: the `config.ini` of a login.
  static let liveConfiguration = FuzzedParser(
    name: "live-configuration",
    seeds: [
      "[Telegram]\napi_id = 12345\napi_hash = 0123456789abcdef0123456789abcdef\nphone = +79991234567\n",
      "\u{FEFF}# c\r\n[DEFAULT]\r\nAPI_ID: 7\r\n\r\n[Telegram] x\r\n; d\r\napi_hash:\r\n"
        + "  0123456789abcdef0123456789abcdef\r\n\r\nusername = кот\r\n",
      "[A]\rx = 1\r\t2\r\rphone=+7 (999) 1-2-3\r[Telegram]\rapi_id=1\r",
    ],
    words: [
      "[Telegram]", "[DEFAULT]", "api_id", "api_hash", "phone", "username", "=", ":", "\n", "\r\n",
      "\r", "  ", "\t", "#", ";", "0123456789abcdef0123456789abcdef", "\u{2028}", "\u{A0}",
    ]
  ) { bytes, scratch in
    let path = try scratch.file("config.ini", holding: bytes)
    let configuration = try LiveConfiguration(
      path: path, environment: [:], console: SilentConsole())
    expect(configuration.apiID > 0, "a number is above 0")
    expect(configuration.apiHash.utf8.count == 32, "a hash has 32 digits")
    expect(configuration.phone?.hasPrefix("+") != false, "a phone number begins with a plus")
  }
}

/// A console of nobody.
private final class SilentConsole: SourceConsole {
  func info(_ message: String) {}
  func warning(_ message: String) {}
  func check() throws {}
  func ask(_ question: String, isSecret: Bool) throws -> String? { nil }
}
