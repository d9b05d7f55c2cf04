import Foundation
import TelegramSources
import TestSupport
import Testing

@Suite("LiveChannel, logging in")
struct LiveLoginTests {
  /// Connects and closes; returns what went wrong.
  private func connect(_ play: LivePlay) -> SourceFault? {
    defer { play.channel.close() }
    return LivePlay.fault { try play.channel.connect() }
  }

  @Test("asks for what it needs, and again for what was wrong; the password as a secret")
  func everything() throws {
    let play = try LivePlay(
      "password-hint кличка",
      answers: [" 8-что? ", "+7 (999) 123-45-67", "54321", " 12345 ", "кот", "пароль"], phone: nil)
    #expect(connect(play) == nil)
    #expect(
      play.console.questions
        == [
          "Phone number of your account, with its country code, such as +79991234567",
          "Phone number of your account, with its country code, such as +79991234567", "Code",
          "Code",
        ])
    let password = "Password of the two-step verification (hint: кличка)"
    #expect(play.console.secretQuestions == [password, password])
    #expect(
      play.console.infos
        == [
          "that is not a phone number",
          "Telegram sent a code of 5 digits as a message to your Telegram apps",
          "the code is wrong", "the password is wrong",
        ])
  }

  @Test("keeps the login, so that the next run asks nothing")
  func kept() throws {
    let first = try LivePlay()
    #expect(connect(first) == nil)
    let second = try LivePlay(answers: [], phone: nil, on: first.standIn)
    #expect(connect(second) == nil)
    #expect(second.console.questions.isEmpty)
    #expect(second.console.infos.isEmpty)
  }

  @Test("takes a password as it is, with spaces around it")
  func spaces() throws {
    let play = try LivePlay("steps WaitPassword\npassword  a ", answers: [" a "])
    #expect(connect(play) == nil)
  }

  @Test("gives up after three wrong codes or passwords")
  func tries() throws {
    let codes = try LivePlay(answers: ["1", "2", "3", "12345"])
    #expect(
      connect(codes)?.description
        == "Telegram: the code was wrong 3 times; start again, and do not guess")
    let passwords = try LivePlay(answers: ["12345", "a", "b", "c", "пароль"])
    #expect(
      connect(passwords)?.description
        == "Telegram: the password was wrong 3 times; start again, and do not guess")
  }

  @Test(
    "says where the code went",
    arguments: [
      (
        #"{"@type":"authenticationCodeTypeSms","length":6}"#,
        "Telegram sent a code of 6 digits by SMS", "Code"
      ),
      (
        #"{"@type":"authenticationCodeTypeSmsWord","first_letter":"К"}"#,
        "Telegram sent a word by SMS, which begins with 'К'", "Word"
      ),
      (
        #"{"@type":"authenticationCodeTypeSmsPhrase","first_word":""}"#,
        "Telegram sent a phrase by SMS", "Phrase"
      ),
      (
        #"{"@type":"authenticationCodeTypeCall","length":5}"#,
        "Telegram will call your phone and read out a code of 5 digits", "Code"
      ),
      (
        #"{"@type":"authenticationCodeTypeFlashCall","pattern":"+7"}"#,
        "Telegram will call your phone for a moment; the number of the caller is the code",
        "Number of the caller"
      ),
      (
        #"{"@type":"authenticationCodeTypeMissedCall","phone_number_prefix":"+44","length":4}"#,
        "Telegram will call your phone for a moment, from a number that begins with +44; its last "
          + "4 digits are the code", "Last digits of the caller"
      ),
      (
        #"{"@type":"authenticationCodeTypeFragment","url":"https://fragment.com/x","length":5}"#,
        "Telegram shows a code of 5 digits at https://fragment.com/x", "Code"
      ),
      (#"{"@type":"authenticationCodeTypeTelepathy"}"#, "Telegram sent a code", "Code"),
    ])
  func codeTypes(_ type: String, _ sentence: String, _ question: String) throws {
    let play = try LivePlay("steps WaitCode\ncode-type \(type)", answers: ["12345"])
    #expect(connect(play) == nil)
    #expect(play.console.infos == [sentence])
    #expect(play.console.questions == [question])
  }

  @Test("goes through the e-mail steps")
  func email() throws {
    let play = try LivePlay(
      "steps WaitEmailAddress WaitEmailCode WaitCode",
      answers: ["kot@example.org", "1", "654321", "12345"])
    #expect(connect(play) == nil)
    #expect(
      play.console.questions
        == ["E-mail address", "Code from the e-mail", "Code from the e-mail", "Code"])
    #expect(
      play.console.infos.prefix(2)
        == [
          "Telegram wants an e-mail address to send codes to",
          "Telegram sent a code to your e-mail address k*t@e*.org",
        ])
  }

  @Test("counts wrong codes of the e-mail and of the phone separately")
  func countingApart() throws {
    let play = try LivePlay(
      "steps WaitEmailCode WaitCode", answers: ["1", "2", "654321", "3", "4", "12345"])
    #expect(connect(play) == nil)
  }

  @Test("shows the link that another device is to confirm")
  func otherDevice() throws {
    let play = try LivePlay("steps WaitOtherDeviceConfirmation")
    let fault = connect(play)
    #expect(
      play.console.infos.first
        == "confirm the login on a device where you are logged in, by this link: "
        + "tg://login?token=abc")
    // Nobody confirms it here.
    #expect(fault?.description == "Telegram: no answer from Telegram in 1 second; try again later")
  }

  @Test(
    "stops where it cannot go on, with the reason",
    arguments: [
      (
        "steps WaitRegistration",
        "this phone number has no Telegram account; create one in a Telegram app"
      ),
      (
        "steps WaitPremiumPurchase",
        "Telegram wants you to buy Telegram Premium before this number may log in; log in with a "
          + "Telegram app first"
      ),
      (
        "phone +70000000000",
        "Telegram does not know this phone number; write it with its country code"
      ),
      (
        "fault setAuthenticationPhoneNumber 1 error 400 PHONE_NUMBER_BANNED",
        "Telegram has banned this phone number"
      ),
      (
        "fault setAuthenticationPhoneNumber 1 error 400 PHONE_NUMBER_FLOOD",
        "too many logins with this phone number; wait a few hours"
      ),
      (
        "fault setAuthenticationPhoneNumber 1 error 400 SOMETHING_NEW",
        "the login failed: SOMETHING_NEW (error 400)"
      ),
      // The words of 406 are not for users.
      (
        "fault setAuthenticationPhoneNumber 1 error 406 SECRET_WORDS",
        "the login failed: error 406"
      ),
    ])
  func refusals(_ scenario: String, _ problem: String) throws {
    let fault = connect(try LivePlay(scenario))
    #expect(fault?.kind == .refused)
    #expect(fault?.problem == problem)
  }

  @Test("reports a step that it does not know")
  func unknownState() throws {
    let fault = connect(try LivePlay("steps WaitBloodSample"))
    #expect(fault?.kind == .protocolViolation)
    #expect(
      fault?.problem
        == "the login needs a step that this program does not know "
        + "(authorizationStateWaitBloodSample); TDLib 1.8.69 may be newer than the program")
  }

  @Test("says that Telegram does not know a key, and how to get one")
  func wrongKey() throws {
    let fault = connect(try LivePlay("api-id 1"))
    #expect(fault?.kind == .refused)
    #expect(
      fault?.problem.hasPrefix(
        "api_id and api_hash do not belong together or are not valid; log in at "
          + "https://my.telegram.org") == true)
  }

  @Test("asks for a new code when the old one is too old")
  func expired() throws {
    let play = try LivePlay(
      "steps WaitCode\nfault checkAuthenticationCode 1 error 400 PHONE_CODE_EXPIRED",
      answers: ["11111", "12345"])
    #expect(connect(play) == nil)
    #expect(try play.standIn.calls(of: "setAuthenticationPhoneNumber") == 2)
    #expect(play.console.infos.contains("the code is too old"))
  }

  @Test("says that there is no terminal to ask at")
  func nobody() throws {
    let fault = connect(try LivePlay(answers: []))
    #expect(fault?.kind == .refused)
    #expect(
      fault?.problem
        == "the login needs an answer (Code), but there is no terminal to ask on; log in once "
        + "on a terminal, and later runs will not ask")
  }

  @Test("observes short waits that the server asks for, and gives up a login for long ones")
  func floods() throws {
    let short = try LivePlay("steps WaitCode\nfault checkAuthenticationCode 1 flood 1")
    #expect(connect(short) == nil)
    #expect(short.console.infos.last?.hasPrefix("Telegram asks to wait 1 second, until ") == true)
    let long = try LivePlay("fault setAuthenticationPhoneNumber 1 flood 86400")
    let fault = connect(long)
    #expect(fault?.kind == .refused)
    #expect(
      fault?.problem.hasPrefix(
        "the server asks to wait 86400 seconds before the next try; try again after 2") == true)
  }

  @Test("sends secrets to nobody but Telegram")
  func secrets() throws {
    let play = try LivePlay(answers: ["54321", "12345", "кот", "пароль"])
    #expect(connect(play) == nil)
    let told = play.console.infos + play.console.warnings + play.console.questions
    for secret in ["54321", "12345", "кот", "пароль", "9991234567", "0123456789abcdef"] {
      #expect(!told.contains { $0.contains(secret) })
    }
  }
}

