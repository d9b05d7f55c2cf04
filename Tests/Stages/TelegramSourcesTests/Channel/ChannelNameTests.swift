import TelegramSources
import Testing

@Suite("ChannelName")
struct ChannelNameTests {
  @Test(
    "is read from a name or a link, whatever follows it",
    arguments: [
      "@bugurtthread", "@BugurtThread", "t.me/bugurtthread", "https://t.me/bugurtthread",
      "http://t.me/bugurtthread", "HTTPS://T.ME/bugurtthread", "https://t.me/bugurtthread/",
      "https://t.me/s/bugurtthread", "t.me/s/bugurtthread", "https://t.me/s/bugurtthread/17",
      "https://t.me/bugurtthread/17?single", "https://t.me/s/bugurtthread?before=17",
      "https://telegram.me/bugurtthread", "telegram.me/s/bugurtthread#x",
    ])
  func names(_ text: String) throws {
    let name = try #require(ChannelName(text))
    #expect(name == ChannelName("@bugurtthread"))
    #expect(name.description.lowercased() == "@bugurtthread")
  }

  @Test("is the same whatever the case of its letters, and keeps it")
  func cases() {
    #expect(Set([ChannelName("@abc"), ChannelName("@ABC"), ChannelName("@Abd")]).count == 2)
    #expect(ChannelName("t.me/DuRoV")?.text == "DuRoV")
  }

  @Test(
    "is not in what is neither a name nor a link to a channel",
    arguments: [
      "bugurtthread", "", "@", "@a", "@1abc", "@имя", "@a b", "@a/b", "@name@", "t.me", "t.me/",
      "t.me/s/", "https://t.me/s", "https://example.com/name", "https://nott.me/name",
      "https://t.me.example.com/name", "t.me/share/url?url=x", "t.me/addstickers/x",
      "ChatExport/result.json", "https://t.me//name", "@" + String(repeating: "a", count: 33),
    ])
  func others(_ text: String) {
    #expect(ChannelName(text) == nil)
    #expect(ChannelLink(text) == nil)
  }

  @Test(
    "recognises links to private channels",
    arguments: [
      ("https://t.me/+AbCdEf", ChannelLink.invitation), ("t.me/joinchat/AAAA", .invitation),
      ("https://t.me/c/1032123/17", .privatePost), ("t.me/c/1032123", .privatePost),
    ])
  func privateLinks(_ text: String, _ link: ChannelLink) {
    #expect(ChannelName(text) == nil)
    #expect(ChannelLink(text) == link)
    #expect(link.problem?.hasSuffix("only --live reads private channels") == true)
  }

  @Test("has no problem with a public channel")
  func noProblem() throws {
    let link = try #require(ChannelLink("@name"))
    #expect(link.problem == nil)
  }
}
