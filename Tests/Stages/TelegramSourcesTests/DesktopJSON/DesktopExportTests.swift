import FileSupport
import Foundation
import PostFormat
import TelegramSources
import TestSupport
import Testing

@Suite("DesktopExport")
struct DesktopExportTests {
  @Test("counts what it leaves out, and the ids that are missing")
  func counts() throws {
    let dump = try Dump(
      channel(
        #"""
        {"id": -999999990, "type": "message", "date_unixtime": "1", "text": "of the group"},
        {"id": 1, "type": "service", "date_unixtime": "2", "action": "create_channel", "text": ""},
        {"id": 3, "type": "message", "date_unixtime": "3", "text": "a"},
        {"id": 4, "type": "unsupported"},
        {"id": 4, "type": "message", "date_unixtime": "5", "text": "id of an unsupported one"},
        {"id": 7, "type": "message", "date_unixtime": "7", "text": "", "photo": "p.jpg"},
        {"id": 3, "type": "message", "date_unixtime": "3", "text": "again"},
        {"id": 8, "type": "message", "text": "without a date"},
        {"type": "message", "date_unixtime": "9", "text": "without an id"},
        {"id": 10, "type": "letter", "date": "1970-01-01T00:00:10", "text": "new"},
        {"id": 20, "type": "service", "date_unixtime": "20", "text": ""}
        """#))
    #expect(dump.posts.map(\.id) == [3, 7, 10])
    #expect(dump.posts.map(\.text) == ["a", "", "new"])
    var expected = SourceSummary()
    expected.chat = "БУГУРТ-ТРЕД (public_channel 1032123)"
    expected.posts = 3
    expected.withoutText = 1
    expected.zoneless = 1
    expected.unknownTypes = 1
    expected.service = 2
    expected.unsupported = 1
    expected.duplicates = 2
    expected.formerGroup = 1
    expected.incomplete = 2
    expected.first = SourceSummary.Mark(id: 3, date: 3)
    expected.last = SourceSummary.Mark(id: 10, date: 10)
    // Of 3 to 10 there are 3, 4, 7, 8 and 10.
    expected.missing = 3
    #expect(dump.summary == expected)
    #expect(dump.summary.messages == 11)
  }

  @Test("reads messages before the name, in a file, a folder, packed or not")
  func places() throws {
    let json =
      #"{"messages": [{"id": 1, "date_unixtime": "1", "text": "x"}], "name": null, "id": 5}"#
    let folder = try TemporaryFolder()
    try folder.write(json, to: "plain/result.json")
    try folder.write(json, to: "packed/result.json")
    let process = Process()
    process.executableURL = URL(filePath: "/bin/gzip")
    process.arguments = [folder.path("packed/result.json")]
    try process.run()
    process.waitUntilExit()
    for path in ["plain", "plain/", "plain/result.json", "packed", "packed/result.json.gz"] {
      let dump = try Dump(path: folder.path(path))
      #expect(dump.posts.map(\.text) == ["x"])
      #expect(dump.summary.chat == "5")
    }
  }

  @Test("reads an empty channel")
  func empty() throws {
    let dump = try Dump(channel(""))
    #expect(dump.posts.isEmpty)
    #expect(dump.summary.first == nil)
    #expect(dump.summary.messages == 0)
  }

  @Test("reports its progress in bytes and posts, up to the whole file")
  func progress() throws {
    let folder = try TemporaryFolder()
    let messages = (1...5000).map { #"{"id": \#($0), "date_unixtime": "\#($0)", "text": "текст"}"# }
    let path = try folder.write(channel(messages.joined(separator: ",\n")), to: "result.json")
    let export = try DesktopExport(path: path)
    var progress: [SourceProgress] = []
    _ = try export.forEachPost(progress: { progress.append($0) }, { _ in })
    #expect(progress.count > 10)
    #expect(progress.map(\.posts) == progress.map(\.posts).sorted())
    #expect(progress.map { $0.bytes ?? -1 } == progress.map { $0.bytes ?? -1 }.sorted())
    #expect(progress.last?.posts == 5000)
    #expect(progress.last?.bytes == export.size)
    #expect(try folder.bytes(of: "result.json").count == export.size)
  }

  @Test("stops when its caller throws")
  func stopping() throws {
    struct Stop: Error {}
    let folder = try TemporaryFolder()
    let path = try folder.write(
      channel(#"{"id": 1, "date_unixtime": "1", "text": ""}"#), to: "result.json")
    let export = try DesktopExport(path: path)
    #expect(throws: Stop.self) { try export.forEachPost(progress: { _ in }) { _ in throw Stop() } }
    #expect(throws: Stop.self) { try export.forEachPost(progress: { _ in throw Stop() }) { _ in } }
  }
}

@Suite("DesktopExport of a whole account")
struct AccountExportTests {
  private let account = #"""
    {
     "about": "Here is the data you requested.",
     "contacts": {"about": "x", "list": [{"name": "messages", "id": 1}]},
     "chats": {
      "about": "This page lists all chats.",
      "list": [
       {"type": "saved_messages", "id": 9, "messages": []},
       {"name": "Друг", "type": "personal_chat", "id": 4294967303,
        "messages": [{"id": 1, "date_unixtime": "1", "text": "привет"}]},
       {"messages": [{"id": 2, "date_unixtime": "2", "text": "бугурт"},
         {"id": 3, "date_unixtime": "3", "text": "ещё"}],
        "name": "БУГУРТ-ТРЕД", "type": "public_channel", "id": 8590966715},
       {"name": "Двойник", "type": "private_group", "id": 20, "messages": []}
      ]
     },
     "left_chats": {
      "about": "y",
      "list": [{"name": "Двойник", "type": "public_channel", "id": 21,
       "messages": [{"id": 7, "date_unixtime": "7", "text": "ушёл"}]}]
     }
    }
    """#

  @Test(
    "finds the chat by its name or its id in any form",
    arguments: [
      ("БУГУРТ-ТРЕД", ["бугурт", "ещё"]), ("8590966715", ["бугурт", "ещё"]),
      ("1032123", ["бугурт", "ещё"]), ("-1000001032123", ["бугурт", "ещё"]), ("7", ["привет"]),
      ("Друг", ["привет"]), ("21", ["ушёл"]), ("9", []),
    ])
  func choices(_ chat: String, _ texts: [String]) throws {
    #expect(try Dump(account, chat: chat).posts.map(\.text) == texts)
  }

  @Test("names the chat that it read")
  func title() throws {
    let summary = try Dump(account, chat: "1032123").summary
    #expect(summary.chat == "БУГУРТ-ТРЕД (public_channel 8590966715)")
    #expect(summary.posts == 2)
  }

  @Test("needs no choice if there is one chat")
  func onlyChat() throws {
    let json = #"{"chats": {"list": [{"messages": [{"id": 1, "date": 1, "text": "x"}]}]}}"#
    let dump = try Dump(json)
    #expect(dump.posts.map(\.text) == ["x"])
    #expect(dump.summary.chat == "a chat without a name")
  }

  private func problem(_ json: String, chat: String?) -> String? {
    #expect(throws: InputError.self) { try Dump(json, chat: chat) }?.problem
  }

  @Test("lists the chats, those with the most messages first, if none is chosen")
  func listing() {
    #expect(
      problem(account, chat: nil) == """
        the export holds 5 chats; name one by its id or name with --chat:
          БУГУРТ-ТРЕД (public_channel 8590966715): 2 messages
          Друг (personal_chat 4294967303): 1 messages
          Двойник (public_channel 21): 1 messages
          saved_messages 9: 0 messages
          Двойник (private_group 20): 0 messages
        """)
    #expect(
      problem(account, chat: "Двойник") == """
        the export holds 2 chats 'Двойник'; name one by its id:
          Двойник (public_channel 21): 1 messages
          Двойник (private_group 20): 0 messages
        """)
    #expect(
      problem(account, chat: "Нет такого")?.hasPrefix(
        "the export holds no chat 'Нет такого'; name one by its id or name:\n  БУГУРТ-ТРЕД") == true
    )
  }

  @Test("lists forty chats and counts the others")
  func longListing() {
    let chats = (1...50).map { #"{"name": "Чат \#($0)", "id": \#($0), "messages": []}"# }
    let json = #"{"chats": {"list": [\#(chats.joined(separator: ","))]}}"#
    let lines = problem(json, chat: nil)?.split(separator: "\n")
    #expect(lines?.count == 42)
    #expect(lines?.last == "  and 10 more")
  }

  @Test("says that there are no chats")
  func noChats() {
    #expect(
      problem(#"{"chats": {"about": "", "list": []}}"#, chat: nil)?.hasPrefix(
        "the export holds no chats; export the channel from Telegram Desktop") == true)
  }
}

@Suite("DesktopExport, errors")
struct DesktopExportErrorTests {
  private let howTo =
    "export the channel from Telegram Desktop: open it, choose 'Export chat history' in its menu, "
    + "and 'Machine-readable JSON' as the format"

  /// The error of reading `json`, without the folder of the file.
  private func message(_ json: String, chat: String? = nil) throws -> String? {
    let folder = try TemporaryFolder()
    let path = try folder.write(json, to: "result.json")
    let error = #expect(throws: InputError.self) { try Dump(path: path, chat: chat) }
    return error.map { $0.description.replacing(folder.path + "/", with: "") }
  }

  @Test("reports a missing file as the system does")
  func missing() throws {
    let folder = try TemporaryFolder()
    let error = #expect(throws: FileError.self) { try Dump(path: folder.path("none.json")) }
    #expect(error?.operation == .open)
    #expect(error?.code == ENOENT)
    #expect(
      error?.description == "\(folder.path("none.json")): cannot open: No such file or directory")
  }

  @Test("says what is in a folder instead of an export")
  func folders() throws {
    func message(_ folder: TemporaryFolder) -> String? {
      let error = #expect(throws: InputError.self) { try Dump(path: folder.path) }
      return error?.problem
    }
    let folder = try TemporaryFolder()
    let nothing = "this folder holds no export (result.json or messages.html)"
    #expect(message(folder) == "this folder is empty; \(howTo)")
    try folder.write("x", to: "notes.txt")
    #expect(message(folder) == "\(nothing); \(howTo)")
    try folder.write("PK", to: "Канал.ZIP")
    #expect(message(folder) == "\(nothing); if it is in 'Канал.ZIP', unpack that")
    try folder.write(channel(""), to: "ChatExport_2026-01-31/result.json")
    #expect(
      message(folder)
        == "\(nothing), but there is one in it; give '\(folder.path)/ChatExport_2026-01-31'")
  }

  @Test(
    "says what a file is instead of an export",
    arguments: [
      ([0x50, 0x4B, 3, 4], "a ZIP archive; unpack it (unzip 'result.json')"),
      (Array("Rar!\u{1A}\u{7}".utf8), "a RAR archive; unpack it (unrar x 'result.json')"),
      ([0x37, 0x7A, 0xBC, 0xAF, 0x27, 0x1C], "a 7z archive; unpack it (7z x 'result.json')"),
      (
        [UInt8](repeating: 0x61, count: 257) + Array("ustar".utf8),
        "a tar archive; unpack it (tar -xf 'result.json')"
      ),
      (Array("%PDF-1.4".utf8), "a PDF document, not an export; "),
      ([0x89] + Array("PNG\r\n".utf8), "a PNG image, not an export; "),
      (Array("RIFF....WEBPVP8".utf8), "a WebP image, not an export; "),
    ])
  func otherFiles(_ bytes: [UInt8], _ found: String) throws {
    let folder = try TemporaryFolder()
    for name in ["result.json", "messages.html"] {
      let path = try folder.write(bytes, to: name)
      let error = #expect(throws: InputError.self) {
        if name == "result.json" { try Dump(path: path) } else { try Dump(html: path) }
      }
      let expected = "this is " + found.replacing("result.json", with: name)
      #expect(error?.problem.hasPrefix(expected) == true)
    }
  }

  @Test("recognises an export in HTML")
  func html() throws {
    let folder = try TemporaryFolder()
    try folder.write("<!DOCTYPE html>", to: "messages.html")
    let error = #expect(throws: InputError.self) { try Dump(path: folder.path) }
    #expect(
      error?.description
        == "\(folder.path): this export is in HTML, expected one in JSON; \(howTo)")
  }

  @Test("says at which byte a cut file ends and how many messages were complete")
  func truncated() throws {
    let whole = channel(
      (1...300).map { #"{"id": \#($0), "date_unixtime": "\#($0)", "text": "т"}"# }
        .joined(separator: ","))
    let cut = String(whole.prefix { $0 != "]" }.dropLast(3))
    #expect(
      try message(cut)
        == "result.json: byte \(cut.utf8.count): the text ends where the end of a string was "
        + "expected: it is cut off; 299 messages could be read before; the export was "
        + "interrupted: export the chat again, or take these messages (--salvage)")
  }

  @Test("refuses what is damaged in the middle, at its byte")
  func damaged() throws {
    let json = channel(#"{"id": 1, "date": 1, "text": "x"} {"id": 2, "date": 2, "text": ""}"#)
    let offset = try #require(json.range(of: "} {")).lowerBound.utf16Offset(in: json) + 2
    let bytes = json.utf16.prefix(offset)
    let byteOffset = String(decoding: bytes, as: UTF16.self).utf8.count
    #expect(
      try message(json) == "result.json: byte \(byteOffset): expected ',' or ']', found '{'")
  }

  @Test(
    "says what it expected if there is no export",
    arguments: [
      ("<html></html>", 0), ("hello", 0), ("[1, 2]", 0), ("\n  42", 3),
    ])
  func notJSON(_ text: String, _ offset: Int) throws {
    #expect(
      try message(text)
        == "result.json: byte \(offset): expected the '{' that an export in JSON begins with; "
        + howTo)
  }

  @Test("may have a chat with the greatest id that there can be")
  func greatestID() throws {
    let json = #"{"name": "К", "id": 9223372036854775807, "messages": []}"#
    #expect(try message(json, chat: "7")?.contains("it holds К (9223372036854775807)") == true)
  }

  @Test("says that a file is empty")
  func empty() throws {
    #expect(try message("") == "result.json: the file is empty; \(howTo)")
  }

  @Test("says what it missed in other JSON", arguments: ["{}", #"{"name": "x", "posts": []}"#])
  func otherJSON(_ json: String) throws {
    #expect(
      try message(json)
        == "result.json: this is JSON, but not an export of Telegram Desktop: it holds neither "
        + "'messages' (one chat) nor 'chats' (a whole account); \(howTo)")
  }

  @Test("refuses the only chat if another is asked for, whether its name comes first or last")
  func otherChat() throws {
    let expected =
      "result.json: the export holds no chat 'Лентач'; it holds БУГУРТ-ТРЕД (public_channel 1032123)"
    #expect(try message(channel(""), chat: "Лентач") == expected)
    let reversed =
      #"{"messages": [], "name": "БУГУРТ-ТРЕД", "type": "public_channel", "id": 1032123}"#
    #expect(try message(reversed, chat: "Лентач") == expected)
    #expect(try Dump(reversed, chat: "-1000001032123").posts.isEmpty)
  }

  @Test("refuses messages out of order, at the byte of the first")
  func order() throws {
    let json =
      #"{"messages": [{"id": 5, "date": 1, "text": ""}, {"id": 4, "date": 1, "text": ""}]}"#
    #expect(
      try message(json)
        == "result.json: byte 48: message 4 follows message 5, but ids must ascend; sort the "
        + "messages by id, or export the chat again")
  }

  @Test("refuses text that is not UTF-8")
  func invalidUTF8() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write(
      Array(#"{"messages": [{"id": 5, "date": 1, "text": ""#.utf8) + [0xFF] + Array("\"}]}".utf8),
      to: "result.json")
    let error = #expect(throws: InputError.self) { try Dump(path: path) }
    #expect(
      error?.description
        == "\(path): byte 14: the text of message 5 is not UTF-8; export the chat again")
  }
}
