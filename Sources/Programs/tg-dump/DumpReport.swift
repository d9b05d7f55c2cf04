import CommandLineSupport
import FileSupport
import PostFormat
import TelegramSources
import TextSupport

/// Reports the result of a dump on standard error.
struct DumpReport {
  private let result: ChannelDump.Result
  private let output: String

  /// The report of a dump to the file `output`.
  init(_ result: ChannelDump.Result, output: String) {
    (self.result, self.output) = (result, output)
  }

  func log() {
    let (found, written) = (result.found, result.written)
    for summary in found {
      Log.info(excerpt(summary.chat, limit: 200))
      if found.count > 1 { log(summary.posts, "  ", "post", "posts") }
    }
    Log.info("\(count(written.posts, "post", "posts")) written")
    if let changes = result.changes {
      log(changes.added, "  ", "of them new")
      log(changes.changed, "  ", "of them edited")
      log(changes.kept, "  ", "of them unchanged")
    }
    if let first = written.first, let last = written.last {
      Log.info("  first: \(first.id), \(DateText.text(first.date))")
      Log.info("  last: \(last.id), \(DateText.text(last.date))")
    }
    log(written.withoutText, "  ", "of them without text")
    if found.count == 1, result.changes == nil, found[0].posts == written.posts {
      log(
        found[0].missing, "  ",
        "id missing between the first and the last (such as a deleted post)",
        "ids missing between the first and the last (such as deleted posts)")
    }
    for summary in found { logOmissions(of: summary) }
    if result.isUnchanged { Log.info("\(output) is unchanged") }
    if result.unfinished > 0 {
      Log.warning(
        "\(output)\(ChannelDump.journalSuffix) still holds "
          + "\(count(result.unfinished, "older post", "older posts")) of an interrupted dump; to finish "
          + "it, repeat its command with --replace")
    }
    warn(
      written.repaired + found.reduce(0) { $0 + $1.repaired }, "post had", "posts had",
      "half of an emoji in a text (a lone surrogate such as \\ud83d), replaced by U+FFFD")
    if written.posts == 0 {
      Log.warning(output == "-" ? "no posts were written" : "there are no posts in \(output)")
    }
  }

  /// Reports which messages of a source did not become posts, and what is doubtful.
  private func logOmissions(of summary: SourceSummary) {
    if let cut = summary.cut { Log.warning("\(cut); they were taken") }
    log(summary.messages - summary.posts, "", "message left out", "messages left out")
    log(summary.service, "  ", "service message", "service messages")
    log(
      summary.unsupported, "  ", "message that the source does not show",
      "messages that the source does not show")
    log(summary.duplicates, "  ", "message with a repeated id", "messages with repeated ids")
    log(
      summary.formerGroup, "  ", "message of the group that the chat used to be",
      "messages of the group that the chat used to be")
    log(
      summary.incomplete, "  ", "message without an id or a date",
      "messages without an id or a date")
    warn(summary.unknownTypes, "post is", "posts are", "of an unknown type; kept")
    let rich = summary.richMessages
    let kinds = rich.unknownKinds.sorted().map { $0.count > 60 ? $0.prefix(60) + "…" : $0 }
    let listed = kinds.prefix(10).joined(separator: ", ") + (kinds.count > 10 ? ", …" : "")
    warn(
      rich.unknownCount, "post has", "posts have",
      "parts of kinds that this version does not know: \(listed); what looks like their text was taken"
    )
    warn(
      rich.partialCount, "post is", "posts are",
      "in the source only in part; read the channel with --live for the rest")
    warn(
      summary.zoneless, "post has a date", "posts have dates",
      "without a time zone, taken to be in UTC; give the zone of the exporting computer with "
        + "--timezone, such as +03:00")
  }

  private func count(_ count: Int, _ one: String, _ many: String) -> String {
    "\(NumberText.count(count)) \(count == 1 ? one : many)"
  }

  private func log(_ count: Int, _ indent: String, _ one: String, _ many: String? = nil) {
    if count > 0 { Log.info(indent + self.count(count, one, many ?? one)) }
  }

  private func warn(_ count: Int, _ one: String, _ many: String, _ rest: String) {
    if count > 0 { Log.warning("\(self.count(count, one, many)) \(rest)") }
  }
}