@Suite("LiveChannel, logging out")
struct LiveLogOutTests {
  @Test("ends the login, forgets the channels, and asks again the next time")
  func loggingOut() throws {
    let first = try LivePlay()
    try first.channel.connect()
    first.channel.close()
    let second = try LivePlay(answers: [], on: first.standIn)
    #expect(try second.channel.logOut())
    second.channel.close()
    let names = try FileManager.default.contentsOfDirectory(atPath: first.standIn.sessionFolder)
    #expect(!names.contains("channels.json"))
    let third = try LivePlay(on: first.standIn)
    try third.channel.connect()
    third.channel.close()
    #expect(third.console.questions == ["Code"])
    #expect(try first.standIn.calls(of: "searchPublicChat") == 2)
  }

  @Test("logs out in the middle of the work too")
  func middle() throws {
    let play = try LivePlay()
    _ = try play.channel.page(before: nil)
    #expect(try play.channel.logOut())
    play.channel.close()
    #expect(try play.standIn.calls(of: "close") == 0)
  }

  @Test("says that there is no login, and asks for none")
  func without() throws {
    let play = try LivePlay(answers: [])
    #expect(try !play.channel.logOut())
    play.channel.close()
    #expect(play.console.questions.isEmpty)
  }

  @Test("says how else to end a login without a network")
  func offline() throws {
    let first = try LivePlay()
    try first.channel.connect()
    first.channel.close()
    let second = try LivePlay("offline 1", on: first.standIn)
    let fault = LivePlay.fault { try second.channel.logOut() }
    second.channel.close()
    #expect(fault?.kind == .unreachable)
    #expect(
      fault?.problem.hasSuffix(
        "the login can also be ended in an app of Telegram: Settings, Devices") == true)
  }
}
