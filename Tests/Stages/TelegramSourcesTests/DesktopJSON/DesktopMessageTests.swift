import FileSupport
import PostFormat
import TelegramSources
import Testing

@Suite("A message of a Desktop export")
struct DesktopMessageTests {
  @Test(
    "has its text as a string, an array or an object",
    arguments: [
      (#""text": """#, ""),
      (#""text": "а\n@\nб""#, "а\n@\nб"),
      (#""text": ["a", {"type": "bold", "text": "b"}, "c", ""]"#, "abc"),
      (#""text": {"type": "bold", "text": "b"}"#, "b"),
      (#""text": null"#, ""),
      (#""media_type": "sticker""#, ""),
      (#""text": "a\x0Bb\u2028""#, "a\u{B}b\u{2028}"),
      (#""text": "a\r\nb\rc\r""#, "a\nb\nc\n"),
      (#""text": "a", "text": "b""#, "b"),
      (#""text": [{"type": "bold", "text": "a", "text": "b"}]"#, "b"),
    ])
  func texts(_ members: String, _ text: String) throws {
    #expect(try post(members)?.text == text)
  }

  @Test("has the text of a service message, which is none, looked at by nobody")
  func serviceTexts() throws {
    let dump = try Dump(
      channel(
        #"""
        {"id": 1, "type": "service", "date_unixtime": "1", "action": "send_webview_data",
         "text": "a", "text": ""},
        {"id": 2, "type": "service", "date_unixtime": "2", "information_text": "x", "text": 7}
        """#))
    #expect(dump.posts.isEmpty)
    #expect(dump.summary.service == 2)
  }

  @Test("prefers text_entities, before or behind the text, unless they are empty")
  func preference() throws {
    let entities = #""text_entities": [{"type": "plain", "text": "new"}]"#
    #expect(try post(#""text": "old", "# + entities)?.text == "new")
    #expect(try post(entities + #", "text": "old""#)?.text == "new")
    #expect(try post(#""text": "old", "text_entities": []"#)?.text == "old")
  }

  @Test("counts offsets in UTF-16 units and leaves plain and empty parts out")
  func offsets() throws {
    let parts = #"""
      [{"type": "plain", "text": "👨‍👩‍👧 Я"}, {"type": "link", "text": "https://vk.com/x"},
       {"type": "plain", "text": "\n\n"}, {"type": "italic", "text": ""},
       {"type": "text_link", "text": "жми 🔥🔥🔥", "href": "https://t.me/+a"},
       {"type": "custom_emoji", "text": "😀", "document_id": "(unavailable)"},
       {"type": "mention_name", "text": "Имя", "user_id": 7},
       {"type": "blockquote", "text": "0123456789é", "collapsed": true},
       {"type": "something_new", "text": "?", "with": [{"more": 1}]}, {"text": "!"},
       {"type": "plain", "text": ""}]
      """#
    let expected = [
      Post.Entity(type: "link", offset: 10, length: 16),
      Post.Entity(type: "text_link", offset: 28, length: 10, url: "https://t.me/+a"),
      Post.Entity(type: "custom_emoji", offset: 38, length: 2),
      Post.Entity(type: "mention_name", offset: 40, length: 3),
      Post.Entity(type: "blockquote", offset: 43, length: 11),
      Post.Entity(type: "something_new", offset: 54, length: 1),
      Post.Entity(type: "unknown", offset: 55, length: 1),
    ]
    for key in ["text", "text_entities"] {
      let post = try #require(try post(#""\#(key)": \#(parts)"#))
      #expect(post.text == "👨‍👩‍👧 Яhttps://vk.com/x\n\nжми 🔥🔥🔥😀Имя0123456789é?!")
      #expect(post.entities == expected)
      let units = Array(post.text.utf16)
      let texts = post.entities.map {
        String(decoding: units[$0.offset..<$0.offset + $0.length], as: UTF16.self)
      }
      #expect(
        texts == ["https://vk.com/x", "жми 🔥🔥🔥", "😀", "Имя", "0123456789é", "?", "!"])
    }
  }

  @Test(
    "has entities of all types that Telegram Desktop writes",
    arguments: [
      "mention", "hashtag", "bot_command", "link", "email", "phone", "cashtag", "bank_card", "bold",
      "italic", "underline", "strikethrough", "code", "pre", "spoiler", "blockquote", "text_link",
      "mention_name", "custom_emoji", "unknown",
    ])
  func types(_ type: String) throws {
    let part = #"{"type": "\#(type)", "text": "текст", "href": "https://t.me", "language": "c"}"#
    let post = try post(#""text_entities": [{"type": "plain", "text": "a"}, \#(part)]"#)
    #expect(
      post?.entities == [Post.Entity(type: type, offset: 1, length: 5, url: "https://t.me")])
  }

  @Test("counts offsets after line ends were unified")
  func offsetsAfterReturns() throws {
    let post = try post(#""text": ["a\r\nb", {"type": "bold", "text": "c\r\nd"}, "e"]"#)
    #expect(post?.text == "a\nbc\nde")
    #expect(post?.entities == [Post.Entity(type: "bold", offset: 3, length: 3)])
  }

  @Test(
    "has its date in UTC",
    arguments: [
      (#""date": "2016-03-01T12:00:00", "date_unixtime": "1456822800""#, nil, 1_456_822_800, 0),
      (#""date_unixtime": 1456822800"#, nil, 1_456_822_800, 0),
      (#""date": "2016-03-01T12:00:00""#, "+03:00", 1_456_822_800, 0),
      (#""date": "2016-03-01T09:00:00""#, nil, 1_456_822_800, 1),
      (#""date": "2016-03-01T09:00:00Z""#, "+03:00", 1_456_822_800, 0),
      (#""date": 1456822800"#, "+03:00", 1_456_822_800, 0),
      (#""date": "2016-03-01T09:00:00Z", "date_unixtime": null"#, nil, 1_456_822_800, 0),
      (#""date": "2016-03-01T09:00:00", "date_unixtime": "9e99""#, nil, 1_456_822_800, 1),
      (#""date_unixtime": "999999999999", "date": "2016-03-01T09:00:00""#, nil, 1_456_822_800, 1),
    ] as [(String, String?, Int, Int)])
  func dates(_ members: String, _ zone: String?, _ date: Int, _ zoneless: Int) throws {
    let dump = try Dump(channel(#"{"id": 1, "text": "x", \#(members)}"#), zone: zone)
    #expect(dump.posts.map(\.date) == [date])
    #expect(dump.summary.zoneless == zoneless)
  }

  @Test(
    "has the time of its last edit, if it was edited",
    arguments: [
      (#""edited": "1970-01-01T03:00:00", "edited_unixtime": "160""#, 160),
      (#""edited": "1970-01-01T00:02:00""#, 120),
      (#""edited": "1970-01-01T00:00:00""#, nil),
      (#""text": """#, nil),
    ] as [(String, Int?)])
  func edits(_ members: String, _ edited: Int?) throws {
    #expect(try post(members)?.edited == edited)
  }

  @Test(
    "names the source of a forward, empty where it has no name",
    arguments: [
      (#""forwarded_from": "Лентач", "forwarded_from_id": "channel5""#, "Лентач"),
      (#""forwarded_from": null"#, ""),
      (#""from": "Лентач""#, nil),
    ] as [(String, String?)])
  func forwards(_ members: String, _ name: String?) throws {
    #expect(try post(members)?.forwardedFrom == name)
  }

  @Test("answers posts of its own chat only")
  func replies() throws {
    #expect(try post(#""reply_to_message_id": 17"#)?.replyTo == 17)
    #expect(try post(#""reply_to_message_id": "17""#)?.replyTo == 17)
    // A message of the group that the chat was before.
    #expect(try post(#""reply_to_message_id": -999999983"#)?.replyTo == nil)
    let elsewhere = #""reply_to_message_id": 17, "reply_to_peer_id": "channel1901773654""#
    #expect(try post(elsewhere)?.replyTo == nil)
  }

  @Test(
    "has the kind of its media",
    arguments: [
      (#""photo": "photos/photo_1.jpg", "width": 1"#, "photo"),
      (#""photo": "(File not included. Change data exporting settings to download.)""#, "photo"),
      (#""file": "files/a.pdf", "mime_type": "application/pdf""#, "file"),
      (#""file": "v.mp4", "thumbnail": "t", "media_type": "video_file""#, "video_file"),
      (#""media_type": "sticker", "file": "s.webp""#, "sticker"),
      (#""poll": {"question": ["a", {"type": "bold", "text": "b"}], "answers": []}"#, "poll"),
      (#""location_information": null"#, "location"),
      (#""location_information": {"latitude": 1.5}, "place_name": "Кафе""#, "venue"),
      (#""live_location_period_seconds": 60, "location_information": {}"#, "live_location"),
      (#""contact_information": {}"#, "contact"),
      (#""game_title": "x""#, "game"),
      (#""invoice_information": "{\"a\":1}""#, "invoice"),
      (#""todo_list": {}"#, "todo_list"),
      (#""giveaway_information": {}"#, "giveaway"),
      (#""giveaway_results": {}"#, "giveaway_results"),
      (#""paid_stars_amount": 5"#, "paid_media"),
      (#""paid_stars_amount": 5, "photo": "p.jpg""#, "photo"),
      (#""text": "x""#, nil),
    ] as [(String, String?)])
  func media(_ members: String, _ kind: String?) throws {
    #expect(try post(members)?.media == kind)
  }

  @Test("adds its reactions up by their names")
  func reactions() throws {
    let post = try post(
      #"""
      "reactions": [{"type": "emoji", "count": 12, "emoji": "🔥", "recent": [{"from": null}]},
       {"type": "custom_emoji", "count": 3, "document_id": "5404870433939922908"},
       {"type": "custom_emoji", "count": 1, "document_id": "(unavailable)"},
       {"type": "custom_emoji", "count": 2},
       {"type": "custom_emoji", "count": 5, "document_id": "stickers/sticker (1).webp"},
       {"type": "paid", "count": 4}, {"type": "empty", "count": 9},
       {"type": "emoji", "count": 1, "emoji": "🔥"}]
      """#)
    #expect(
      post?.reactions == [
        Post.Reaction(emoji: "🔥", count: 13),
        Post.Reaction(emoji: "custom_emoji:5404870433939922908", count: 3),
        Post.Reaction(emoji: "custom_emoji", count: 8), Post.Reaction(emoji: "paid", count: 4),
      ])
  }

  @Test("counts reactions up to what 64 bits hold")
  func manyReactions() throws {
    let reaction = #"{"type": "emoji", "emoji": "🔥", "count": 9223372036854775807}"#
    let post = try post(#""reactions": [\#(reaction), \#(reaction)]"#)
    #expect(post?.reactions == [Post.Reaction(emoji: "🔥", count: .max)])
  }

  @Test("may have half of an emoji in its texts, which is replaced and counted")
  func loneSurrogates() throws {
    let dump = try Dump(
      channel(
        #"""
        {"id": 1, "date_unixtime": "100", "text": "a\ud83d", "text_entities": []},
        {"id": 2, "date_unixtime": "101", "text": "", "text_entities":
         [{"type": "bold", "text": "\ude00b"}, {"type": "plain", "text": "\ud83d"}]},
        {"id": 3, "date_unixtime": "102", "text": "😀", "inline_bot_buttons":
         [[{"text": "\ud83d"}]]},
        {"id": 4, "date_unixtime": "103", "rich_message":
         {"blocks": [{"type": "paragraph", "text": "c\ud83d\ud83d\ude00"}]}}
        """#))
    #expect(dump.posts.map(\.text) == ["a\u{FFFD}", "\u{FFFD}b\u{FFFD}", "😀", "c\u{FFFD}😀"])
    #expect(dump.posts[1].entities == [Post.Entity(type: "bold", offset: 0, length: 2)])
    #expect(dump.summary.repaired == 3)
  }

  @Test("has the text of parts within parts")
  func nestedParts() throws {
    let post = try post(
      #""text": {"type": "concat", "text": ["a", {"type": "bold", "text": {"type": "plain", "#
        + #""text": "b"}}, {"type": "italic", "text": ["c", {"type": "code", "text": "d"}]}]}"#)
    #expect(post?.text == "abcd")
  }

  @Test("has no reactions where they are none", arguments: ["null", "{}", "[]", "[1, null]", "7"])
  func noReactions(_ reactions: String) throws {
    #expect(try post(#""reactions": \#(reactions)"#)?.reactions == [])
  }

  @Test("may hold values without quotes and the escapes that JSON lacks")
  func deviations() throws {
    let dump = try Dump(
      channel(
        #"""
        {
         "id": 1,
         "date_unixtime": "100",
         "inline_bot_buttons": [[{"type": "callback", "data": "\x00\xFF\x1B"}]],
         "text": [
          {
           "type": "custom_emoji",
           "text": "😀",
           "document_id": video_files/sticker (2).webm
          },
          " a\x01"
         ]
        }
        """#))
    #expect(dump.posts.map(\.text) == ["😀 a\u{1}"])
  }

  @Test("must have a text that is one", arguments: ["1", "true", #"["a", 1]"#])
  func wrongTexts(_ text: String) {
    let error = #expect(throws: InputError.self) { try post(#""text": \#(text)"#) }
    #expect(error?.problem.contains("is a string or an") == true)
  }
}
