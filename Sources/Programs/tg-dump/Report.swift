import CommandLineSupport
import FileSupport
import PostFormat
import TelegramSources
import TextSupport

/// Tells on standard error what came of a dump to the file `output`.
func report(_ result: ChannelDump.Result, output: String) {
  let isSingle = result.found.count == 1
  for summary in result.found {
    Log.info(excerpt(summary.chat, limit: 200))
    if !isSingle { tell(summary.posts, "post", "posts", indented: true) }
  }
  let written = result.written
  Log.info("\(count(written.posts, "post", "posts")) written")
  if let changes = result.changes {
    tell(changes.added, "of them new", "of them new", indented: true)
    tell(changes.changed, "of them edited since", "of them edited since", indented: true)
    tell(changes.kept, "of them as before", "of them as before", indented: true)
  }
  if let first = written.first, let last = written.last {
    Log.info("  first: \(first.id) of \(DateText.text(first.date))")
    Log.info("  last: \(last.id) of \(DateText.text(last.date))")
  }
  tell(written.withoutText, "of them without text", "of them without text", indented: true)
  if isSingle, result.changes == nil, result.found[0].posts == written.posts {
    tell(
      result.found[0].missing, "id missing between the first and the last (as of a deleted post)",
      "ids missing between the first and the last (as of deleted posts)", indented: true)
  }
  for summary in result.found { reportLeftOut(summary) }
  if result.isUnchanged { Log.info("\(output) is unchanged") }
  let repaired = written.repaired + result.found.reduce(0) { $0 + $1.repaired }
  if repaired > 0 {
    Log.warning(
      "\(count(repaired, "post had", "posts had")) half of an emoji in a text (a lone surrogate "
        + "such as \\ud83d), replaced by U+FFFD")
  }
  if written.posts == 0 { Log.warning("there are no posts in \(output == "-" ? "it" : output)") }
}

/// Tells what of a source became no post, and what is doubtful.
private func reportLeftOut(_ summary: SourceSummary) {
  if let cut = summary.cut { Log.warning("\(cut); they were taken") }
  tell(summary.messages - summary.posts, "message left out", "messages left out")
  tell(summary.service, "service message", "service messages", indented: true)
  tell(
    summary.unsupported, "message that the source could not tell",
    "messages that the source could not tell", indented: true)
  tell(
    summary.duplicates, "message whose id came before", "messages whose ids came before",
    indented: true)
  tell(
    summary.formerGroup, "message of the group that the chat was before",
    "messages of the group that the chat was before", indented: true)
  tell(
    summary.incomplete, "message without an id or a date", "messages without an id or a date",
    indented: true)
  if summary.unknownTypes > 0 {
    Log.warning(
      "\(count(summary.unknownTypes, "post is", "posts are")) of a type that is not known; kept")
  }
  let rich = summary.richMessages
  if rich.unknownCount > 0 {
    let kinds = rich.unknownKinds.sorted().map { $0.count > 60 ? $0.prefix(60) + "…" : $0 }
    let listed = kinds.prefix(10).joined(separator: ", ") + (kinds.count > 10 ? ", …" : "")
    Log.warning(
      "\(count(rich.unknownCount, "post has", "posts have")) parts of a kind that this version does "
        + "not know: \(listed); what looks like their text was taken")
  }
  if rich.partialCount > 0 {
    Log.warning(
      "\(count(rich.partialCount, "post is", "posts are")) in the source only in part; read the "
        + "channel with --live for the rest")
  }
  if summary.zoneless > 0 {
    Log.warning(
      "\(count(summary.zoneless, "post has a date", "posts have dates")) without a zone, taken to "
        + "be in UTC; give the zone of the exporting computer with --timezone, such as +03:00")
  }
}

private func count(_ number: Int, _ one: String, _ many: String) -> String {
  "\(NumberText.count(Double(number))) \(number == 1 ? one : many)"
}

private func tell(_ number: Int, _ one: String, _ many: String, indented: Bool = false) {
  if number > 0 { Log.info((indented ? "  " : "") + count(number, one, many)) }
}
