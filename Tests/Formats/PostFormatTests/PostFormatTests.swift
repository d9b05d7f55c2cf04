import FileSupport
import Foundation
import PostFormat
import TestSupport
import Testing

/// The posts of a file with their lines.
private func posts(_ path: String) throws -> [(line: Int, post: Post)] {
  var posts: [(line: Int, post: Post)] = []
  try PostReader.forEach(path: path) { posts.append(($0, $1)) }
  return posts
}

private func everything(id: Int) -> Post {
  var post = Post(id: id, date: 1_456_822_800, text: "«БУГУРТ» \"x\" \\\n@\n👨‍👩‍👧\u{B}\u{2028}")
  post.edited = 1_456_822_861
  post.entities = [
    Post.Entity(type: "bold", offset: 0, length: 8),
    Post.Entity(type: "text_link", offset: 9, length: 3, url: "https://t.me/a?b=\"c\""),
  ]
  post.views = 12_345
  post.reactions = [Post.Reaction(emoji: "🔥", count: 7), Post.Reaction(emoji: "paid", count: 1)]
  post.forwardedFrom = ""
  post.replyTo = 3
  post.media = "photo"
  return post
}

@Suite("PostWriter")
struct PostWriterTests {
  @Test("writes the keys in order, and only those that are present")
  func order() throws {
    let folder = try TemporaryFolder()
    let writer = try PostWriter(path: folder.path("posts.jsonl"))
    try writer.write(Post(id: -4, date: 0, text: ""))
    try writer.write(everything(id: 17))
    try writer.commit()
    #expect(writer.count == 2)
    #expect(
      try folder.text(of: "posts.jsonl") == #"""
        {"id":-4,"date":"1970-01-01T00:00:00Z","text":""}
        {"id":17,"date":"2016-03-01T09:00:00Z","text":"«БУГУРТ» \"x\" \\\n@\n👨‍👩‍👧\u000b\#u{2028}",\#
        "edited":"2016-03-01T09:01:01Z","entities":[{"type":"bold","offset":0,"length":8},\#
        {"type":"text_link","offset":9,"length":3,"url":"https://t.me/a?b=\"c\""}],\#
        "views":12345,"reactions":{"🔥":7,"paid":1},"forwarded_from":"","reply_to":3,\#
        "media":"photo"}

        """#)
  }

  @Test("is read by Foundation as well")
  func foundation() throws {
    let folder = try TemporaryFolder()
    let writer = try PostWriter(path: folder.path("posts.jsonl"))
    try writer.write(everything(id: 1))
    try writer.commit()
    let object = try JSONSerialization.jsonObject(with: Data(folder.bytes(of: "posts.jsonl")))
    let post = try #require(object as? [String: Any])
    #expect(post["text"] as? String == everything(id: 1).text)
    #expect((post["reactions"] as? [String: Int]) == ["🔥": 7, "paid": 1])
  }

  @Test("refuses ids that do not ascend", arguments: [7, 6, -1])
  func ascending(_ id: Int) throws {
    let folder = try TemporaryFolder()
    let path = folder.path("posts.jsonl")
    let writer = try PostWriter(path: path)
    try writer.write(Post(id: 7, date: 0, text: ""))
    let error = #expect(throws: InputError.self) {
      try writer.write(Post(id: id, date: 0, text: ""))
    }
    #expect(error?.description == "\(path): line 2: post \(id) follows post 7; ids must ascend")
  }

  @Test("refuses dates that have no text")
  func dates() throws {
    let folder = try TemporaryFolder()
    let path = folder.path("posts.jsonl")
    let writer = try PostWriter(path: path)
    let error = #expect(throws: InputError.self) {
      try writer.write(Post(id: 7, date: 253_402_300_800, text: ""))
    }
    #expect(
      error?.description
        == "\(path): line 1: post 7: 253402300800 s since 1970 is not in the years 0 to 9999")
  }

  @Test("leaves nothing that was not committed")
  func abandoned() throws {
    let folder = try TemporaryFolder()
    func abandon() throws {
      try PostWriter(path: folder.path("p")).write(Post(id: 1, date: 0, text: ""))
    }
    try abandon()
    #expect(try folder.names() == [])
  }
}

@Suite("PostReader")
struct PostReaderTests {
  @Test("reads what the writer wrote")
  func roundTrip() throws {
    let folder = try TemporaryFolder()
    let expected = [Post(id: 0, date: -5, text: "a"), everything(id: 2), everything(id: 90_000)]
    let writer = try PostWriter(path: folder.path("p"))
    for post in expected { try writer.write(post) }
    try writer.commit()
    let found = try posts(folder.path("p"))
    #expect(found.map(\.post) == expected)
    #expect(found.map(\.line) == [1, 2, 3])
  }

  @Test("skips unknown keys, empty lines and null for what is missing")
  func foreign() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write(
      """
      \r
      { "text" : "x", "new": {"a": [1, "\\n"]}, "date": "2016-03-01T12:00:00+03:00", "id": 5 }\r

      {"id":6,"date":"1970-01-01T00:00:01Z","text":"","edited":null,"entities":null,"views":null,\
      "reactions":null,"forwarded_from":null,"reply_to":null,"media":null}
      {"id":7,"date":"1970-01-01T00:00:01Z","text":"","entities":[{"length":1,"offset":0,\
      "type":"bold","url":null,"nested":[]}]}
      """, to: "p")
    let found = try posts(path)
    var last = Post(id: 7, date: 1, text: "")
    last.entities = [Post.Entity(type: "bold", offset: 0, length: 1)]
    #expect(
      found.map(\.post) == [
        Post(id: 5, date: 1_456_822_800, text: "x"), Post(id: 6, date: 1, text: ""), last,
      ])
    #expect(found.map(\.line) == [2, 4, 5])
  }

  @Test("reads an empty file as no posts")
  func empty() throws {
    let folder = try TemporaryFolder()
    #expect(try posts(folder.write("", to: "p")).isEmpty)
  }

  @Test("reads gzip, and reports progress in the bytes of the file")
  func packed() throws {
    let folder = try TemporaryFolder()
    let writer = try PostWriter(path: folder.path("p"))
    for id in 1...1000 { try writer.write(everything(id: id)) }
    try writer.commit()
    let process = Process()
    process.executableURL = URL(filePath: "/bin/gzip")
    process.arguments = [folder.path("p")]
    try process.run()
    process.waitUntilExit()
    let size = try folder.bytes(of: "p.gz").count
    var progress: [Int] = []
    var count = 0
    try PostReader.forEach(path: folder.path("p.gz")) {
      progress.append($0)
    } _: { line, post in
      count += 1
      #expect(line == count)
      #expect(post == everything(id: count))
    }
    #expect(count == 1000)
    #expect(progress.last == size)
    #expect(progress.count >= 3)
  }

  private static let mistakes: [(String, String)] = [
    (#"{"date":"2016-03-01T09:00:00Z","text":""}"#, "'id' is missing"),
    (#"{"id":1,"text":""}"#, "'date' is missing"),
    (#"{"id":1,"date":"2016-03-01T09:00:00Z"}"#, "'text' is missing"),
    (#"{"id":"1"}"#, "'id': expected a number, found a string"),
    (#"{"id":1.5}"#, "expected a whole number, found 1.5"),
    (#"{"id":null}"#, "'id': expected a number, found null"),
    (#"{"id":1,"date":1456822800}"#, "'date': expected a string, found a number"),
    (
      #"{"id":1,"date":"2016-03-01T09:00:00"}"#,
      "'date': expected a date such as 2016-03-01T09:00:00Z, found '2016-03-01T09:00:00'"
    ),
    (#"{"id":1,"text":["x"]}"#, "'text': expected a string, found an array"),
    (
      "[1]",
      "expected a post, such as {\"id\":1,\"date\":\"2016-03-01T09:00:00Z\",\"text\":\"…\"}, found \"[1]\""
    ),
    (
      "oops",
      "expected a post, such as {\"id\":1,\"date\":\"2016-03-01T09:00:00Z\",\"text\":\"…\"}, found \"oops\""
    ),
    (
      #"{"id":1,"date":"2016-03-01T09:00:00Z","text":"x""#,
      "the text ends where ',' or '}' was expected: it is cut off"
    ),
    (#"{"id":1,"date":"2016-03-01T09:00:00Z","text":"x"} {}"#, "expected the end, found '{'"),
    (
      #"{"id":1,"date":"2016-03-01T09:00:00Z","text":"x","edited":"yesterday"}"#,
      "'edited': expected a date such as 2016-03-01T09:00:00Z, found 'yesterday'"
    ),
    (
      #"{"id":1,"date":"2016-03-01T09:00:00Z","text":"x","entities":{}}"#,
      "'entities': expected an array, found an object"
    ),
    (
      #"{"id":1,"date":"2016-03-01T09:00:00Z","text":"x","entities":[{"type":"bold","offset":1}]}"#,
      "an entity must have 'type', 'offset' and 'length'"
    ),
    (
      #"{"id":1,"date":"2016-03-01T09:00:00Z","text":"x","entities":[{"type":"bold","offset":-1,"length":2}]}"#,
      "the offset and the length of an entity must not be negative"
    ),
    (
      #"{"id":1,"date":"2016-03-01T09:00:00Z","text":"x","entities":[{"type":7}]}"#,
      "'type': expected a string, found a number"
    ),
    (
      #"{"id":1,"date":"2016-03-01T09:00:00Z","text":"x","reactions":["🔥"]}"#,
      "'reactions': expected an object, found an array"
    ),
    (
      #"{"id":1,"date":"2016-03-01T09:00:00Z","text":"x","reactions":{"🔥":"1"}}"#,
      "expected a number, found a string"
    ),
    (
      #"{"id":1,"date":"2016-03-01T09:00:00Z","text":"x","views":"1"}"#,
      "'views': expected a number, found a string"
    ),
    (
      #"{"id":1,"date":"2016-03-01T09:00:00Z","text":"x","reply_to":true}"#,
      "'reply_to': expected a number, found a boolean"
    ),
    (
      #"{"id":1,"date":"2016-03-01T09:00:00Z","text":"x","media":1}"#,
      "'media': expected a string, found a number"
    ),
  ]

  @Test("says what is wrong in which line", arguments: Self.mistakes)
  func errors(_ line: String, _ expected: String) throws {
    let folder = try TemporaryFolder()
    let first = #"{"id":0,"date":"2016-03-01T09:00:00Z","text":""}"# + "\n"
    let path = try folder.write(first + line + "\n", to: "p")
    let error = #expect(throws: InputError.self) { try posts(path) }
    #expect(error?.description == "\(path): line 2: \(expected)")
  }

  @Test("refuses text that is not UTF-8")
  func invalidUTF8() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write(
      Array(#"{"id":0,"date":"2016-03-01T09:00:00Z","text":""#.utf8) + [0xD0] + Array("\"}".utf8),
      to: "p")
    let error = #expect(throws: InputError.self) { try posts(path) }
    #expect(error?.description == "\(path): line 1: the string is not UTF-8")
  }

  @Test("reads a file that an editor gave a byte order mark and other line ends")
  func editedFile() throws {
    let folder = try TemporaryFolder()
    let line = #"{"id":1,"date":"2016-03-01T09:00:00Z","text":"КОТ"}"#
    let path = try folder.write("\u{FEFF}" + line + "\r\n", to: "p")
    let plain = try folder.write(line + "\n", to: "q")
    #expect(try posts(path).map(\.post) == posts(plain).map(\.post))
  }

  @Test("reads two such files that were joined")
  func joinedFiles() throws {
    let folder = try TemporaryFolder()
    let lines = (1...2).map {
      "\u{FEFF}" + #"{"id":\#($0),"date":"2016-03-01T09:00:00Z","text":"КОТ"}"# + "\r\n"
    }
    #expect(try posts(folder.write(lines.joined(), to: "p")).map(\.post.id) == [1, 2])
  }

  @Test(
    "says what a file is whose first line is not a post",
    arguments: [
      (
        "{",
        "; this looks like JSON of several lines: run tg-dump first if it is an export of Telegram "
          + "Desktop (result.json)"
      ),
      (
        #"{"name": "Чат", "type": "public_channel", "id": 1, "messages": []}"#,
        "'date' is missing; this is an export of Telegram Desktop: run tg-dump first"
      ),
      (
        "КОТ @ ПЁС",
        "; if this is already text, skip bugurt-clean: bpe-encode takes it as it is, one post per "
          + "line"
      ),
      (#"{"id":1}"#, ": 'date' is missing"),
    ])
  func firstLine(_ line: String, _ end: String) throws {
    let folder = try TemporaryFolder()
    let path = try folder.write("\n\(line)\n", to: "p")
    let error = #expect(throws: InputError.self) { try posts(path) }
    #expect(error?.description.hasSuffix(end) == true, "\(error?.description ?? "")")
    #expect(error?.place == .line(2))
  }

  @Test(
    "names both lines if ids do not ascend",
    arguments: [
      (3, "post 3 follows post 5 on line 1; ids must ascend"),
      (5, "post 5 is already on line 1; ids must be unique"),
    ])
  func order(_ id: Int, _ expected: String) throws {
    let folder = try TemporaryFolder()
    let path = try folder.write(
      """
      {"id":5,"date":"2016-03-01T09:00:00Z","text":""}

      {"id":\(id),"date":"2016-03-01T09:00:00Z","text":""}
      """, to: "p")
    let error = #expect(throws: InputError.self) { try posts(path) }
    #expect(error?.description == "\(path): line 3: \(expected)")
  }
}
