import CommandLineSupport
import PostFormat
import TelegramSources

/// Tells on standard error what `summary` counts.
func report(_ summary: SourceSummary) {
  func count(_ number: Int, _ one: String, _ many: String) -> String {
    "\(Progress.countText(Double(number))) \(number == 1 ? one : many)"
  }
  func line(_ number: Int, _ one: String, _ many: String) {
    if number > 0 { Log.info("  " + count(number, one, many)) }
  }
  Log.info(summary.chat)
  Log.info("\(count(summary.posts, "post", "posts")) written")
  if let first = summary.first, let last = summary.last {
    Log.info("  first: \(first.id) of \(DateText.text(first.date))")
    Log.info("  last: \(last.id) of \(DateText.text(last.date))")
  }
  line(summary.withoutText, "of them without text", "of them without text")
  line(
    summary.missing, "id missing between the first and the last (as of a deleted post)",
    "ids missing between the first and the last (as of deleted posts)")
  let leftOut = summary.messages - summary.posts
  if leftOut > 0 { Log.info("\(count(leftOut, "message", "messages")) left out") }
  line(summary.service, "service message", "service messages")
  line(
    summary.unsupported, "message that the exporter did not support",
    "messages that the exporter did not support")
  line(summary.duplicates, "message whose id came before", "messages whose ids came before")
  line(
    summary.formerGroup, "message of the group that the chat was before",
    "messages of the group that the chat was before")
  line(summary.incomplete, "message without an id or a date", "messages without an id or a date")
  if summary.unknownTypes > 0 {
    Log.warning(
      "\(count(summary.unknownTypes, "post is", "posts are")) of a type that is not known; kept")
  }
  if summary.zoneless > 0 {
    Log.warning(
      "\(count(summary.zoneless, "post has a date", "posts have dates")) without a zone, taken to "
        + "be in UTC; give the zone of the exporting computer with --timezone, such as +03:00")
  }
  if summary.posts == 0 { Log.warning("the chat holds no posts") }
}
