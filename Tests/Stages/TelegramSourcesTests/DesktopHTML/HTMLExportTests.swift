import FileSupport
import Foundation
import PostFormat
import TelegramSources
import TestSupport
import Testing

@Suite("HTMLExport")
struct HTMLExportTests {
  @Test("reads the pages in the order of their numbers, and joined messages")
  func order() throws {
    let pages = (1...11).map { number in
      htmlPage(
        htmlServiceMessage(-number, "1 March 2016")
          + htmlMessage(2 * number, htmlText("\(2 * number)"))
          + htmlMessage(2 * number + 1, htmlText("\(2 * number + 1)"), isJoined: true),
        previous: number == 1 ? nil : number == 2 ? "messages.html" : "messages\(number - 1).html",
        next: number == 11 ? nil : "messages\(number + 1).html")
    }
    let dump = try Dump(pages: pages)
    #expect(dump.posts.map(\.id) == Array(2...23))
    #expect(dump.posts.map(\.text) == (2...23).map(String.init))
    #expect(dump.summary.chat == "БУГУРТ-ТРЕД")
    #expect(dump.summary.missing == 0)
  }

  @Test("counts what it leaves out, and the ids that are missing")
  func counts() throws {
    let call = htmlPart(
      "media_wrap clearfix",
      htmlPart(
        "media clearfix pull_left media_call success", htmlPart("body", htmlPart("title bold", "Я"))
      ))
    let unsupported =
      "This message is not supported by this version of Telegram Desktop. Please update the application."
    let messages =
      htmlMessage(-999_999_990, htmlText("of the group"))
      + htmlServiceMessage(-999_999_989, "renamed")
      + htmlServiceMessage(-1, "1 March 2016")
      + htmlServiceMessage(1, "Channel &laquo;БУГУРТ-ТРЕД&raquo; created")
      + htmlMessage(3, htmlText("a"))
      + htmlServiceMessage(4, unsupported) + htmlMessage(4, htmlText("id of an unsupported one"))
      + htmlMessage(7, "", date: "01.01.1970 00:00:07") + htmlMessage(3, htmlText("again"))
      + htmlMessage(8, htmlText("without a date"), date: nil)
      + htmlMessage(9, htmlText("x")).replacing(" id=\"message9\"", with: "")
      + htmlMessage(10, htmlText("new"), classes: "message novel") + htmlMessage(11, call)
      + htmlServiceMessage(-2, "2 March 2016") + htmlServiceMessage(20, "Channel photo removed")
    let dump = try Dump(pages: [htmlPage(messages)])
    #expect(dump.posts.map(\.id) == [3, 7, 10])
    #expect(dump.posts.map(\.text) == ["a", "", "new"])
    let date = try #require(DateText.seconds("2016-03-01T13:49:34Z"))
    var expected = SourceSummary()
    expected.chat = "БУГУРТ-ТРЕД"
    expected.posts = 3
    expected.withoutText = 1
    expected.zoneless = 1
    expected.unknownTypes = 1
    expected.service = 3
    expected.unsupported = 1
    expected.duplicates = 2
    expected.formerGroup = 2
    expected.incomplete = 2
    expected.first = SourceSummary.Mark(id: 3, date: date)
    expected.last = SourceSummary.Mark(id: 10, date: date)
    // Of 3 to 10 there are 3, 4, 7, 8 and 10.
    expected.missing = 3
    #expect(dump.summary == expected)
  }

  @Test("reads a page without messages")
  func empty() throws {
    for messages in ["", htmlServiceMessage(-1, "No exported messages")] {
      let dump = try Dump(pages: [htmlPage(messages)])
      #expect(dump.posts.isEmpty)
      #expect(dump.summary.messages == 0)
      #expect(dump.summary.chat == "БУГУРТ-ТРЕД")
    }
  }

