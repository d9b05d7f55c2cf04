import FileSupport
import PostFormat

extension FuzzedParser {
  /// `PostReader`: posts as JSON lines.
  static let postLines = FuzzedParser(
    name: "post-lines",
    seeds: [
      #"{"id":3,"date":"2016-03-01T13:49:34Z","text":"кот\n@\nпёс","reactions":{"👍":17}}"# + "\n",
      #"""
      {"id":-1,"date":"2016-03-01 13:49:34.5+03:00","text":"","media":"photo"}

      { "id": 7, "date": "2020-02-29T23:59:60z", "text": "a\u0411\ud83d\ude00", "edited": null }
      """#,
      #"""
      {"id":9,"date":"2016-03-01T20:13:47Z","text":"Жми 🔥","edited":"2016-03-02T20:13:47Z",\#
      "entities":[{"type":"text_link","offset":0,"length":3,"url":"https://t.me/a"},\#
      {"type":"bold","offset":4,"length":2,"url":null}],"views":12,"forwarded_from":"",\#
      "reply_to":3,"other":[{"a":[1.5e3,true,null]}]}
      """#,
      "\u{1F}\u{8B}",
    ],
    words: [
      #""id":"#, #""date":"#, #""text":"#, #""edited":"#, #""entities":"#, #""views":"#,
      #""reactions":"#, #""forwarded_from":"#, #""reply_to":"#, #""media":"#, #""type":"#,
      #""offset":"#, #""length":"#, #""url":"#, "null", "\n", #"\ud83d\ude00"#, #"\u0000"#,
      "9223372036854775807", "1e400", "2016-03-01T13:49:34Z",
    ]
  ) { bytes, scratch in
    let path = try scratch.file("posts.jsonl", holding: bytes)
    var posts: [Post] = []
    // Also what came before an error is checked.
    let reading = Result { try PostReader.forEach(path: path) { posts.append($1) } }
    try expectCopy(of: posts, scratch)
    try reading.get()
  }

  /// Checks that `posts`, written and read again, are the same.
  static func expectCopy(of posts: [Post], _ scratch: Scratch) throws {
    guard !posts.isEmpty else { return }
    let path = scratch.path + "/copy.jsonl"
    let writer = try PostWriter(path: path)
    for post in posts { try writer.write(post) }
    try writer.commit()
    var copies: [Post] = []
    try PostReader.forEach(path: path) { copies.append($1) }
    expect(copies == posts, "posts that are written and read again are the same")
  }
}
