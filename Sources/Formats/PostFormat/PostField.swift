/// What may be left out of a post's line; `id`, `date` and `text` always stand there.
public enum PostField: String, CaseIterable, Sendable {
  case edited, entities, views, reactions
  case forwardedFrom = "forwarded_from"
  case replyTo = "reply_to"
  case media
}
