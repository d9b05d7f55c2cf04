import FileSupport
import Foundation

/// What a login with Telegram needs: the key of an application and a phone number.
///
/// It comes from a `config.ini` in the form that Telethon's tutorials use:
///
///     [Telegram]
///     api_id = 12345
///     api_hash = 0123456789abcdef0123456789abcdef
///     phone = +79991234567
///
/// The environment variables `TG_API_ID`, `TG_API_HASH` and `TG_PHONE` override it. Its values never
/// appear in a message.
public struct LiveConfiguration: Equatable, Sendable {
  /// The id of the application.
  public let apiID: Int
  /// The secret of the application, 32 hexadecimal digits.
  public let apiHash: String
  /// The phone number of the account, digits after a plus; if it is `nil`, the user is asked.
  public let phone: String?

  static let section = "Telegram"

  /// How to get the key of an application, for errors.
  static let howTo =
    "log in at https://my.telegram.org, choose 'API development tools', and write the values as "
    + "'api_id = …' and 'api_hash = …' below [Telegram] into the file given with --config (or into "
    + "TG_API_ID and TG_API_HASH)"

  /// Reads the environment and the file at `path`, if one is given.
  ///
  /// - Throws: `FileError`; `InputError` with file and line if something is missing or wrong.
  public init(
    path: String?, environment: [String: String] = ProcessInfo.processInfo.environment,
    console: any SourceConsole
  ) throws {
    var file: INIFile?
    if let path {
      file = try INIFile(path: path, exampleSection: "Telegram")
      Self.warnIfReadable(path, console)
    }
    let source = Source(path: path, file: file, environment: environment)
    guard let id = source.value("api_id", "TG_API_ID") else { throw source.missing("api_id") }
    guard let number = Int(id.text), 1...Int(Int32.max) ~= number else {
      throw source.error(id, "api_id is a whole number above 0")
    }
    guard let hash = source.value("api_hash", "TG_API_HASH") else {
      throw source.missing("api_hash")
    }
    guard hash.text.utf8.count == 32, hash.text.allSatisfy({ $0.isASCII && $0.isHexDigit }) else {
      throw source.error(hash, "api_hash is 32 hexadecimal digits")
    }
    apiID = number
    apiHash = hash.text
    phone = try source.value("phone", "TG_PHONE").map { phone in
      guard let number = Self.phoneNumber(phone.text) else {
        throw source.error(
          phone, "phone is a number with its country code, such as +79991234567")
      }
      return number
    }
  }

  /// The digits of a phone number after a plus; `nil` if `text` is not one.
  static func phoneNumber(_ text: String) -> String? {
    let digits = text.filter { $0.isASCII && $0.isNumber }
    let others = text.drop { $0 == "+" }.filter { !($0.isASCII && $0.isNumber) }
    guard digits.count >= 5, others.allSatisfy({ " -()\u{A0}.".contains($0) }) else { return nil }
    return "+" + digits
  }

  private static func warnIfReadable(_ path: String, _ console: any SourceConsole) {
    var status = stat()
    guard stat(path, &status) == 0, status.st_mode & 0o044 != 0 else { return }
    console.warning(
      "\(path): other users can read this file, which holds the key of your application; "
        + "run 'chmod 600' on it")
  }

  // MARK: - Where values come from

  /// The file and the environment.
  private struct Source {
    let path: String?
    let file: INIFile?
    let environment: [String: String]

    struct Value {
      let text: String
      /// Where it comes from.
      let origin: String
      let place: InputError.Place
    }

    /// The value of the variable or else of the key; an empty one does not count.
    func value(_ key: String, _ variable: String) -> Value? {
      if let text = environment[variable], !text.isEmpty {
        return Value(text: text, origin: variable, place: .whole)
      }
      guard let entry = file?.entry(key, in: LiveConfiguration.section), !entry.value.isEmpty else {
        return nil
      }
      return Value(text: entry.value, origin: path ?? "", place: .line(entry.line))
    }

    func error(_ value: Value, _ expected: String) -> InputError {
      let hint =
        value.text.contains { "\"'#;".contains($0) }
        ? "; write it without quotes, and comments on lines of their own" : ""
      return InputError(value.origin, value.place, expected + hint)
    }

    func missing(_ key: String) -> InputError {
      let section = LiveConfiguration.section
      guard let path, let file else {
        return InputError("the login", "\(key) is missing; \(LiveConfiguration.howTo)")
      }
      guard file.hasSection(section) else {
        return InputError(
          path, "there is no section [\(section)]; \(LiveConfiguration.howTo)")
      }
      return InputError(
        path, "there is no '\(key)' in [\(section)]; \(LiveConfiguration.howTo)")
    }
  }
}

/// A configuration that is printed, as in the message of a failed test, shows none of its values.
extension LiveConfiguration: CustomStringConvertible, CustomReflectable {
  public var description: String { "LiveConfiguration" }
  public var customMirror: Mirror { Mirror(self, children: []) }
}
