import FileSupport
import JSONSupport
import TextSupport

/// How a login code reaches the user, in words.
struct LoginCodeDelivery {
  /// Where the code was sent.
  let sentence: String
  /// What the user is asked for.
  let question: String

  /// Reads an `authenticationCodeType…`.
  init(_ type: JSONValue) {
    let length = type.whole("length") ?? 0
    let digits = length > 0 ? " of \(length) digits" : ""
    var asked = "Code"
    switch type.type {
    case "authenticationCodeTypeTelegramMessage":
      sentence = "Telegram sent a code\(digits) as a message to your Telegram apps"
    case "authenticationCodeTypeSms": sentence = "Telegram sent a code\(digits) by SMS"
    case "authenticationCodeTypeSmsWord":
      asked = "Word"
      sentence = "Telegram sent a word by SMS" + Self.beginning(type["first_letter"])
    case "authenticationCodeTypeSmsPhrase":
      asked = "Phrase"
      sentence = "Telegram sent a phrase by SMS" + Self.beginning(type["first_word"])
    case "authenticationCodeTypeCall":
      sentence = "Telegram will call your phone and read out a code\(digits)"
    case "authenticationCodeTypeFlashCall":
      asked = "Number of the caller"
      sentence =
        "Telegram will call your phone for a moment; the number of the caller is the code"
    case "authenticationCodeTypeMissedCall":
      asked = "Last digits of the caller"
      let prefix = type["phone_number_prefix"]?.string ?? ""
      sentence =
        "Telegram will call your phone for a moment, from a number that begins with \(prefix); "
        + "its last \(length > 0 ? "\(length) " : "")digits are the code"
    case "authenticationCodeTypeFragment":
      sentence = "Telegram shows a code\(digits) at \(type["url"]?.string ?? "fragment.com")"
    default: sentence = "Telegram sent a code\(digits)"
    }
    question = asked
  }

  private static func beginning(_ text: JSONValue?) -> String {
    guard let text = text?.string, !text.isEmpty else { return "" }
    return ", which begins with '\(excerpt(text))'"
  }
}

/// Why a step of the login was refused, in words.
struct LoginRefusal {
  let problem: String
  /// Whether another answer may be right.
  let asksAgain: Bool
  /// Whether the old code is no longer valid.
  let needsNewCode: Bool

  private init(_ problem: String, asksAgain: Bool, needsNewCode: Bool = false) {
    (self.problem, self.asksAgain, self.needsNewCode) = (problem, asksAgain, needsNewCode)
  }

  /// Reads the answer of the server; `nil` if its message is not known.
  init?(_ error: TDError) {
    switch error.message {
    case "PHONE_NUMBER_INVALID", "Phone number must be non-empty":
      self.init(
        "Telegram does not know this phone number; write it with its country code", asksAgain: true)
    case "PHONE_NUMBER_BANNED":
      self.init("Telegram has banned this phone number", asksAgain: false)
    case "PHONE_NUMBER_FLOOD", "PHONE_PASSWORD_FLOOD":
      self.init("too many logins with this phone number; wait a few hours", asksAgain: false)
    case "PHONE_NUMBER_UNOCCUPIED":
      self.init(
        "this phone number has no Telegram account; create one in a Telegram app",
        asksAgain: false)
    case "PHONE_CODE_INVALID", "PHONE_CODE_EMPTY", "CODE_INVALID", "EMAIL_VERIFY_CODE_INVALID":
      self.init("the code is wrong", asksAgain: true)
    case "PHONE_CODE_EXPIRED", "EMAIL_VERIFY_EXPIRED":
      self.init("the code is too old", asksAgain: true, needsNewCode: true)
    case "PASSWORD_HASH_INVALID", "PASSWORD_EMPTY":
      self.init("the password is wrong", asksAgain: true)
    case "EMAIL_INVALID", "EMAIL_NOT_ALLOWED":
      self.init("Telegram does not accept this e-mail address", asksAgain: true)
    case "API_ID_INVALID":
      self.init(
        "api_id and api_hash do not belong together or are not valid; \(LiveConfiguration.howTo)",
        asksAgain: false)
    case "API_ID_PUBLISHED_FLOOD":
      self.init(
        "Telegram has blocked this api_id because it was published; get your own: "
          + LiveConfiguration.howTo, asksAgain: false)
    case "UPDATE_APP_TO_LOGIN":
      self.init("Telegram wants a newer TDLib for a login; \(TDLibrary.howTo)", asksAgain: false)
    default: return nil
    }
  }
}
