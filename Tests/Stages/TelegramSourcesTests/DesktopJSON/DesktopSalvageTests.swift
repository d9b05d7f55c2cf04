import FileSupport
import Foundation
import PostFormat
import TelegramSources
import TestSupport
import Testing

@Suite("DesktopExport, salvaging")
struct DesktopSalvageTests {
  private static func options(chat: String? = nil) -> SourceOptions {
    var options = SourceOptions()
    options.salvages = true
    options.chat = chat
    return options
  }

  private let whole = channel(
    #"""
    {"id": 1, "type": "service", "date_unixtime": "1", "text": ""},
    {"id": 2, "type": "message", "date_unixtime": "2", "text": "раз"},
    {"id": 4, "type": "message", "date_unixtime": "4", "text": "два"}
    """#)

  /// `json` up to and with the first `end`.
  private func cut(_ json: String, behind end: String) throws -> String {
    String(json[..<(try #require(json.range(of: end)).upperBound)])
  }

  @Test(
    "takes the complete posts before the cut, and says where it is",
    arguments: [
      (#""date_unixtime": "2", "text": "ра"#, [], "the end of a string"),
      (#""text": "раз""#, [], "',' or '}'"), (#""text": "раз"}"#, [2], "',' or ']'"),
      (#""text": "раз"},"#, [2], "a value"), (#"{"id": 4, "type""#, [2], "':'"),
      (#""text": "два"}"#, [2, 4], "',' or ']'"), (#""text": "два"}]"#, [2, 4], "',' or '}'"),
      (#""messages": ["#, [], "a value"),
    ] as [(String, [Int], String)])
  func places(_ end: String, _ ids: [Int], _ expected: String) throws {
    let folder = try TemporaryFolder()
    let text = try cut(whole, behind: end)
    let path = try folder.write(text, to: "result.json")
    let dump = try Dump(path: path, options: Self.options())
    #expect(dump.posts.map(\.id) == ids)
    #expect(dump.summary.chat == "БУГУРТ-ТРЕД (public_channel 1032123)")
    let messages = end == #""messages": ["# ? 0 : ids.count + 1
    #expect(
      dump.summary.cut
        == "\(path): byte \(text.utf8.count): the text ends where \(expected) was expected: it is "
        + "cut off; \(messages) messages could be read before")
    let error = #expect(throws: InputError.self) { try Dump(path: path) }
    #expect(error?.problem.contains("the export was interrupted: export the chat again") == true)
    #expect(error?.problem.contains("or take these messages (--salvage)") == (messages > 0))
  }

  @Test("reports no cut if there is none")
  func wholeExport() throws {
    let dump = try Dump(whole, options: Self.options())
    #expect(dump.posts.map(\.id) == [2, 4])
    #expect(dump.summary.cut == nil)
  }

  @Test("takes the complete posts of an export whose gzip stream is cut off")
  func gzip() throws {
    let folder = try TemporaryFolder()
    var messages: [String] = []
    var generator = SystemRandomNumberGenerator()
    for id in 1...2000 {
      // Text that cannot be packed well, so that much of it stands before the cut.
      let text = (0..<20).map { _ in String(generator.next(), radix: 36) }.joined(separator: " ")
      messages.append(#"{"id": \#(id), "date_unixtime": "\#(id)", "text": "\#(text)"}"#)
    }
    try folder.write(channel(messages.joined(separator: ",")), to: "result.json")
    let process = Process()
    process.executableURL = URL(filePath: "/bin/gzip")
    process.arguments = [folder.path("result.json")]
    try process.run()
    process.waitUntilExit()
    let packed = try folder.bytes(of: "result.json.gz")
    let path = try folder.write(Array(packed[..<(packed.count / 2)]), to: "cut.json.gz")
    let dump = try Dump(path: path, options: Self.options())
    #expect(900...1100 ~= dump.posts.count)
    #expect(dump.posts.map(\.id) == Array(1...dump.posts.count))
    #expect(
      dump.summary.cut
        == "\(path): byte \(packed.count / 2): the gzip stream is cut off; \(dump.posts.count) "
        + "messages could be read before")
    #expect(throws: InputError.self) { try Dump(path: path) }
  }

  private let account = #"""
    {"contacts": {"list": []}, "chats": {"list": [
     {"name": "Один", "id": 1, "messages": [{"id": 1, "date": 1, "text": "раз"}]},
     {"name": "Два", "id": 2, "messages": [{"id": 5, "date": 5, "text": "два"},
      {"id": 6, "date": 6, "text": "три"}]}]}}
    """#

  @Test("takes posts of the chat in which an account is cut off, and of those before")
  func accounts() throws {
    let text = try cut(account, behind: #"{"id": 6, "date""#)
    let first = try Dump(text, options: Self.options(chat: "Один"))
    #expect(first.posts.map(\.id) == [1])
    #expect(first.summary.cut != nil)
    let second = try Dump(text, options: Self.options(chat: "Два"))
    #expect(second.posts.map(\.id) == [5])
    #expect(second.summary.chat == "Два (2)")
    #expect(second.summary.cut?.hasSuffix("2 messages could be read before") == true)
    let error = #expect(throws: InputError.self) {
      try Dump(text, options: Self.options(chat: "Три"))
    }
    #expect(error?.problem.contains("  Два (2): 1 messages") == true)
    let refusal = #expect(throws: InputError.self) { try Dump(text, chat: "Один") }
    #expect(refusal?.problem.contains("2 messages could be read before") == true)
  }

  @Test(
    "has nothing to take if the cut is before all messages",
    arguments: [#"{"name": "БУГ"#, #"{"name": "x", "id""#, #"{"chats": {"about""#, "{"])
  func nothing(_ text: String) throws {
    let error = #expect(throws: InputError.self) { try Dump(text, options: Self.options()) }
    #expect(error?.problem.contains("it is cut off; 0 messages could be read before") == true)
  }

  @Test("does not take what is before other damage")
  func damage() throws {
    let text = whole.replacing(#""date_unixtime": "4""#, with: #""date_unixtime" "4""#)
    let error = #expect(throws: InputError.self) { try Dump(text, options: Self.options()) }
    #expect(error?.problem == "expected ':', found '\"'")
  }
}
