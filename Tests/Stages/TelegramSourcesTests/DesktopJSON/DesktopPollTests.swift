import FileSupport
import PostFormat
import TelegramSources
import Testing

@Suite("A poll of a Desktop export")
struct DesktopPollTests {
  private static let withPolls: SourceOptions = {
    var options = SourceOptions()
    options.includesPolls = true
    return options
  }()

  private let poll = #"""
    "poll": {"question": "Кто виноват?", "closed": false, "total_voters": 3,
     "answers": [{"text": "сосед", "voters": 1, "chosen": false}, {"text": "кот", "voters": 2}]}
    """#

  @Test("is no text unless it is asked for")
  func unasked() throws {
    let post = try post(#""text": "Опрос", \#(poll)"#)
    #expect(post?.text == "Опрос")
    #expect(post?.media == "poll")
  }

  @Test("stands behind the post's own text, on lines of its own, whichever comes first")
  func behindText() throws {
    let expected = "Опрос\nКто виноват?\n– сосед\n– кот"
    let text = #""text": "Опрос""#
    #expect(try post("\(text), \(poll)", options: Self.withPolls)?.text == expected)
    #expect(try post("\(poll), \(text)", options: Self.withPolls)?.text == expected)
    let bare = try post(#""text": "", \#(poll)"#, options: Self.withPolls)
    #expect(bare?.text == "Кто виноват?\n– сосед\n– кот")
    #expect(bare?.media == "poll")
  }

  @Test("leaves the entities of the text where they are, and has none itself")
  func entities() throws {
    let post = try post(
      #"""
      "text_entities": [{"type": "bold", "text": "жирно"}],
      "poll": {"question": [{"type": "bold", "text": "а"}, "б"], "answers": []}
      """#, options: Self.withPolls)
    #expect(post?.text == "жирно\nаб")
    #expect(post?.entities == [Post.Entity(type: "bold", offset: 0, length: 5)])
  }

  @Test(
    "has its texts as strings, as parts or missing",
    arguments: [
      (#"{"question": ["a\r\n", {"type": "custom_emoji", "text": "🔥"}], "answers": []}"#, "a\n🔥"),
      (
        #"{"question": "q", "answers": [{"text": ["a", {"type": "bold", "text": "b"}]}, {}]}"#,
        "q\n– ab\n– "
      ),
      (#"{"question": "q", "answers": ["a", ["b", "c"]]}"#, "q\n– a\n– bc"),
      (#"{"answers": [{"text": "a"}]}"#, "\n– a"),
      (#"{"question": "q", "answers": null}"#, "q"), (#"{"question": ""}"#, ""), ("{}", ""),
      ("null", ""), (#""poll""#, ""), ("[1]", ""),
    ])
  func shapes(_ poll: String, _ text: String) throws {
    #expect(try post(#""text": "", "poll": \#(poll)"#, options: Self.withPolls)?.text == text)
  }

  @Test("reads a to-do list as one")
  func todoList() throws {
    let post = try post(
      #"""
      "text": "", "todo_list": {"title": ["Дела"], "others_can_append": false,
       "answers": [{"text": "сыр", "id": 1}, {"text": ["хл", "еб"], "id": 2}]}
      """#, options: Self.withPolls)
    #expect(post?.text == "Дела\n– сыр\n– хлеб")
    #expect(post?.media == "todo_list")
  }

  @Test("is that of its own message")
  func ofItsMessage() throws {
    let dump = try Dump(
      channel(
        #"""
        {"id": 1, "date": 1, "text": "a", \#(poll)}, {"id": 2, "date": 2, "text": "b"}
        """#), options: Self.withPolls)
    #expect(dump.posts.last?.text == "b")
  }

  @Test("must have texts that are some")
  func wrongTexts() {
    let error = #expect(throws: InputError.self) {
      try post(#""poll": {"question": 5}"#, options: Self.withPolls)
    }
    #expect(error?.problem.contains("is a string or an array") == true)
  }
}
