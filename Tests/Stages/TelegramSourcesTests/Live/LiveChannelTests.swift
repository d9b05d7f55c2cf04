import Foundation
import PostFormat
import TelegramSources
import TestSupport
import Testing

@Suite("LiveChannel")
struct LiveChannelTests {
  @Test("reads a whole channel, from the newest message to the first, in pages as they come")
  func whole() throws {
    let play = try LivePlay()
    let pages = try play.pages()
    play.channel.close()
    #expect(pages.prefix(3).map(\.posts.count) == [0, 50, 99])
    #expect(pages.first?.service == [1000])
    #expect(pages.flatMap(\.posts).map(\.id).sorted() == StandInChannel.posts())
    #expect(pages.flatMap(\.service).sorted() == (1...1000).filter(StandInChannel.isService))
    #expect(pages.flatMap(\.unsupported) == [333])
    #expect(pages.last?.reachesBeginning == true)
    #expect(pages.dropLast().allSatisfy { !$0.reachesBeginning })
    #expect(pages.allSatisfy { $0.title == "БУГУРТ-ТРЕД" })
    for page in pages {
      #expect(page.posts.map(\.id) == page.posts.map(\.id).sorted())
      for post in page.posts { #expect(post == StandInChannel.post(post.id)) }
    }
    #expect(play.console.warnings.isEmpty)
  }

  @Test("continues below any id, whether it exists or not")
  func goingOn() throws {
    let play = try LivePlay()
    defer { play.channel.close() }
    // 110 is deleted.
    for before in [500, 110] {
      let page = try play.channel.page(before: before)
      #expect(page.highest == before - 1)
      #expect(page.posts.first.map { $0.id < before } == true)
    }
    #expect(try play.channel.page(before: 1).reachesBeginning)
    #expect(try play.channel.page(before: 1).lowest == nil)
    #expect(try play.channel.page(before: .max).highest == 1000)
  }

  @Test("ends at an empty list only, and asks for that twice")
  func falseEnd() throws {
    let play = try LivePlay("fault getChatHistory 3 empty")
    let pages = try play.pages()
    play.channel.close()
    #expect(pages.flatMap(\.posts).map(\.id).sorted() == StandInChannel.posts())
  }

  @Test("reaches the beginning of a channel whose first messages are gone, and of an empty one")
  func beginnings() throws {
    // All numbers up to 13 but the last are posts or service messages, and 13 is deleted.
    let short = try LivePlay("posts 13")
    #expect(try short.pages().flatMap(\.posts).map(\.id).sorted() == Array(3...12))
    short.channel.close()
    let empty = try LivePlay("posts 0")
    let pages = try empty.pages()
    empty.channel.close()
    #expect(pages.count == 1)
    #expect(pages.first?.lowest == nil)
    #expect(pages.first?.reachesBeginning == true)
  }

  @Test("skips messages that are not sent yet, which have no id")
  func localMessages() throws {
    let play = try LivePlay("local-message 1")
    defer { play.channel.close() }
    // The first list holds such a message only.
    let page = try play.channel.page(before: nil)
    #expect(page.highest == 1000)
  }

  @Test("keeps posts of unknown types, and warns of each type once")
  func unknownTypes() throws {
    let play = try LivePlay(
      #"""
      content 990 {"@type":"messageHologram","x":[1]}
      content 985 {"@type":"messageHologram"}
      content 980 {"@type":"messageScent"}
      """#)
    let pages = try play.pages(before: 995)
    play.channel.close()
    let posts = pages.flatMap(\.posts).filter { [980, 985, 990].contains($0.id) }
    #expect(posts.map(\.text) == ["", "", ""])
    #expect(posts.map(\.media) == [nil, nil, nil])
    #expect(play.console.warnings.count == 2)
    #expect(
      play.console.warnings.first
        == "t.me/bugurtthread: post 990 is of an unknown type (messageHologram); such "
        + "posts are kept, without what is special about them")
  }

  @Test("asks for the whole of a rich message that came in part")
  func richMessages() throws {
    let content = """
      {"@type":"messageRichMessage","message":{"@type":"richMessage","is_full":false,"blocks":[\
      {"@type":"pageBlockParagraph","text":{"@type":"richTextPlain","text":"beginning"}}]}}
      """
    let play = try LivePlay(
      "content 999 \(content)\ncontent 998 \(content)\n"
        + "fault getFullRichMessage 2 error 400 MESSAGE_GONE")
    defer { play.channel.close() }
    #expect(try play.channel.page(before: nil).posts.isEmpty)
    let posts = try play.channel.page(before: 1000).posts
    #expect(posts.last?.text == "whole")
    #expect(posts.dropLast().last?.text == "beginning")
    #expect(
      play.console.warnings
        == ["t.me/bugurtthread: post 998 is incomplete: MESSAGE_GONE (error 400)"])
  }

  @Test("estimates the number of posts by the gaps found so far")
  func expectedCount() throws {
    let play = try LivePlay()
    #expect(play.channel.expectedCount == nil)
    _ = try play.channel.page(before: nil)
    #expect(play.channel.expectedCount == 1000)
    _ = try play.pages(before: 1000)
    play.channel.close()
    #expect(play.channel.expectedCount == StandInChannel.posts().count)
  }

  @Test("takes polls as text if they are wanted")
  func polls() throws {
    var options = SourceOptions()
    options.includesPolls = true
    let play = try LivePlay(
      #"content 999 {"@type":"messagePoll","poll":{"question":{"text":"?"},"options":[]}}"#,
      options: options)
    defer { play.channel.close() }
    #expect(try play.channel.page(before: nil).posts.isEmpty)
    #expect(try play.channel.page(before: 1000).posts.last?.text == "?")
  }

  @Test("closes cleanly, more than once, and can be used again")
  func closing() throws {
    let play = try LivePlay()
    #expect(try play.channel.page(before: nil).highest == 1000)
    play.channel.close()
    play.channel.close()
    #expect(try play.channel.page(before: 1000).highest == 999)
    play.channel.close()
    #expect(try play.standIn.calls(of: "close") == 2)
    // The login was kept in the folder.
    #expect(play.console.questions == ["Code"])
  }

  @Test("never sends anything before it is used")
  func laziness() throws {
    let play = try LivePlay()
    play.channel.close()
    #expect(try play.standIn.requests().isEmpty)
  }
}

@Suite("LiveChannel, which channel")
struct LiveChannelAddressTests {
  @Test(
    "has the same name however it is written",
    arguments: ["bugurtthread", "@BugurtThread"])
  func names(_ name: String) throws {
    let play = try LivePlay(address: .username(name))
    #expect(play.channel.channel == "t.me/bugurtthread")
    #expect(try play.channel.page(before: nil).highest == 1000)
    play.channel.close()
  }

  @Test("resolves a name once, so that the next run knows the chat")
  func remembering() throws {
    let first = try LivePlay()
    try first.channel.connect()
    first.channel.close()
    let second = try LivePlay(answers: [], address: .username("BUGURTTHREAD"), on: first.standIn)
    #expect(try second.pages().flatMap(\.posts).count == StandInChannel.posts().count)
    second.channel.close()
    #expect(try first.standIn.calls(of: "searchPublicChat") == 1)
    #expect(try first.standIn.calls(of: "createSupergroupChat") == 1)
  }

  @Test("resolves a name again that has passed to another channel")
  func movedName() throws {
    let first = try LivePlay()
    try first.channel.connect()
    first.channel.close()
    let second = try LivePlay("name somethingelse", answers: [], on: first.standIn)
    let fault = LivePlay.fault { try second.channel.connect() }
    second.channel.close()
    #expect(fault?.kind == .noSuchChannel)
    #expect(try first.standIn.calls(of: "searchPublicChat") == 2)
  }

  @Test(
    "finds a channel without a name that the account is in, in either form of its id",
    arguments: [2_000_000_001, -1_002_000_000_001])
  func ids(_ id: Int) throws {
    let play = try LivePlay(address: .id(id))
    #expect(play.channel.channel == "t.me/c/2000000001")
    try play.channel.connect()
    play.channel.close()
    #expect(try play.standIn.calls(of: "loadChats") == 2)
    #expect(try play.standIn.calls(of: "searchPublicChat") == 0)
  }

  @Test(
    "says what is wrong with a channel that it cannot read",
    arguments: [
      (
        LiveChannel.Address.username("nosuchname"),
        "t.me/nosuchname: there is no channel of this name; check the spelling"
      ),
      (
        .username("abc"),
        "t.me/abc: this cannot be the name of a channel: names are 4 to 32 letters, digits or _"
      ),
      (.username("somebody"), "t.me/somebody: this is not a channel but a person or a bot"),
      (.id(77), "t.me/c/77: this account is not in a channel with the id 77; join it first"),
      (
        .id(.max),
        "t.me/c/\(Int.max): this account is not in a channel with the id \(Int.max); join it first"
      ),
    ])
  func missing(_ address: LiveChannel.Address, _ message: String) throws {
    let play = try LivePlay(address: address)
    let fault = LivePlay.fault { try play.channel.connect() }
    play.channel.close()
    #expect(fault?.kind == .noSuchChannel)
    #expect(fault?.description == message)
  }

  @Test("warns that a group is not a channel")
  func groups() throws {
    let play = try LivePlay(address: .username("a_group"))
    try play.channel.connect()
    play.channel.close()
    #expect(play.console.warnings == ["t.me/a_group: this is a group, not a channel"])
  }
}
