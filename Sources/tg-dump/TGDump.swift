import CommandLineSupport
import FileSupport
import PostFormat
import TelegramSources

@main
struct TGDump: Program {
  static let name = "tg-dump"
  static let abstract = "Turn a Telegram Desktop export into posts, one JSON object a line."
  static let discussion = """
    The export is made by Telegram Desktop: open the channel, choose 'Export chat history' in its
    menu and 'Machine-readable JSON' as the format; media are not needed. Both an export of one
    chat and one of a whole account are read. Service messages are left out; posts without text
    are kept. What was read and what was left out is told on standard error.

    Examples:
      tg-dump -o posts.jsonl ~/Downloads/Telegram/ChatExport_2026-01-31
      tg-dump --chat 'БУГУРТ-ТРЕД' -o posts.jsonl DataExport_2026-01-31/result.json
      tg-dump --timezone +03:00 old-result.json | head

    The posts are described in docs/formats.md, the program in docs/tg-dump.md.
    """

  @Argument(
    help: "the export: result.json, packed with gzip or not, or the folder that holds it",
    completion: .file)
  var export: String

  @Option(
    help: "where to write the posts; - is standard output", short: "o", valueName: "file",
    completion: .file)
  var output = "-"

  @Option(
    help: "the name or the id of the chat, where the export holds several", valueName: "name or id")
  var chat: String?

  @Option(
    help: "the zone of the computer that made the export, for exports that tell none (made by "
      + "versions before 3.7.6, June 2022)",
    valueName: "offset", defaultText: "UTC")
  var timezone: UTCOffset?

  func run() throws {
    var options = SourceOptions()
    options.chat = chat
    options.zone = timezone
    let source = try DesktopExport(path: export, options: options)
    let writer = try PostWriter(path: output)
    let progress = Progress("reading", total: source.size, unit: .bytes)
    let summary = try source.forEachPost {
      try progress.update($0.bytes ?? 0, detail: "\(Progress.countText(Double($0.posts))) posts")
    } _: {
      try writer.write($0)
    }
    try writer.commit()
    report(summary)
  }
}
