import FileSupport
import PostFormat
import TelegramSources

extension FuzzedParser {
  /// `DesktopExport`: Telegram Desktop's `result.json`.
  static let desktopJSON = FuzzedParser(
    name: "desktop-json",
    seeds: [
      #"""
      {"name":"К","type":"public_channel","id":1,"messages":[{"id":1,\#
      "date":"2016-03-01T12:00:00","text":"кот"}]}
      """#,
      #"""
      {
       "messages": [
        {"id": -999999990, "type": "message", "date_unixtime": "1", "text": ""},
        {"id": 1, "type": "service", "date": "2016-03-01T12:00:00", "action": "create_channel"},
        {"id": 2, "type": "message", "date_unixtime": "100", "edited_unixtime": "200",
         "text": ["a\r\n", {"type": "bold", "text": "b\x0B\u2028\ud83d\ude00"}, ""],
         "text_entities": [{"type": "plain", "text": "a\r"}, {"type": "text_link", "text": "b",
          "href": "https://t.me"}], "reply_to_message_id": 1, "forwarded_from": null},
        {"id": 4, "type": "unsupported"},
        {"id": 3, "date_unixtime": 300, "photo": "(File not included.)",
         "text": [{"type": "custom_emoji", "text": "😀", "document_id": video_files/a (2).webm
         }], "reactions": [{"type": "emoji", "count": 2, "emoji": "🔥", "recent": []},
          {"type": "custom_emoji", "count": 1, "document_id": 5404870433939922908},
          {"type": "paid", "count": 1}]},
        {"id": 5, "date_unixtime": "5", "text": "", "poll": {"question": ["a", {"type": "bold",
         "text": "b"}], "closed": false, "total_voters": 2, "answers": [{"text": "c", "voters": 1,
         "chosen": true}, {"text": [], "voters": 1}]}},
        {"id": 6, "date_unixtime": "6", "text": "x", "todo_list": {"title": "t", "answers": [{"text":
         ["d"], "id": 1}]}}
       ], "id": 8590966715, "name": null
      }
      """#,
      #"""
      {"messages":[{"id":1,"date_unixtime":"1","rich_message":{"rtl":false,"part":true,"blocks":[
       {"type":"heading","level":2,"text":{"type":"concat","text":[{"type":"bold","text":{"type":"plain",
        "text":"a\ud83d"}},{"type":"text_link","href":"https://x","text":"b"},{"type":"custom_emoji",
        "text":"😀","document_id":"5"},{"type":"math","source":"x"}]}},
       {"type":"list","kind":"ordered","start":3,"reversed":true,"list_type":"i","items":[
        {"task_state":"none","content":"text","text":"c","num":"1","value":9223372036854775807},
        {"task_state":"checked","blocks":[{"type":"paragraph","text":"\r\n"}]}]},
       {"type":"quote","pullquote":true,"blocks":[{"type":"code","text":" "}],"caption":"d"},
       {"type":"table","title":"e","rows":[{"cells":[{"text":"f"},{},{"text":"g"}]}]},
       {"type":"slideshow","items":[{"type":"photo","caption":{"text":"h","credit":"i"}}]},
       {"type":"new","text":{"type":"shiny","text":"j"},"blocks":[{"type":"divider"}]}]}}]}
      """#,
      #"""
      {"about":"","contacts":{"list":[]},"chats":{"about":"","list":[{"type":"saved_messages",\#
      "id":9,"messages":[]},{"name":"К","id":7,"messages":[{"id":2,"date":5,"text":"x"}]}]},\#
      "left_chats":{"list":[{"name":"Л","id":8,"messages":[]}]}}
      """#,
    ],
    words: [
      #""id":"#, #""type":"#, #""date":"#, #""date_unixtime":"#, #""edited":"#,
      #""edited_unixtime":"#, #""text":"#, #""text_entities":"#, #""href":"#, #""reactions":"#,
      #""count":"#, #""emoji":"#, #""document_id":"#, #""forwarded_from":"#, #""poll":"#,
      #""question":"#, #""answers":"#, #""todo_list":"#, #""title":"#, #""messages":"#,
      #""chats":"#, #""rich_message":"#, #""blocks":"#, #""items":"#, #""rows":"#, #""cells":"#,
      #""caption":"#, #""credit":"#, #""part":"#, #""paragraph""#, #""list""#, #""ordered""#,
      #""quote""#, #""code""#, #""table""#, #""concat""#, #""math""#, #""num":"#, #""value":"#,
      #""left_chats":"#, #""list":"#, #""name":"#, #""media_type":"#, #""photo":"#, #""file":"#,
      #""reply_to_message_id":"#, #""reply_to_peer_id":"#, #""service""#, #""unsupported""#,
      #""plain""#, #""bold""#, "null", "true", "false", "\\x0B", "\\u2028", "\\ud83d", "\\ude00",
      "\\r\\n", "{", "}", "[", "]", "[[[[[[[[", "-1", "1e400", "9223372036854775807",
    ]
  ) { bytes, scratch in
    let path = try scratch.file("result.json", holding: bytes)
    // Whether the options are set follows from the input, so that each input always does the same.
    var options = SourceOptions()
    options.includesPolls = bytes.count % 2 == 0
    options.salvages = bytes.count % 3 == 0
    options.chat = bytes.count % 5 == 0 ? "7" : nil
    var posts: [Post] = []
    // Also what came before an error is checked.
    let reading = Result {
      let stream = try DesktopExport(path: path, options: options).open { _ in }
      while let post = try stream.next() {
        expectEntities(of: post)
        posts.append(post)
      }
      return stream.summary
    }
    try expectCopy(of: posts, scratch)
    let summary = try reading.get()
    expect(summary.posts == posts.count, "all posts are counted")
  }

  /// Checks that the entities of `post` lie in its text, and no surrogate pair is cut.
  static func expectEntities(of post: Post) {
    let text = post.text.utf16
    for entity in post.entities {
      expect(
        entity.offset >= 0 && entity.length > 0 && entity.offset + entity.length <= text.count,
        "entities lie in the text")
      for bound in [entity.offset, entity.offset + entity.length] {
        let index = text.index(text.startIndex, offsetBy: bound)
        expect(
          index.samePosition(in: post.text.unicodeScalars) != nil, "entities hold whole characters")
      }
    }
  }
}
