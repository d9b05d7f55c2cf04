import PostFormat
import TelegramSources

/// A channel in memory that is asked page by page, and breaks off when it is told to.
final class PlayedChannel: PostPages {
  struct Break: Error {}

  let channel: String
  var expectedCount: Int? { messages.count }
  /// The ids of all messages, ascending.
  var messages: [Int]
  var service: Set<Int> = []
  var edited: [Int: Int] = [:]
  var pageSize = 10
  /// How many pages are given before it breaks off.
  var pagesLeft = Int.max
  /// What it was asked for.
  private(set) var requests: [Int?] = []
  private(set) var isClosed = false

  init(_ messages: some Sequence<Int>, channel: String = "played") {
    self.messages = Array(messages)
    self.channel = channel
  }

  func post(_ id: Int) -> Post {
    var post = Post(id: id, date: 1000 * id, text: "ПОСТ \(id)")
    if let edit = edited[id] {
      post.edited = edit
      post.text += " ИСПРАВЛЕН"
    }
    return post
  }

  func page(before: Int?) throws -> PostPage {
    requests.append(before)
    if pagesLeft == 0 { throw Break() }
    pagesLeft -= 1
    let older = messages.filter { id in before.map { id < $0 } ?? true }
    let ids = older.suffix(pageSize)
    var page = PostPage()
    page.posts = ids.filter { !service.contains($0) }.map(post)
    page.service = ids.filter(service.contains)
    page.reachesBeginning = ids.count == older.count
    page.title = "ИГРА"
    return page
  }

  func close() { isClosed = true }
}
