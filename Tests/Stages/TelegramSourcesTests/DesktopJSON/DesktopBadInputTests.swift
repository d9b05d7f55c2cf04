import FileSupport
import Foundation
import PostFormat
import TelegramSources
import TestSupport
import Testing

@Suite("DesktopExport, texts in other encodings")
struct DesktopEncodingTests {
  private func problem(_ bytes: [UInt8]) throws -> String? {
    let folder = try TemporaryFolder()
    let path = try folder.write(bytes, to: "result.json")
    return #expect(throws: InputError.self) { try Dump(path: path) }?.problem
  }

  private let json = channel(#"{"id": 1, "date": 1, "text": "бугурт"}"#)

  @Test(
    "recognises UTF-16 and UTF-32, with and without a mark, and says how to convert them",
    arguments: [
      (.utf16LittleEndian, [0xFF, 0xFE], "UTF-16LE", "UTF-16"),
      (.utf16BigEndian, [0xFE, 0xFF], "UTF-16BE", "UTF-16"),
      (.utf16LittleEndian, [], "UTF-16LE", "UTF-16LE"),
      (.utf16BigEndian, [], "UTF-16BE", "UTF-16BE"),
      (.utf32LittleEndian, [0xFF, 0xFE, 0, 0], "UTF-32LE", "UTF-32"),
      (.utf32BigEndian, [0, 0, 0xFE, 0xFF], "UTF-32BE", "UTF-32"),
      (.utf32LittleEndian, [], "UTF-32LE", "UTF-32LE"),
      (.utf32BigEndian, [], "UTF-32BE", "UTF-32BE"),
    ] as [(String.Encoding, [UInt8], String, String)])
  func wideEncodings(
    _ encoding: String.Encoding, _ mark: [UInt8], _ name: String, _ iconvName: String
  ) throws {
    let bytes = mark + Array(try #require(json.data(using: encoding)))
    let folder = try TemporaryFolder()
    let path = try folder.write(bytes, to: "result.json")
    let problem = #expect(throws: InputError.self) { try Dump(path: path) }?.problem
    #expect(problem?.contains("text in \(name)") == true)
    #expect(
      problem?.hasSuffix(
        "expected UTF-8: convert it (iconv -f \(iconvName) -t UTF-8 '\(path)' > "
          + "'\(folder.path("result.utf8.json"))')") == true)
    // The remedy works.
    let process = Process()
    process.executableURL = URL(filePath: "/bin/sh")
    process.arguments = [
      "-c", "iconv -f \(iconvName) -t UTF-8 '\(path)' > '\(folder.path("utf8.json"))'",
    ]
    try process.run()
    process.waitUntilExit()
    #expect(try Dump(path: folder.path("utf8.json")).posts.map(\.text) == ["бугурт"])
  }

  @Test("skips the byte order mark of UTF-8")
  func mark() throws {
    #expect(try Dump("\u{FEFF}" + json).posts.map(\.text) == ["бугурт"])
  }

  @Test("recognises Windows-1251 in the name of the chat and in the text of a message")
  func windows1251() throws {
    let bytes = Array(try #require(json.data(using: .windowsCP1251)))
    let remedy =
      "; it looks like CP1251, which is a guess based on its letters: if all of the file is in it"
    #expect(try problem(bytes)?.hasPrefix("the string is not UTF-8" + remedy) == true)
    let text = Array(try #require("бугурт".data(using: .windowsCP1251)))
    for key in [#""text": ""#, #""text_entities": [{"type": "plain", "text": ""#] {
      let message = Array(#"{"messages": [{"id": 5, "date": 1, "#.utf8) + Array(key.utf8) + text
      let end = key.hasPrefix(#""text":"#) ? "\"}]}" : "\"}]}]}"
      #expect(
        try problem(message + Array(end.utf8))?.hasPrefix(
          "the text of message 5 is not UTF-8" + remedy) == true)
    }
  }

  @Test("does not take other bytes that are not UTF-8 for it")
  func damagedUTF8() throws {
    // Letters of two bytes that lost some of them.
    let damaged = Array("бугурт".utf8).enumerated().filter { $0.offset != 3 }.map(\.element)
    let start = Array(#"{"messages": [{"id": 5, "date": 1, "text": ""#.utf8)
    #expect(
      try problem(start + damaged + Array("\"}]}".utf8))
        == "the text of message 5 is not UTF-8; export the chat again")
  }
}

@Suite("DesktopExport, extreme input")
struct DesktopExtremeTests {
  @Test("refuses objects and arrays that nest 10,000-fold, wherever they stand")
  func nesting() throws {
    let deep = String(repeating: "[", count: 10_000) + String(repeating: "]", count: 10_000)
    let deepObjects =
      String(repeating: #"{"a":"#, count: 10_000) + "1" + String(repeating: "}", count: 10_000)
    for value in [deep, deepObjects] {
      for json in [
        value, #"{"about": \#(value)}"#, channel(#"{"id": 1, "x": \#(value)}"#),
        channel(#"{"id": 1, "date": 1, "text": \#(value)}"#),
        channel(#"{"id": 1, "date": 1, "text_entities": [\#(value)]}"#),
        channel(#"{"id": 1, "date": 1, "reactions": \#(value)}"#), channel(value),
      ] where !json.hasPrefix("[") {
        let error = #expect(throws: InputError.self) { try Dump(json) }
        #expect(
          error?.problem.contains("nest deeper than 512") == true
            || error?.problem.contains("is a string or an object") == true
            || error?.problem.contains("expected an object, found an array") == true,
          "\(error?.problem ?? "no error")")
      }
    }
  }

  @Test("reads a post of 10 MB, its text once or twice in the file")
  func largePost() throws {
    let line = #"ПРИШЁЛ ДОМОЙ\n@\n😀"#
    let count = 10_000_000 / line.utf8.count
    let text = String(repeating: line, count: count)
    let expected = String(repeating: "ПРИШЁЛ ДОМОЙ\n@\n😀", count: count)
    let entities = #"[{"type": "plain", "text": "\#(text)"}, {"type": "bold", "text": "!"}]"#
    for (members, ending) in [
      (#""text": "\#(text)""#, ""),
      (#""text": ["\#(text)", "!"], "text_entities": \#(entities)"#, "!"),
    ] {
      let dump = try Dump(
        channel(
          #"{"id": 1, "date": 1, \#(members)}, {"id": 2, "date": 2, "text": "next"}"#))
      #expect(dump.posts.count == 2)
      #expect(dump.posts[0].text.utf8.count == expected.utf8.count + ending.utf8.count)
      #expect(dump.posts[0].text == expected + ending)
      #expect(
        dump.posts[0].entities.map(\.offset) == (ending.isEmpty ? [] : [expected.utf16.count]))
      #expect(dump.posts[1].text == "next")
    }
  }

  @Test("keeps the first of two posts with one id, also where ids are far apart")
  func duplicates() throws {
    let ids = [1, 2, 63, 64, 65, 1000, 1_000_000, 1_000_000_000_000, 9_007_199_254_740_993]
    var messages = ids.map { #"{"id": \#($0), "date": \#($0 % 1000), "text": "first"}"# }
    messages += ids.map { #"{"id": \#($0), "date": 1, "text": "second"}"# }
    let dump = try Dump(channel(messages.joined(separator: ",")))
    #expect(dump.posts.map(\.id) == ids)
    #expect(dump.posts.allSatisfy { $0.text == "first" })
    #expect(dump.summary.duplicates == ids.count)
    for id in [3, 62, 66, 999_999, 1_000_001] {
      let late = #"{"id": \#(id), "date": 1, "text": "late"}"#
      let error = #expect(throws: InputError.self) {
        try Dump(channel((messages + [late]).joined(separator: ",")))
      }
      #expect(
        error?.problem.hasPrefix("message \(id) follows message 9007199254740993") == true)
    }
  }
}
