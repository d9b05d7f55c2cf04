import FileSupport
import JSONSupport
import PostFormat
import TelegramSources

extension FuzzedParser {
  /// `LiveMessage`: a message as TDLib gives it.
  static let tdlibMessage = FuzzedParser(
    name: "tdlib-message",
    seeds: [
      #"""
      {"id":5242880,"chat_id":-1001,"date":100,"edit_date":160,"interaction_info":{"view_count":7,
       "reactions":{"reactions":[{"type":{"@type":"reactionTypeEmoji","emoji":"👍"},
       "total_count":3},{"type":{"@type":"reactionTypeCustomEmoji","custom_emoji_id":"5"},
       "total_count":1},{"type":{"@type":"reactionTypePaid"},"total_count":1}]}},
       "reply_to":{"@type":"messageReplyToMessage","chat_id":-1001,"message_id":4194304},
       "content":{"@type":"messageText","text":{"text":"\ud83d\udd25a\r\nb\rc","entities":[
       {"offset":0,"length":3,"type":{"@type":"textEntityTypeTextUrl","url":"u"}},
       {"offset":2,"length":5,"type":{"@type":"textEntityTypeBold"}}]}}}
      """#,
      #"""
      {"date":1,"content":{"@type":"messagePoll","description":{"text":"d\r"},"poll":{"question":
       {"text":"q"},"options":[{"text":{"text":"a"}},{"text":{"text":"b"}}]}}}
      """#,
      #"""
      {"date":1,"content":{"@type":"messageRichMessage","message":{"is_full":true,"blocks":[
       {"@type":"pageBlockList","items":[{"label":"1.","blocks":[{"@type":"pageBlockParagraph",
       "text":{"@type":"richTexts","texts":[{"@type":"richTextBold","text":{"@type":
       "richTextPlain","text":"a\r\n"}},{"@type":"richTextUrl","text":{"@type":"richTextPlain",
       "text":"b"},"url":"u"},{"@type":"richTextCustomEmoji","alternative_text":"🔥"}]}}]}]},
       {"@type":"pageBlockTable","caption":{"@type":"richTextPlain","text":"t"},"cells":[[{"text":
       {"@type":"richTextPlain","text":"x"}},{"text":null}]]},{"@type":"pageBlockBlockQuote",
       "blocks":[{"@type":"pageBlockPreformatted","text":{"@type":"richTextPlain","text":"c"}}]}]}}}
      """#,
      #"{"date":1,"content":{"@type":"messageAnimatedEmoji","emoji":"😀","animated_emoji":{"sticker":{"full_type":{"@type":"stickerFullTypeCustomEmoji"}}}}}"#,
      #"{"date":1,"content":{"@type":"messageChecklist","list":{"title":{"text":"t"},"tasks":[{"text":{"text":"a"}}]}}}"#,
    ],
    words: [
      #""@type":"#, #""date":"#, #""edit_date":"#, #""content":"#, #""text":"#, #""caption":"#,
      #""entities":"#, #""offset":"#, #""length":"#, #""type":"#, #""url":"#, #""blocks":"#,
      #""items":"#, #""label":"#, #""cells":"#, #""cover":"#, #""texts":"#, #""title":"#,
      #""expression":"#, #""message":"#, #""poll":"#, #""options":"#, #""question":"#, #""list":"#,
      #""tasks":"#, #""emoji":"#, #""interaction_info":"#, #""view_count":"#, #""total_count":"#,
      #""reactions":"#, #""reply_to":"#, #""message_id":"#, #""messageText""#,
      #""messagePhoto""#, #""messageRichMessage""#, #""messageUnsupported""#, #""messageDice""#,
      #""messagePinMessage""#, #""textEntityTypeBlockQuote""#, #""textEntityTypeMediaTimestamp""#,
      #""richTextMathematicalExpression""#, #""pageBlockCaption""#, #""pageBlockPreformatted""#,
      "null", "true", "-1", "1e400", "9223372036854775807", "\\ud83d\\udd25", "\\r\\n", "[", "]",
      "{", "}",
    ]
  ) { bytes, scratch in
    var reader = JSONReader(bytes: bytes, path: "message")
    let json = try JSONValue(&reader)
    try reader.finish()
    // Whether polls are wanted follows from the input, so that each input always does the same.
    var options = SourceOptions()
    options.includesPolls = bytes.count % 2 == 0
    let message = LiveMessage(
      id: 5, chatID: -1001, json: json, forwardedFrom: nil, options: options)
    guard let post = message.post else { return }
    expect(message.kind != .service && message.kind != .unsupported, "only posts are posts")
    expect(!post.text.utf8.contains(0x0D), "lines end in LF")
    expectEntities(of: post)
    try expectCopy(of: [post], scratch)
  }
}
