import FileSupport
import JSONSupport
import PostFormat
import TelegramSources
import Testing

/// The message of TDLib with the number 5 and these members, read.
func liveMessage(
  _ members: String, forwardedFrom: String? = nil, includesPolls: Bool = false
) throws -> LiveMessage {
  let json = #"{"@type":"message","id":5242880,"chat_id":-1001,"date":100,\#(members)}"#
  var options = SourceOptions()
  options.includesPolls = includesPolls
  let value = try Array(json.utf8).withUnsafeBytes { bytes in
    var reader = JSONReader(bytes: bytes, path: "message")
    return try JSONValue(&reader)
  }
  return LiveMessage(
    id: 5, chatID: -1001, json: value, forwardedFrom: forwardedFrom, options: options)
}

@Suite("A message of TDLib")
struct LiveMessageTests {
  private func post(_ content: String, includesPolls: Bool = false) throws -> Post? {
    try liveMessage(#""content":\#(content)"#, includesPolls: includesPolls).post
  }

  private func formatted(_ text: String, _ entities: String = "") -> String {
    #"{"@type":"formattedText","text":"\#(text)","entities":[\#(entities)]}"#
  }

  @Test(
    "has its text and media by its content",
    arguments: [
      ("messageText", "text", nil), ("messagePhoto", "caption", "photo"),
      ("messageVideo", "caption", "video_file"), ("messageAnimation", "caption", "animation"),
      ("messageAudio", "caption", "audio_file"), ("messageDocument", "caption", "file"),
      ("messageVoiceNote", "caption", "voice_message"),
      ("messagePaidMedia", "caption", "paid_media"),
      ("messageInvoice", "paid_media_caption", "invoice"),
      ("messagePoll", "description", "poll"),
    ] as [(String, String, String?)])
  func texts(_ type: String, _ key: String, _ media: String?) throws {
    let message = try liveMessage(
      #""content":{"@type":"\#(type)","\#(key)":\#(formatted(#"\u041a\ud83d\udd25"#))}"#)
    #expect(message.kind == .post)
    #expect(message.post?.text == "К🔥")
    #expect(message.post?.media == media)
  }

  @Test(
    "has no text for other media",
    arguments: [
      ("messageSticker", "sticker"), ("messageVideoNote", "video_message"),
      ("messageLocation", "location"), ("messageLiveLocation", "live_location"),
      ("messageVenue", "venue"), ("messageContact", "contact"), ("messageGiveaway", "giveaway"),
      ("messageGiveawayWinners", "giveaway_results"), ("messageChecklist", "todo_list"),
      ("messageExpiredPhoto", "photo"), ("messageExpiredVideo", "video_file"),
      ("messageStory", "story"),
    ])
  func media(_ type: String, _ word: String) throws {
    let message = try liveMessage(#""content":{"@type":"\#(type)"}"#)
    #expect(message.kind == .post)
    #expect(message.post?.text == "")
    #expect(message.post?.media == word)
  }

  @Test("reads a post of one emoji, a die and a game")
  func specialTexts() throws {
    #expect(try post(#"{"@type":"messageAnimatedEmoji","emoji":"😀"}"#)?.text == "😀")
    #expect(try post(#"{"@type":"messageAnimatedEmoji","emoji":"😀"}"#)?.entities == [])
    let custom = try post(
      #"""
      {"@type":"messageAnimatedEmoji","emoji":"😀","animated_emoji":{"sticker":
       {"full_type":{"@type":"stickerFullTypeCustomEmoji","custom_emoji_id":"1"}}}}
      """#)
    #expect(custom?.entities == [Post.Entity(type: "custom_emoji", offset: 0, length: 2)])
    #expect(try post(#"{"@type":"messageDice","emoji":"🎲","value":6}"#)?.text == "🎲")
    let game = try post(
      #"{"@type":"messageGame","game":{"title":"T","text":\#(formatted("score"))}}"#)
    #expect(game?.text == "score")
    #expect(game?.media == "game")
  }

  @Test("takes polls and checklists as text only where they are wanted")
  func polls() throws {
    let poll = #"""
      {"@type":"messagePoll","description":\#(formatted("see")),"poll":
       {"question":\#(formatted("Кто?")),
        "options":[{"text":\#(formatted("кот"))},{"text":\#(formatted("пёс"))}]}}
      """#
    #expect(try post(poll)?.text == "see")
    #expect(try post(poll, includesPolls: true)?.text == "see\nКто?\n– кот\n– пёс")
    let bare = poll.replacing("see", with: "")
    #expect(try post(bare, includesPolls: true)?.text == "Кто?\n– кот\n– пёс")
    let list = #"""
      {"@type":"messageChecklist","list":{"title":\#(formatted("A")),
       "tasks":[{"id":1,"text":\#(formatted("b"))}]}}
      """#
    #expect(try post(list)?.text == "")
    #expect(try post(list, includesPolls: true)?.text == "A\n– b")
  }

  @Test("calls entities by the words of Telegram Desktop")
  func entityTypes() throws {
    let words = [
      "Mention": "mention", "Hashtag": "hashtag", "Cashtag": "cashtag",
      "BotCommand": "bot_command", "Url": "link", "EmailAddress": "email",
      "PhoneNumber": "phone", "BankCardNumber": "bank_card", "Bold": "bold", "Italic": "italic",
      "Underline": "underline", "Strikethrough": "strikethrough", "Spoiler": "spoiler",
      "Code": "code", "Pre": "pre", "PreCode": "pre", "BlockQuote": "blockquote",
      "ExpandableBlockQuote": "blockquote", "TextUrl": "text_link",
      "MentionName": "mention_name", "CustomEmoji": "custom_emoji", "DateTime": "formatted_date",
      "SomethingNew": "something_new", "": "unknown",
    ]
    for (type, word) in words {
      let entity = #"{"offset":1,"length":2,"type":{"@type":"textEntityType\#(type)","url":"u"}}"#
      let post = try post(#"{"@type":"messageText","text":\#(formatted("abcd", entity))}"#)
      let url = word == "text_link" ? "u" : nil
      #expect(post?.entities == [Post.Entity(type: word, offset: 1, length: 2, url: url)])
    }
  }

  @Test("leaves entities out that TDLib found alone, or that are not within the text")
  func invalidEntities() throws {
    for (offset, length, type) in [
      ("0", "2", "MediaTimestamp"), ("-1", "2", "Bold"), ("0", "0", "Bold"), ("3", "2", "Bold"),
      ("4", "1", "Bold"),
      ("0", "-1", "Bold"), ("\"x\"", "1", "Bold"), ("9223372036854775807", "1", "Bold"),
      ("1", "9223372036854775807", "Bold"), ("null", "1", "Bold"),
      // In the middle of a surrogate pair.
      ("1", "1", "Bold"), ("2", "1", "Bold"),
    ] {
      let entity =
        #"{"offset":\#(offset),"length":\#(length),"type":{"@type":"textEntityType\#(type)"}}"#
      let post = try post(#"{"@type":"messageText","text":\#(formatted("a🔥b", entity))}"#)
      #expect(post?.text == "a🔥b")
      #expect(post?.entities == [])
    }
  }

  @Test("brings entities into order, those that hold others first, and counts UTF-16 units")
  func nestedEntities() throws {
    let entities = ["2,2,Bold", "0,4,BlockQuote", "2,4,Italic"].map {
      let parts = $0.split(separator: ",")
      return
        #"{"offset":\#(parts[0]),"length":\#(parts[1]),"type":{"@type":"textEntityType\#(parts[2])"}}"#
    }
    let post = try post(
      #"{"@type":"messageText","text":\#(formatted("🔥🔥🔥", entities.joined(separator: ",")))}"#)
    #expect(
      post?.entities
        == [
          Post.Entity(type: "blockquote", offset: 0, length: 4),
          Post.Entity(type: "italic", offset: 2, length: 4),
          Post.Entity(type: "bold", offset: 2, length: 2),
        ])
  }

  @Test("turns CR LF and CR into LF, and moves entities with the text")
  func lineEnds() throws {
    let entities = [(0, 3), (1, 2), (3, 1), (2, 4)].map {
      #"{"offset":\#($0.0),"length":\#($0.1),"type":{"@type":"textEntityTypeBold"}}"#
    }
    let post = try post(
      #"{"@type":"messageText","text":\#(formatted(#"a\r\nb\rc"#, entities.joined(separator: ",")))}"#
    )
    #expect(post?.text == "a\nb\nc")
    #expect(
      post?.entities.map { [$0.offset, $0.length] } == [[0, 2], [1, 4], [1, 1], [2, 1]])
  }

  @Test("knows service messages and those that TDLib does not understand")
  func kinds() throws {
    for type in [
      "ChatChangeTitle", "PinMessage", "VideoChatStarted", "ChatBoost", "CustomServiceAction",
      "SupergroupChatCreate", "GiveawayCreated", "GiveawayCompleted",
    ] {
      #expect(try liveMessage(#""content":{"@type":"message\#(type)"}"#).kind == .service)
    }
    #expect(try liveMessage(#""content":{"@type":"messageUnsupported"}"#).kind == .unsupported)
    let unknown = try liveMessage(
      #""content":{"@type":"messageX","caption":\#(formatted("c"))}"#)
    #expect(unknown.kind == .unknown("messageX"))
    #expect(unknown.post?.text == "c")
    #expect(try liveMessage(#""content":null"#).kind == .unknown(""))
  }

  @Test("has views, reactions, edits and answers, as far as they are known")
  func details() throws {
    let message = try liveMessage(
      #"""
      "edit_date":160,"interaction_info":{"view_count":7,"reactions":{"reactions":[
       {"type":{"@type":"reactionTypeEmoji","emoji":"👍"},"total_count":3},
       {"type":{"@type":"reactionTypePaid"},"total_count":2},
       {"type":{"@type":"reactionTypeCustomEmoji","custom_emoji_id":"5"},"total_count":1},
       {"type":{"@type":"reactionTypeEmoji","emoji":"👍"},"total_count":9223372036854775807},
       {"type":{"@type":"reactionTypeNew"},"total_count":1},
       {"type":{"@type":"reactionTypeEmoji","emoji":"👎"},"total_count":0}]}},
      "reply_to":{"@type":"messageReplyToMessage","chat_id":-1001,"message_id":4194304},
      "content":{"@type":"messageText"}
      """#, forwardedFrom: "")
    let post = try #require(message.post)
    #expect(post.id == 5)
    #expect(post.date == 100)
    #expect(post.edited == 160)
    #expect(post.views == 7)
    #expect(
      post.reactions
        == [
          Post.Reaction(emoji: "👍", count: .max), Post.Reaction(emoji: "paid", count: 2),
          Post.Reaction(emoji: "custom_emoji:5", count: 1),
        ])
    #expect(post.replyTo == 4)
    #expect(post.forwardedFrom == "")
  }

  @Test(
    "has none of them where they are null, 0 or about another chat",
    arguments: [
      #""edit_date":0,"interaction_info":null,"reply_to":null"#,
      #""edit_date":99,"interaction_info":{"view_count":0,"reactions":null}"#,
      #""reply_to":{"@type":"messageReplyToMessage","chat_id":-1002,"message_id":4194304}"#,
      #""reply_to":{"@type":"messageReplyToMessage","chat_id":-1001,"message_id":0}"#,
      #""reply_to":{"@type":"messageReplyToMessage","chat_id":-1001,"message_id":4194305}"#,
      #""reply_to":{"@type":"messageReplyToStory","story_id":1}"#,
    ])
  func absentDetails(_ members: String) throws {
    let post = try #require(
      try liveMessage(members + #","content":{"@type":"messageText"}"#).post)
    #expect(post == Post(id: 5, date: 100, text: ""))
  }

  @Test("is no post without a date")
  func dateless() throws {
    #expect(try liveMessage(#""date":0,"content":{"@type":"messageText"}"#).post == nil)
  }
}

@Suite("A rich message of TDLib")
struct LiveRichMessageTests {
  private func post(_ blocks: String) throws -> Post? {
    try liveMessage(
      #""content":{"@type":"messageRichMessage","message":{"is_full":true,"blocks":[\#(blocks)]}}"#
    ).post
  }

  private func plain(_ text: String) -> String { #"{"@type":"richTextPlain","text":"\#(text)"}"# }

  @Test("is put together block by block, each on its line")
  func blocks() throws {
    let post = try post(
      #"""
      {"@type":"pageBlockSectionHeading","text":\#(plain("Head")),"size":1},
      {"@type":"pageBlockParagraph","text":{"@type":"richTexts","texts":[\#(plain("a ")),
       {"@type":"richTextBold","text":{"@type":"richTextItalic","text":\#(plain("🔥b"))}},
       {"@type":"richTextUrl","text":\#(plain("c")),"url":"https://example.org/"},
       {"@type":"richTextCustomEmoji","custom_emoji_id":"1","alternative_text":"😀"}]}},
      {"@type":"pageBlockAnchor","name":"x"},
      {"@type":"pageBlockParagraph","text":{"@type":"richTextAnchor","name":"y"}},
      {"@type":"pageBlockDivider"},
      {"@type":"pageBlockList","items":[
       {"label":"1.","blocks":[{"@type":"pageBlockParagraph","text":\#(plain("one"))},
        {"@type":"pageBlockParagraph","text":\#(plain("more"))}]},
       {"label":"2.","blocks":[{"@type":"pageBlockParagraph","text":\#(plain("two"))}]}]},
      {"@type":"pageBlockBlockQuote","blocks":[{"@type":"pageBlockParagraph",
       "text":\#(plain("quoted"))}],"credit":\#(plain("who"))},
      {"@type":"pageBlockTable","caption":\#(plain("table")),"cells":[
       [{"text":\#(plain("x"))},{"text":\#(plain("y"))}],[{"text":\#(plain("z"))},{"text":null}]]},
      {"@type":"pageBlockPreformatted","text":\#(plain(#"let a\r\nlet b"#)),"language":"swift"},
      {"@type":"pageBlockPhoto","photo":null,"caption":{"@type":"pageBlockCaption",
       "text":\#(plain("photo")),"credit":{"@type":"richTexts","texts":[]}}},
      {"@type":"pageBlockDetails","header":\#(plain("more")),"blocks":[
       {"@type":"pageBlockMathematicalExpression","expression":"x^2"}]},
      {"@type":"pageBlockFromTheFuture","blocks":[{"@type":"pageBlockX","text":\#(plain("new"))}]}
      """#)
    #expect(
      post?.text == """
        Head
        a 🔥bc😀
        1. one
        more
        2. two
        quoted
        who
        table
        x | y
        z
        let a
        let b
        photo
        more
        x^2
        new
        """)
    let text = try #require(post?.text)
    func part(_ entity: Post.Entity) -> String {
      let units = Array(text.utf16)[entity.offset..<entity.offset + entity.length]
      return String(decoding: units, as: UTF16.self)
    }
    let entities = try #require(post?.entities)
    #expect(
      entities.map { $0.type + "=" + part($0) }
        == [
          "bold=🔥b", "italic=🔥b", "text_link=c", "custom_emoji=😀", "blockquote=quoted\nwho",
          "pre=let a\nlet b",
        ])
    #expect(entities[2].url == "https://example.org/")
  }

  @Test("is empty without blocks")
  func empty() throws {
    #expect(try post("")?.text == "")
    #expect(try liveMessage(#""content":{"@type":"messageRichMessage"}"#).post?.text == "")
  }
}
