import CorpusFormat
import FileSupport
import TestSupport
import Testing

@Suite("CorpusWriter")
struct CorpusWriterTests {
  let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
  }

  private func write(_ posts: [String], _ writer: CorpusWriter) throws {
    let end = writer.isOnePostALine ? "\n" : ""
    for post in posts {
      let text = post + end
      try writer.write(posts: text.utf8.span)
    }
  }

  @Test("writes one post a line")
  func lines() throws {
    let writer = try CorpusWriter(path: folder.path("deep/er/posts.txt"))
    try write(["КОТ @ КИТ", "👍", "x"], writer)
    try writer.commit()
    #expect(try folder.text(of: "deep/er/posts.txt") == "КОТ @ КИТ\n👍\nx\n")
  }

  @Test("writes posts without anything between them where that is asked for, empty ones too")
  func unseparated() throws {
    let writer = try CorpusWriter(path: folder.path("posts.txt"), isOnePostALine: false)
    try write(["КОТ", "", "КИТ\n"], writer)
    try writer.commit()
    #expect(try folder.text(of: "posts.txt") == "КОТКИТ\n")
  }

  @Test("leaves what stood there as it was, and nothing else, where it is not committed")
  func notCommitted() throws {
    try folder.write("old\n", to: "posts.txt")
    do {
      let writer = try CorpusWriter(path: folder.path("posts.txt"))
      try write(["new"], writer)
    }
    #expect(try folder.names() == ["posts.txt"])
    #expect(try folder.text(of: "posts.txt") == "old\n")
  }

  @Test("is read back as it was written")
  func roundTrip() throws {
    let posts = ["КОТ @ КИТ", "@", "a\u{2028}b \u{85}c", String(repeating: "щ", count: 300_000)]
    let writer = try CorpusWriter(path: folder.path("posts.txt"))
    try write(posts, writer)
    try writer.commit()
    var read: [String] = []
    try CorpusReader.forEachPost(path: folder.path("posts.txt")) { _, post, _ in
      read.append(String(decoding: post, as: UTF8.self))
    }
    #expect(read == posts)
  }
}
