import CommandLineSupport
import FileSupport
import PostFormat
import TelegramSources

@main
struct TGDump: Program {
  static let name = "tg-dump"
  static let abstract = "Bring the posts of a Telegram channel into a file, one JSON object a line."
  static let discussion = """
    A source is
      an export of Telegram Desktop, in JSON or in HTML: its folder, or result.json, packed with
        gzip or not; of one chat or of a whole account (--chat)
      @name or https://t.me/name: the channel's public preview on the web, without an account
      @name or a chat's id with --live: the channel as your account sees it, through TDLib
      a .jsonl file of posts, as this program writes it, to be merged with other sources
    Of a post that several sources have, the one edited last is taken, else that of the later source.

    An output that exists is gone on with: it keeps its posts and gets what is new and what was
    edited; of a channel only newer posts are asked for (--refresh asks for the last ones again).
    An interrupted dump of a channel leaves what it got in <output>.resume, and the same command
    goes on from there. With --replace the output gets what the source holds and nothing else.

    Service messages are left out; posts without text are kept. What was read and what was left out
    is told on standard error.

    examples:
      tg-dump ~/Downloads/Telegram/ChatExport_2026-01-31 -o posts.jsonl
      tg-dump @durov -o posts.jsonl --from 2020-01-01
      tg-dump --live @durov --config config.ini -o posts.jsonl.gz --refresh 100
      tg-dump --chat 'БУГУРТ-ТРЕД' DataExport_2026-01-31 --fields views,reactions | head
      tg-dump old.jsonl new.jsonl -o both.jsonl

    The posts are described in docs/formats.md, the program in docs/tg-dump.md.
    """

  @Arguments(
    help: "an export, a channel (@name or its link), or a .jsonl file of posts",
    valueName: "source", completion: .file)
  var sources: [String] = []

  @Option(
    help: "where to write the posts, packed with gzip if it ends in .gz; - is standard output",
    short: "o", valueName: "file", completion: .file)
  var output = "-"

  @Flag(help: "replace the output if it exists, instead of going on with it")
  var replace = false

  @Option(
    help: "of a channel, how many of the last posts of the output are asked for again, for edits",
    valueName: "count", defaultText: "0", accepting: .within(0...1_000_000_000))
  var refresh: Int?

  @OptionGroup("Choosing posts") var choice: SelectionOptions
  @OptionGroup("Exports") var export: ExportOptions
  @OptionGroup("Channels on the web") var web: WebOptions
  @OptionGroup("Channels with an account") var account: LiveOptions

  func validate() throws {
    if account.logOut { return }
    guard !sources.isEmpty else {
      throw UsageError("missing argument <source>: an export, a channel, or a .jsonl file of posts")
    }
    guard !output.isEmpty else { throw UsageError("--output: expected a file") }
    let kinds = try sources.map { try SourceKind($0, isLive: account.live) }
    if kinds.count(where: \.isStandardInput) > 1 {
      throw UsageError("standard input can be read only once")
    }
    if let option = account.given, !account.live {
      throw UsageError("\(option) belongs to --live")
    }
    _ = try export.zone()
    let channels = kinds.filter(\.isChannel)
    if account.live, channels.count != 1 {
      throw UsageError("--live reads one channel; name it as @name, its link or its id")
    }
    if channels.count > 1 { throw UsageError("give one channel at a time") }
    if let option = web.given, channels.isEmpty || account.live {
      throw UsageError("\(option) belongs to a channel on the web: @name or its link")
    }
    if refresh != nil, channels.isEmpty {
      throw UsageError("--refresh belongs to a channel; exports are read whole anyway")
    }
    if replace, refresh != nil {
      throw UsageError("--refresh goes on with the output, --replace does not: give one of them")
    }
    if output != "-", sources.contains(where: { Folder.isSameFile($0, output) }) {
      throw UsageError("'\(output)' is a source and the output; an output keeps its posts anyway")
    }
  }

  func run() throws {
    if account.logOut { return try logOut() }
    let console = TerminalConsole()
    var options = SourceOptions()
    options.chat = export.chat
    options.zone = try export.zone()
    options.salvages = export.salvage
    options.includesPolls = choice.pollText
    let kinds = try sources.map { try SourceKind($0, isLive: account.live) }
    let opened = try kinds.map { kind -> (ChannelDump.Source, size: Int?) in
      switch kind {
      case .posts(let path): return (.posts(path: path), nil)
      case .desktop(let path):
        let export = try DesktopExport(path: path, options: options)
        return (.export(export), export.size)
      case .html(let path):
        let export = try HTMLExport(path: path, options: options)
        return (.export(export), export.size)
      case .web(let name):
        let settings = web.settings
        return (
          .channel(
            WebPreview(channel: name, settings: settings, options: options, console: console)), nil
        )
      case .live(let address):
        return (.channel(try account.channel(address, options, console)), nil)
      }
    }
    var dump = ChannelDump(opened.map(\.0), output: output)
    dump.replaces = replace
    dump.refreshed = refresh ?? 0
    dump.selection = choice.selection
    dump.omitted = choice.fields?.omitted ?? []
    let progress = DumpProgress(size: opened.count == 1 ? opened[0].size : nil)
    let result = try dump.run { try progress.update($0) }
    report(result, output: output)
  }

  private func logOut() throws {
    let channel = try account.channel(.id(0), SourceOptions(), TerminalConsole())
    defer { channel.close() }
    Log.info(try channel.logOut() ? "the login was ended" : "there was no login")
  }
}
