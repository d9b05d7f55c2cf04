import PostFormat
import TelegramSources
import TestSupport

extension Dump {
  /// Reads the export in HTML at `path`.
  init(html path: String, _ options: SourceOptions = SourceOptions()) throws {
    let export = try HTMLExport(path: path, options: options)
    var posts: [Post] = []
    summary = try export.forEachPost(progress: { _ in }) { posts.append($0) }
    self.posts = posts
  }

  /// Reads the export in HTML with these `pages`, of which the first is `messages.html`.
  init(pages: [String], _ options: SourceOptions = SourceOptions()) throws {
    let folder = try TemporaryFolder()
    try folder.write(pages: pages)
    try self.init(html: folder.path, options)
  }
}

extension TemporaryFolder {
  /// Writes `pages` under the names that Telegram Desktop gives them.
  func write(pages: [String], to place: String = "") throws {
    for (index, page) in pages.enumerated() {
      try write(page, to: place + (index == 0 ? "messages.html" : "messages\(index + 1).html"))
    }
  }
}

/// A page with `messages`, as Telegram Desktop writes it.
func htmlPage(
  _ messages: String, title: String = "БУГУРТ-ТРЕД ", isOfAccount: Bool = false,
  previous: String? = nil, next: String? = nil
) -> String {
  func link(_ page: String?, _ text: String) -> String {
    guard let page else { return "" }
    return htmlBlock("a", #"class="pagination block_link" href="\#(page)""#, text, depth: 5)
  }
  let header = htmlBlock("div", #"class="text bold""#, title, depth: 5)
  let content =
    isOfAccount
    ? htmlBlock(
      "a",
      #"class="content block_link" href="../../lists/chats.html" onclick="return GoBack(this)""#,
      header, depth: 4)
    : htmlBlock("div", #"class="content""#, header, depth: 4)
  let history = link(previous, "Previous messages") + messages + link(next, "Next messages")
  return """
    <!DOCTYPE html>
    <html>

     <head>

      <meta charset="utf-8"/>
    <title>Exported Data</title>
      <script src="js/script.js" type="text/javascript">

      </script>

     </head>

     <body onload="CheckLocation();">

      <div class="page_wrap">
    \(htmlBlock("div", #"class="page_header""#, content, depth: 3))
       <div class="page_body chat_page">
    \(htmlBlock("div", #"class="history""#, history, depth: 4))
       </div>

      </div>

     </body>

    </html>

    """
}

/// An element whose content is on lines of its own.
func htmlBlock(_ tag: String, _ attributes: String, _ content: String, depth: Int) -> String {
  let indent = String(repeating: " ", count: depth)
  let space = attributes.isEmpty ? "" : " "
  return "\n\(indent)<\(tag)\(space)\(attributes)>\n\(content)\n\(indent)</\(tag)>\n"
}

/// A `div` of a class within the body of a message.
func htmlPart(_ classes: String, _ content: String, depth: Int = 7) -> String {
  htmlBlock("div", "class=\"\(classes)\"", content, depth: depth)
}

/// The text of a message.
func htmlText(_ html: String) -> String { htmlPart("text", html) }

/// A post whose body is made of `parts`.
func htmlMessage(
  _ id: Int, _ parts: String, date: String? = "01.03.2016 16:49:34 UTC+03:00",
  isJoined: Bool = false, classes: String? = nil
) -> String {
  let time = date.map {
    htmlBlock(
      "div", "class=\"pull_right date details\" title=\"\($0)\"",
      String($0.dropFirst(11).prefix(5)),
      depth: 7)
  }
  let picture =
    isJoined
    ? ""
    : htmlPart(
      "pull_left userpic_wrap",
      htmlPart("userpic userpic6", htmlPart("initials", "Б", depth: 8), depth: 7), depth: 6)
  let sender = isJoined ? "" : htmlPart("from_name", "БУГУРТ-ТРЕД ")
  let body = htmlPart("body", (time ?? "") + sender + parts, depth: 6)
  let classes = classes ?? "message default clearfix" + (isJoined ? " joined" : "")
  return htmlBlock("div", "class=\"\(classes)\" id=\"message\(id)\"", picture + body, depth: 5)
}

/// A service message, or a row with a date.
func htmlServiceMessage(_ id: Int, _ html: String) -> String {
  htmlBlock(
    "div", "class=\"message service\" id=\"message\(id)\"",
    htmlPart("body details", html, depth: 6),
    depth: 5)
}

/// The post that a message with these `parts` becomes.
func htmlPost(_ parts: String, _ options: SourceOptions = SourceOptions()) throws -> Post? {
  try Dump(pages: [htmlPage(htmlMessage(1, parts))], options).posts.first
}
