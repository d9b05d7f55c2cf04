import CorpusFormat
import FileSupport
import JSONSupport
import TestSupport
import Testing

@Suite("Funnel")
struct FunnelTests {
  let folder: TemporaryFolder
  let funnel: Funnel

  init() throws {
    folder = try TemporaryFolder()
    var funnel = Funnel(
      recipe: "house",
      steps: [
        Funnel.Step(rule: "channel-news", settings: [.init("news", "post")], dropped: 412),
        Funnel.Step(rule: "header", changed: 6190),
      ])
    funnel.postsIn = 20641
    funnel.charactersIn = 1_500_000
    funnel.bytesIn = 2_700_000
    funnel.postsOut = 20229
    funnel.charactersOut = 1_400_000
    funnel.bytesOut = 2_500_000
    self.funnel = funnel
  }

  private let text = """
    {
      "version": 1,
      "recipe": "house",
      "one_post_a_line": true,
      "posts_in": 20641,
      "characters_in": 1500000,
      "bytes_in": 2700000,
      "rules": [
        {
          "name": "channel-news",
          "settings": {
            "news": "post"
          },
          "dropped": 412,
          "changed": 0
        },
        {
          "name": "header",
          "settings": {},
          "dropped": 0,
          "changed": 6190
        }
      ],
      "posts_out": 20229,
      "characters_out": 1400000,
      "bytes_out": 2500000
    }

    """

  @Test("is written as JSON in a fixed order, and read back")
  func roundTrip() throws {
    try funnel.write(to: folder.path("posts.funnel.json"))
    #expect(try folder.text(of: "posts.funnel.json") == text)
    #expect(try Funnel(path: folder.path("posts.funnel.json")) == funnel)
  }

  @Test("passes over keys it does not know")
  func unknownKeys() throws {
    let path = try folder.write(
      text.replacing("\"version\"", with: "\"note\": [1], \"version\""), to: "funnel.json")
    #expect(try Funnel(path: path) == funnel)
  }

  @Test("reports the lines that were passed over, if there were any")
  func badLines() throws {
    var funnel = funnel
    funnel.badLines = 3
    try funnel.write(to: folder.path("posts.funnel.json"))
    #expect(
      try folder.text(of: "posts.funnel.json")
        == text.replacing("  \"posts_in\"", with: "  \"bad_lines\": 3,\n  \"posts_in\""))
    #expect(try Funnel(path: folder.path("posts.funnel.json")) == funnel)
    #expect(
      funnel.table == """
        lines in      20,644
        bad lines         -3
        posts in      20,641
        channel-news    -412   2.0 %      0 changed
        header             0   0.0 %  6,190 changed
        posts out     20,229  98.0 %
        """)
  }

  @Test("has the share of each text that was joined")
  func sources() throws {
    var funnel = funnel
    funnel.sources = [
      .init(path: "a.txt", postsIn: 20_000, postsOut: 20_000, bytesOut: 2_000_000),
      .init(path: "sub/b.txt", postsIn: 641, postsOut: 229, bytesOut: 500_000),
    ]
    try funnel.write(to: folder.path("posts.funnel.json"))
    #expect(try Funnel(path: folder.path("posts.funnel.json")) == funnel)
    #expect(
      funnel.sourceTable == """
        from       posts in  posts out  of the text
        a.txt        20,000     20,000       80.0 %
        sub/b.txt       641        229       20.0 %
        """)
    #expect(self.funnel.sourceTable == nil)
    let path = try folder.write(
      funnel.json.text(indent: 2).replacing("\"bytes_out\": 500000", with: "\"bytes_out\": -1"),
      to: "wrong.json")
    let error = #expect(throws: InputError.self) { try Funnel(path: path) }
    #expect(
      error?.problem.contains("'sources[1].bytes_out' is missing or not a whole number") == true)
  }

  @Test(
    "says what is wrong with a file",
    arguments: [
      ("\"version\": 1", "\"version\": 2", "the funnel has version 2; this program reads 1"),
      (
        "\"posts_in\": 20641", "\"posts_in\": -1",
        "'posts_in' is missing or not a whole number of at least 0"
      ),
      (
        "\"posts_in\"", "\"bad_lines\": \"3\", \"posts_in\"",
        "'bad_lines' is missing or not a whole number of at least 0"
      ),
      ("\"recipe\": \"house\"", "\"recipe\": 3", "'recipe' is missing or not a string"),
      ("\"one_post_a_line\": true,", "", "'one_post_a_line' is missing or not true or false"),
      ("\"name\": \"header\",", "", "'rules[1].name' is missing or not a string"),
      (
        "\"dropped\": 412", "\"dropped\": \"x\"",
        "'rules[0].dropped' is missing or not a whole number of at least 0"
      ),
      ("\"settings\": {}", "\"settings\": []", "'rules[1].settings' is missing or not an object"),
      (
        "\"dropped\": 0", "\"dropped\": 2",
        "20641 posts in minus 414 dropped is 20227, but posts_out is 20229"
      ),
    ])
  func mistakes(_ part: String, _ replacement: String, _ problem: String) throws {
    let path = try folder.write(text.replacing(part, with: replacement), to: "funnel.json")
    let error = #expect(throws: InputError.self) { try Funnel(path: path) }
    #expect(error?.description == "\(path): \(problem)")
  }

  @Test("is shown as a table with percentages of all posts that came in")
  func table() {
    #expect(
      funnel.table == """
        posts in      20,641
        channel-news    -412   2.0 %      0 changed
        header             0   0.0 %  6,190 changed
        posts out     20,229  98.0 %
        """)
  }

  @Test("is shown as a table where no post came in")
  func emptyTable() {
    let funnel = Funnel(recipe: "house", steps: [Funnel.Step(rule: "empty")])
    #expect(
      funnel.table == """
        posts in   0
        empty      0  0 changed
        posts out  0
        """)
  }

  @Test(
    "stands beside the text",
    arguments: [
      ("data/clean/run.txt", "data/clean/run.funnel.json"), ("posts", "posts.funnel.json"),
      ("posts.text", "posts.text.funnel.json"), ("a.txt.b", "a.txt.b.funnel.json"),
    ])
  func path(_ text: String, _ expected: String) {
    #expect(Funnel.path(besideText: text) == expected)
  }
}
