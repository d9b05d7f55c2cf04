import FileSupport
import Foundation
import PostFormat
import TelegramSources
import TestSupport
import Testing

@Suite("HTMLExport, errors")
struct HTMLExportErrorTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private static let salvaging: SourceOptions = {
    var options = SourceOptions()
    options.salvages = true
    return options
  }()

  /// The error of reading `pages`, without the folder of the files.
  private func error(_ pages: [String?]) throws -> String? {
    try folder.write(pages: [])
    for (index, page) in pages.enumerated() {
      if let page { try folder.write(page, to: name(index)) }
    }
    return error()
  }

  private func name(_ index: Int) -> String {
    index == 0 ? "messages.html" : "messages\(index + 1).html"
  }

  private func error(path: String = "") -> String? {
    let path = path.isEmpty ? folder.path : folder.path(path)
    let thrown = #expect(throws: InputError.self) { try Dump(html: path) }
    return thrown.map { $0.description.replacing(folder.path + "/", with: "") }
  }

  private let howTo =
    "export the channel from Telegram Desktop: open it and choose 'Export chat history' in its menu"

  @Test(
    "says what it expected if there is no export",
    arguments: [
      ("hello", "this is not HTML"),
      ("<!DOCTYPE html><html><body><p>Новости</p></body></html>", "other"),
      (htmlPage("").replacing("page_wrap", with: "page"), "other"),
    ])
  func noExport(_ text: String, _ found: String) throws {
    let found = found == "other" ? "this is HTML, but not an export of Telegram Desktop" : found
    #expect(
      try error([text])
        == "messages.html: \(found), expected a page with the messages of a chat as Telegram "
        + "Desktop exports it; \(howTo)")
    #expect(
      try error([htmlPage(htmlMessage(1, "")), text + "</html>"]) != nil)
  }

  @Test("says that a page is empty")
  func emptyPage() throws {
    #expect(try error([""]) == "messages.html: the file is empty; \(howTo)")
  }

  @Test(
    "says what it expected in a folder without pages, and what the system says of a missing one")
  func noPages() throws {
    try folder.write("", to: "x/y.txt")
    #expect(
      error(path: "x")
        == "x: expected the pages of an export of Telegram Desktop, messages.html (one chat) or "
        + "export_results.html and the folder chats (a whole account); \(howTo)")
    for name in ["none", "none.html", "messages.html"] {
      let error = #expect(throws: FileError.self) { try Dump(html: folder.path(name)) }
      #expect(error?.description == "\(folder.path(name)): cannot open: No such file or directory")
    }
  }

  // MARK: - Pages that are missing

  private let missing = "this page of the export is missing"
  private let remedy = "copy the whole folder of the export, or export the chat again"
  private let before = "1 messages could be read before"

  @Test("names a page that is missing before others, after them, or first")
  func gaps() throws {
    let first = htmlPage(htmlMessage(1, ""), next: "messages2.html")
    let second = "messages2.html: \(missing)"
    let choice = "or take the pages that are there (--salvage)"
    #expect(
      try error([first, nil, htmlPage(htmlMessage(3, ""))]) == "\(second); \(remedy), \(choice)")
    #expect(error(path: "messages3.html") == "\(second); \(remedy), \(choice)")
    try FileManager.default.removeItem(atPath: folder.path("messages3.html"))
    #expect(error() == "\(second); \(before); \(remedy), or take these messages (--salvage)")
    try FileManager.default.moveItem(
      atPath: folder.path("messages.html"), toPath: folder.path("messages2.html"))
    #expect(error() == "messages.html: \(missing); \(remedy), \(choice)")
  }

  @Test("takes the posts of the pages that exist on request")
  func salvagingGaps() throws {
    try folder.write(htmlPage(htmlMessage(1, ""), next: "messages2.html"), to: "messages.html")
    func salvage() throws -> (ids: [Int], cut: String?) {
      let dump = try Dump(html: folder.path, Self.salvaging)
      return (
        dump.posts.map(\.id), dump.summary.cut?.replacing(folder.path + "/", with: "")
      )
    }
    #expect(try salvage() == ([1], "messages2.html: \(missing); \(before)"))
    try folder.write(htmlPage(htmlMessage(3, "")), to: "messages3.html")
    let elsewhere = "messages could be read elsewhere"
    #expect(try salvage() == ([1, 3], "messages2.html: \(missing); 2 \(elsewhere)"))
    try FileManager.default.removeItem(atPath: folder.path("messages.html"))
    #expect(try salvage() == ([3], "messages.html: \(missing); 1 \(elsewhere)"))
    try folder.write(htmlPage(htmlMessage(9, "")), to: "messages9.html")
    #expect(
      try salvage()
        == ([3, 9], "messages.html: \(missing) (the first of 2 such places); 2 \(elsewhere)"))
  }

  @Test("does not take the source of a forward from before a missing page")
  func forwardAfterGap() throws {
    func forward(_ id: Int, _ name: String) -> String {
      htmlMessage(id, htmlPart("forwarded body", name + htmlText("a")), isJoined: true)
    }
    try folder.write(htmlPage(forward(1, htmlPart("from_name", "К"))), to: "messages.html")
    try folder.write(htmlPage(forward(3, "")), to: "messages3.html")
    let dump = try Dump(html: folder.path, Self.salvaging)
    #expect(dump.posts.map(\.forwardedFrom) == ["К", ""])
  }

  @Test("says that the chat continues after a page with another name")
  func renamed() throws {
    try folder.write(htmlPage(htmlMessage(1, ""), next: "messages2.html"), to: "saved.html")
    try folder.write(htmlPage(htmlMessage(2, "")), to: "messages2.html")
    #expect(
      error(path: "saved.html")
        == "saved.html: the chat continues in messages2.html, but the pages are read in order "
        + "only if they have the names that Telegram Desktop gave them; \(before); \(remedy), or take these "
        + "messages (--salvage)")
  }

  // MARK: - Pages that are cut off

  @Test("says at which byte a page is cut off and how many messages were complete")
  func truncated() throws {
    let whole = htmlPage(
      (1...3).map { htmlMessage($0, htmlText("т")) }.joined() + htmlServiceMessage(4, "x"))
    let end = try #require(whole.range(of: "message3")).upperBound
    let cut = String(whole[..<end])
    let problem =
      "messages2.html: byte \(cut.utf8.count): the page ends before its </html>: it is cut off; "
      + "3 messages could be read before"
    #expect(
      try error([htmlPage(htmlMessage(0, "")), cut, htmlPage(htmlMessage(5, ""))])
        == problem + "; \(remedy), or take these messages (--salvage)")
    let dump = try Dump(html: folder.path, Self.salvaging)
    #expect(dump.posts.map(\.id) == [0, 1, 2, 5])
    #expect(
      dump.summary.cut?.replacing(folder.path + "/", with: "")
        == problem.replacing(
          "3 messages could be read before", with: "4 messages could be read elsewhere"))
    #expect(dump.summary.chat == "БУГУРТ-ТРЕД")
  }

  @Test("takes complete posts only, wherever a page is cut off")
  func everyCut() throws {
    let messages =
      htmlServiceMessage(-1, "1 March 2016") + htmlMessage(1, htmlText("а<br>б"))
      + htmlMessage(2, htmlPart("media_wrap", "") + htmlText("<strong>в</strong>"), isJoined: true)
      + htmlServiceMessage(3, "x")
      + htmlMessage(4, htmlText("г") + htmlPart("signature details", "я"))
    let bytes = Array(htmlPage(messages).utf8)
    let whole = try Dump(pages: [htmlPage(messages)]).posts
    let body = try #require(htmlPage(messages).utf8.firstRange(of: #"class="history""#.utf8))
    let start = htmlPage(messages).utf8.distance(
      from: htmlPage(messages).utf8.startIndex, to: body.upperBound)
    var counts: [Int] = []
    for count in start...bytes.count {
      let path = try folder.write(Array(bytes[..<count]), to: "messages.html")
      let dump = try Dump(html: path, Self.salvaging)
      #expect(dump.posts == Array(whole.prefix(dump.posts.count)))
      // Behind </html> nothing is missing.
      #expect((dump.summary.cut == nil) == (count >= bytes.count - 1))
      counts.append(dump.posts.count)
      if count % 10 == 0, count < bytes.count - 1 {
        #expect(throws: InputError.self) { try Dump(html: path) }
      }
    }
    #expect(counts == counts.sorted())
    #expect(Set(counts) == [0, 1, 2, 3])
  }

  @Test("takes a post as complete if nothing but the beginning of the next one follows")
  func cutInTag() throws {
    let whole = htmlPage(htmlMessage(1, htmlText("a")) + htmlMessage(2, htmlText("b")))
    let second = try #require(
      whole.range(of: #"<div class="message default clearfix" id="message2""#))
    for length in [0, 1, 4, 12, 20, 30] {
      let cut = String(whole[..<second.lowerBound]) + whole[second].prefix(length)
      let dump = try Dump(pages: [cut], Self.salvaging)
      #expect(dump.posts.map(\.text) == ["a"])
    }
  }

  // MARK: - Damage

  @Test("refuses pages that are not UTF-8, at the byte")
  func encodings() throws {
    let text = htmlPage(htmlMessage(1, htmlText("бугурт")))
    let offset = try #require(text.utf8.firstRange(of: "бугурт".utf8)).lowerBound
    var bytes = Array(text.utf8)
    let index = text.utf8.distance(from: text.utf8.startIndex, to: offset)
    bytes.replaceSubrange(index..<index + 12, with: [0xE1, 0xF3, 0xE3, 0xF3, 0xF0, 0xF2])
    try folder.write(bytes, to: "messages.html")
    let problem =
      "this is not UTF-8, in which Telegram Desktop writes pages: the file was changed or damaged; "
      + "export the chat again"
    #expect(error() == "messages.html: byte \(index): \(problem)")
    try folder.write(
      Array(text.utf16.flatMap { [UInt8($0 & 0xFF), UInt8($0 >> 8)] }), to: "messages.html")
    #expect(error()?.contains("text in UTF-16LE") == true)
    let windows = try #require(text.data(using: .windowsCP1251))
    try folder.write(Array(windows), to: "messages.html")
    #expect(error()?.contains("iconv -f CP1251 -t UTF-8 'messages.html'") == true)
  }

  @Test("refuses messages out of order, at the byte of the first")
  func order() throws {
    let text = htmlPage(htmlMessage(5, "") + htmlMessage(4, ""))
    let tag = #"<div class="message default clearfix" id="message4">"#
    let offset = try #require(text.utf8.firstRange(of: tag.utf8)).lowerBound
    let byte = text.utf8.distance(from: text.utf8.startIndex, to: offset)
    let problem =
      "message 4 follows message 5, but ids must ascend; sort the "
      + "messages by id, or export the chat again"
    #expect(try error([text]) == "messages.html: byte \(byte): \(problem)")
  }

  @Test("refuses elements nested without end, at the byte of the message")
  func nesting() throws {
    let deep =
      String(repeating: "<div>", count: 100_000) + String(repeating: "</p>", count: 100_000)
    let text = htmlPage(htmlMessage(1, deep))
    #expect(
      try error([text])?.hasSuffix(
        "the message that begins here has elements nested more than 1000 deep: the page is damaged; "
          + "export the chat again") == true)
    #expect(
      try htmlPost(String(repeating: "<div class=x>", count: 900) + htmlText("a"))?.text == "a")
  }

  @Test("skips a tag that is too long for one of an export")
  func longTag() throws {
    let attributes = (0..<300_000).map { "a\($0)=b" }.joined(separator: " ")
    let answer = ##"<a href="#go_to_message7">x</a>"##
    let post = try htmlPost(
      "<div \(attributes)>" + htmlPart("reply_to", answer) + "</div>" + htmlText("a"))
    #expect(post?.text == "a")
    #expect(post?.replyTo == 7)
  }

  @Test("continues after a zero byte")
  func zeros() throws {
    let post = try htmlPost(
      htmlPart("a\0b", "\0") + htmlText("a\0b")
        + htmlPart("reply_to", ##"<a href="#go_to_message7">x</a>"##))
    #expect(post?.text == "a\0b")
    #expect(post?.replyTo == 7)
  }
}
