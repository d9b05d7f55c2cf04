import CommandLineSupport
import FileSupport
import PostFormat
import TelegramSources

@main
struct TGDump: Program {
  static let name = "tg-dump"
  static let abstract = "Write the posts of a Telegram channel to a file, one JSON object per line."
  static let discussion = """
    A source is
      a Telegram Desktop export in JSON or HTML: its folder, or result.json, gzipped or not; of
        one chat or of a whole account (--chat)
      @name or https://t.me/name: the channel's public preview on the web, without an account
      @name or a chat's id with --live: the channel as your account sees it, through TDLib
      a .jsonl file of posts, as written by this program, to be merged with other sources
    If several sources have the same post, the most recently edited version is taken, or else that
    of the last source.

    If the output exists, it is updated: it keeps its posts and receives new and edited ones. From
    a channel, only newer posts are fetched (--refresh fetches the last ones again). An interrupted
    dump of a channel leaves what it has in <output>.resume; run the same command again to resume
    it. With --replace, the output receives the posts of the sources and nothing else.

    Service messages are left out; posts without text are kept. A report of what was read and what
    was left out is printed on standard error.

    examples:
      tg-dump ~/Downloads/Telegram/ChatExport_2026-01-31 -o posts.jsonl
      tg-dump @durov -o posts.jsonl --from 2020-01-01
      tg-dump --live @durov --config config.ini -o posts.jsonl.gz --refresh 100
      tg-dump --chat 'БУГУРТ-ТРЕД' DataExport_2026-01-31 --fields views,reactions | head
      tg-dump old.jsonl new.jsonl -o both.jsonl

    docs/formats.md describes the posts, docs/tg-dump.md the program.
    """
  static let files = [
    (
      path: "~/.local/state/tg-dump",
      text: "The login of --live. Whoever has it has your account; only you can read it. --session "
        + "and XDG_STATE_HOME change its location."
    ),
    (
      path: "<output>.resume",
      text: "What an interrupted dump of a channel has, until it is complete."
    ),
  ]

  @Arguments(
    help: "an export, a channel (@name or its link), or a .jsonl file of posts",
    valueName: "source", completion: .file)
  var sources: [String] = []

  @Option(
    help: "the file to write, gzipped if it ends in .gz; - is standard output",
    short: "o", valueName: "file", completion: .file)
  var output = "-"

  @Flag(help: "replace the output if it exists, instead of updating it")
  var replace = false

  @Option(
    help: "how many of a channel's last posts in the output to fetch again, for edits",
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
      throw UsageError("\(option) needs --live")
    }
    _ = try export.zone()
    let channels = kinds.filter(\.isChannel)
    if account.live, channels.count != 1 {
      throw UsageError("--live reads one channel; name it as @name, its link or its id")
    }
    if web.userAgent?.contains(where: \.isNewline) == true {
      throw UsageError("--user-agent: expected one line")
    }
    if channels.count > 1 { throw UsageError("give one channel at a time") }
    if let option = web.given, channels.isEmpty || account.live {
      throw UsageError("\(option) needs a channel on the web: @name or its link")
    }
    if refresh != nil, channels.isEmpty {
      throw UsageError("--refresh needs a channel; an export is always read whole")
    }
    if replace, refresh != nil {
      throw UsageError("--refresh updates the output, --replace does not: give only one of them")
    }
    if output != "-", sources.contains(where: { Folder.isSameFile($0, output) }) {
      throw UsageError("'\(output)' is both source and output; the output keeps its posts anyway")
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
    var size: Int?
    var files: [String] = []
    let opened = try sources.map { source -> ChannelDump.Source in
      switch try SourceKind(source, isLive: account.live) {
      case .posts(let path): return .posts(path: path)
      case .desktop(let path):
        let export = try DesktopExport(path: path, options: options)
        size = export.size
        files.append(export.path)
        return .export(export)
      case .html(let path):
        let export = try HTMLExport(path: path, options: options)
        size = export.size
        files += export.pagePaths
        return .export(export)
      case .web(let name):
        return .channel(
          WebPreview(channel: name, settings: web.settings, options: options, console: console))
      case .live(let address): return .channel(try account.channel(address, options, console))
      }
    }
    try refuseOverwriting(files, with: [output])
    var dump = ChannelDump(opened, output: output)
    (dump.replaces, dump.refreshed) = (replace, refresh ?? 0)
    dump.selection = choice.selection
    dump.omitted = choice.fields?.omitted ?? []
    let progress = DumpProgress(size: opened.count == 1 ? size : nil)
    DumpReport(try dump.run { try progress.update($0) }, output: output).log()
  }

  private func logOut() throws {
    let channel = try account.channel(.id(0), SourceOptions(), TerminalConsole())
    defer { channel.close() }
    Log.info(try channel.logOut() ? "logged out" : "there was no login")
  }
}
