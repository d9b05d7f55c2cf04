import Foundation
import PostFormat
import TelegramSources
import TestSupport
import Testing

@Suite("LiveChannel, faults")
struct LiveFaultTests {
  @Test(
    "loses no post to transient faults",
    arguments: [
      "fault getChatHistory 3 flood 1", "fault getChatHistory 3 error 500 Internal",
      "fault getChatHistory 3 error 502 Bad Gateway",
      "fault getChatHistory 4 error 429 Too Many Requests", "fault getChatHistory 2 disconnect 0.2",
      "fault getChatHistory 5 late 0.3", "fault getChatHistory 0 stale", "connecting 0.2",
    ])
  func passing(_ scenario: String) throws {
    let play = try LivePlay(scenario)
    let pages = try play.pages()
    play.channel.close()
    #expect(pages.flatMap(\.posts).map(\.id).sorted() == StandInChannel.posts())
  }

  @Test("reports a wait that the server asks for, and its end")
  func floods() throws {
    let play = try LivePlay("fault getChatHistory 1 flood 1")
    let start = Date()
    _ = try play.channel.page(before: nil)
    play.channel.close()
    #expect(Date().timeIntervalSince(start) >= 1)
    let told = try #require(play.console.infos.last)
    #expect(told.contains(/^Telegram asks to wait 1 second, until \d\d:\d\d:\d\d$/))
  }

  @Test("stops in the middle of a wait, which it checks all the time")
  func stopping() throws {
    let play = try LivePlay("fault getChatHistory 1 flood 3600")
    // The code that was sent, and the wait.
    play.console.stopsAfterInfos = 2
    let start = Date()
    #expect(throws: LiveConsole.Stop.self) { try play.channel.page(before: nil) }
    play.channel.close()
    #expect(Date().timeIntervalSince(start) < 60)
    // No call of TDLib may take longer than a tenth of a second.
    #expect(try play.standIn.calls(of: "longReceive") == 0)
  }

  @Test("gives up on a server that fails again and again, after growing pauses")
  func failing() throws {
    let play = try LivePlay("fault getChatHistory 0 error 500 Internal")
    let fault = LivePlay.fault { _ = try play.channel.page(before: nil) }
    play.channel.close()
    #expect(fault?.kind == .unreachable)
    #expect(
      fault?.problem
        == "the server failed 7 times in a row, most recently with Internal (error 500); "
        + "try again later")
    let pauses = play.console.infos.filter { $0.contains("trying again") }
    #expect(
      pauses.prefix(3)
        == [
          "Telegram: Internal (error 500); trying again in 0.01 seconds",
          "Telegram: Internal (error 500); trying again in 0.02 seconds",
          "Telegram: Internal (error 500); trying again in 0.04 seconds",
        ])
    #expect(pauses.count == 6)
  }

  @Test("reports other errors as they are")
  func refusal() throws {
    let play = try LivePlay("fault getChatHistory 1 error 400 STRANGE_THING")
    let fault = LivePlay.fault { _ = try play.channel.page(before: nil) }
    play.channel.close()
    #expect(fault?.kind == .refused)
    #expect(
      fault?.description
        == "t.me/bugurtthread: the messages cannot be read: STRANGE_THING (error 400)")
  }

  @Test("says that there is no network, where TDLib says nothing")
  func offline() throws {
    let play = try LivePlay("offline 1")
    let fault = LivePlay.fault { _ = try play.channel.page(before: nil) }
    play.channel.close()
    #expect(fault?.kind == .unreachable)
    #expect(
      fault?.problem
        == "no connection to Telegram in 0.4 seconds; check the network, and whether it blocks "
        + "Telegram")
    #expect(play.console.infos == ["connecting to Telegram"])
  }

  @Test("says that the connection was lost for good")
  func lost() throws {
    let play = try LivePlay("fault getChatHistory 3 disconnect 60")
    let fault = LivePlay.fault { _ = try play.pages() }
    play.channel.close()
    #expect(fault?.problem.hasPrefix("no connection to Telegram in 0.4 seconds") == true)
  }

  @Test("gives up on an answer that never comes")
  func silence() throws {
    let play = try LivePlay("fault getChatHistory 1 silent")
    let fault = LivePlay.fault { _ = try play.channel.page(before: nil) }
    play.channel.close()
    #expect(fault?.problem == "no answer from Telegram in 1 second; try again later")
    #expect(play.console.infos.last == "waiting for Telegram's answer")
  }

  @Test("notices that the login was ended from elsewhere")
  func expelled() throws {
    let play = try LivePlay("fault getChatHistory 3 expel")
    let fault = LivePlay.fault { _ = try play.pages() }
    play.channel.close()
    #expect(fault?.kind == .refused)
    #expect(
      fault?.problem
        == "the login was ended, from another device or by the server; log in again")
  }

  @Test("refuses answers that are not JSON")
  func garbage() throws {
    let play = try LivePlay("fault getChatHistory 1 garbage")
    let fault = LivePlay.fault { _ = try play.channel.page(before: nil) }
    play.channel.close()
    #expect(fault?.kind == .protocolViolation)
    #expect(fault?.problem.hasPrefix("its answer is not JSON: ") == true)
  }

  @Test("does not take another answer for the end of the history")
  func otherAnswer() throws {
    let play = try LivePlay("fault getChatHistory 2 ok")
    let fault = LivePlay.fault { _ = try play.pages() }
    play.channel.close()
    #expect(fault?.kind == .protocolViolation)
    #expect(fault?.problem == "TDLib returned 'ok' instead of a list of messages")
  }

  @Test("says that another run uses the session folder, and why it waits before")
  func locked() throws {
    let first = try LivePlay()
    try first.channel.connect()
    // A library of its own, as another process has it.
    let other = try StandInLibrary("lock-seconds 0.8")
    let console = LiveConsole()
    let second = LiveChannel(
      channel: .username("bugurtthread"), library: try TDLibrary(path: other.path),
      configuration: try LivePlay.configuration(),
      sessionFolder: try SessionFolder(path: first.standIn.sessionFolder), console: console,
      limits: LivePlay.limits)
    let fault = LivePlay.fault { try second.connect() }
    second.close()
    first.channel.close()
    let folder = first.standIn.sessionFolder
    #expect(
      fault?.description
        == "\(folder): another program uses the session folder, probably another run of this one; "
        + "wait for it to end, or choose another folder")
    #expect(
      console.infos
        == ["waiting for the session folder \(folder); another program may be using it"])
  }
}