  @Test("reads a folder, its pages for it, and a page of another name for itself")
  func places() throws {
    let folder = try TemporaryFolder()
    try folder.write(
      pages: [
        htmlPage(htmlMessage(1, htmlText("a")), next: "messages2.html"),
        htmlPage(htmlMessage(2, "")),
      ],
      to: "export/")
    try folder.write(htmlPage(htmlMessage(5, htmlText("c"))), to: "export/saved.html")
    try folder.write(htmlPage(htmlMessage(6, "")), to: "export/messages1.html")
    try folder.write(htmlPage(htmlMessage(7, "")), to: "export/messages02.html")
    for path in ["export", "export/", "export/messages.html", "export/messages2.html"] {
      #expect(try Dump(html: folder.path(path)).posts.map(\.id) == [1, 2])
      #expect(HTMLExport.isHTMLExport(folder.path(path)))
    }
    #expect(
      try HTMLExport(path: folder.path("export/messages2.html")).path == folder.path("export"))
    #expect(try Dump(html: folder.path("export/saved.html")).posts.map(\.id) == [5])
  }

  @Test("is distinguished from an export in JSON, which is preferred")
  func kinds() throws {
    let folder = try TemporaryFolder()
    try folder.write(htmlPage(""), to: "page")
    try folder.write("\u{FEFF}\n <!DOCTYPE html>", to: "marked")
    try folder.write("{}", to: "json")
    try folder.write("", to: "empty.html")
    try folder.write("", to: "empty")
    try folder.write(htmlPage(""), to: "both/messages.html")
    try folder.write("{}", to: "both/result.json")
    try folder.write("", to: "account/export_results.html")
    try folder.write("", to: "gap/messages3.html")
    try folder.write("", to: "other/index.txt")
    let html = [
      "page", "marked", "empty.html", "none.html", "both/messages.html", "account", "account/",
      "account/export_results.html", "gap",
    ]
    let other = ["json", "empty", "none", "both", "both/", "other", "both/result.json"]
    for name in html { #expect(HTMLExport.isHTMLExport(folder.path(name)), "\(name)") }
    for name in other { #expect(!HTMLExport.isHTMLExport(folder.path(name)), "\(name)") }
    #expect(!HTMLExport.isHTMLExport("-"))
  }

  @Test("reports its progress in bytes and posts of all pages, up to the end")
  func progress() throws {
    let folder = try TemporaryFolder()
    let pages = (0..<3).map { number in
      htmlPage((1...1000).map { htmlMessage(number * 1000 + $0, htmlText("текст")) }.joined())
    }
    try folder.write(pages: pages)
    let export = try HTMLExport(path: folder.path)
    var progress: [SourceProgress] = []
    _ = try export.forEachPost(progress: { progress.append($0) }, { _ in })
    #expect(export.size == pages.reduce(0) { $0 + $1.utf8.count })
    #expect(progress.count > 10)
    #expect(progress.map(\.posts) == progress.map(\.posts).sorted())
    #expect(progress.map { $0.bytes ?? -1 } == progress.map { $0.bytes ?? -1 }.sorted())
    #expect(progress.last?.posts == 3000)
    #expect(progress.last?.bytes == export.size)
  }

  @Test("stops when its caller throws")
  func stopping() throws {
    struct Stop: Error {}
    let folder = try TemporaryFolder()
    try folder.write(pages: [htmlPage(htmlMessage(1, ""))])
    let export = try HTMLExport(path: folder.path)
    #expect(throws: Stop.self) { try export.forEachPost(progress: { _ in }) { _ in throw Stop() } }
    #expect(throws: Stop.self) { try export.forEachPost(progress: { _ in throw Stop() }) { _ in } }
  }

  @Test("reads a message of 10 MB")
  func longMessage() throws {
    let line = "КОГДА ПИШЕШЬ &laquo;пост&raquo; &amp; не можешь <strong>остановиться</strong><br>"
    let count = 10_000_000 / line.utf8.count
    let parts = htmlText(String(repeating: line, count: count)) + htmlPart("signature details", "я")
    let messages = htmlMessage(1, "") + htmlMessage(2, parts) + htmlMessage(3, htmlText("b"))
    let posts = try Dump(pages: [htmlPage(messages)]).posts
    let text = "КОГДА ПИШЕШЬ «пост» & не можешь остановиться\n"
    #expect(posts.map(\.id) == [1, 2, 3])
    #expect(posts[1].text == String(repeating: text, count: count))
    #expect(posts[1].entities.count == count)
    // Where libxml2 reads it, too.
    let label = String(repeating: "бугурт ", count: 800_000)
    let poll = htmlPart("media_poll", htmlPart("question bold", label) + htmlPart("answer", "- да"))
    var options = SourceOptions()
    options.includesPolls = true
    #expect(
      try htmlPost(poll, options)?.text.utf8.count == label.utf8.count - 1 + "\n– да".utf8.count)
  }
}

@Suite("HTMLExport of a whole account")
struct HTMLAccountTests {
  private let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
    try folder.write("<!DOCTYPE html>", to: "export_results.html")
    try folder.write("<!DOCTYPE html>", to: "lists/chats.html")
    func write(_ number: String, _ title: String, _ posts: ClosedRange<Int>, pages: Int = 1) throws
    {
      let size = posts.count / pages
      try folder.write(
        pages: (0..<pages).map { index in
          htmlPage(
            posts.dropFirst(index * size).prefix(size).map { htmlMessage($0, htmlText(title)) }
              .joined(),
            title: title, isOfAccount: true)
        }, to: "chats/chat_\(number)/")
    }
    try write("1", "Друг Иванов", 1...1)
    try write("2", "БУГУРТ-ТРЕД ", 2...5, pages: 2)
    try write("3", "Двойник ", 6...6)
    try write("10", "Двойник ", 7...7)
    try write("11", "Deleted Account", 8...8)
    try folder.write("damaged", to: "chats/chat_12/messages.html")
    try folder.write("", to: "chats/chat_13/photo.jpg")
    try folder.write("", to: "chats/notes/messages.html")
  }

  private func dump(_ chat: String?, path: String = "") throws -> Dump {
    var options = SourceOptions()
    options.chat = chat
    return try Dump(html: folder.path(path), options)
  }

  @Test(
    "finds the chat by its name or its folder",
    arguments: [
      ("БУГУРТ-ТРЕД", [2, 3, 4, 5]), ("Друг Иванов", [1]), ("chat_3", [6]), ("chat_10", [7]),
      ("chat_11", [8]),
    ])
  func choices(_ chat: String, _ ids: [Int]) throws {
    for path in ["", "export_results.html"] {
      #expect(try dump(chat, path: path).posts.map(\.id) == ids)
    }
  }

  @Test("needs no choice if the folder of a chat is given")
  func folderOfChat() throws {
    let dump = try dump(nil, path: "chats/chat_2")
    #expect(dump.posts.map(\.id) == [2, 3, 4, 5])
    #expect(dump.summary.chat == "БУГУРТ-ТРЕД")
    #expect(
      try self.dump(nil, path: "chats/chat_11/messages.html").summary.chat
        == "a chat without a name")
  }

  private func problem(_ chat: String?, path: String = "") -> String? {
    #expect(throws: InputError.self) { try dump(chat, path: path) }?.problem
  }

  @Test("lists the chats, those with the most pages first, if none is chosen")
  func listing() {
    let names = "name or folder (pages have no ids)"
    let list = """
        БУГУРТ-ТРЕД (chat_2): 2 pages
        Друг Иванов (chat_1): 1 pages
        Двойник (chat_3): 1 pages
        Двойник (chat_10): 1 pages
        a chat without a name (chat_11): 1 pages
        a chat without a name (chat_12): 1 pages
      """
    #expect(
      problem(nil) == "the export holds 6 chats; name one by its \(names) with --chat:\n" + list)
    #expect(
      problem("1032123")
        == "the export holds no chat '1032123'; name one by its \(names):\n" + list)
    #expect(
      problem("Двойник") == """
        the export holds 2 chats 'Двойник'; name one by its folder:
          Двойник (chat_3): 1 pages
          Двойник (chat_10): 1 pages
        """)
    #expect(
      problem("chat_12")?.hasPrefix("this is not HTML, expected a page with the messages") == true)
    #expect(
      problem("Лентач", path: "chats/chat_2")
        == "the export holds no chat 'Лентач' (pages have no ids); it holds БУГУРТ-ТРЕД")
  }

  @Test("says that there are no chats")
  func noChats() throws {
    let empty = try TemporaryFolder()
    try empty.write("<!DOCTYPE html>", to: "export_results.html")
    let error = #expect(throws: InputError.self) { try Dump(html: empty.path) }
    #expect(error?.problem.hasPrefix("the export holds no chats; export the channel") == true)
  }
}
