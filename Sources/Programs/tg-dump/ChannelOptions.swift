import CommandLineSupport
import FileSupport
import HTTPSupport
import TelegramSources

/// The options of channels read from the web preview.
struct WebOptions: ArgumentGroup {
  @Option(
    help: "minimum number of seconds between an answer and the next request", valueName: "seconds",
    defaultText: "1", accepting: .within(0...3600))
  var delay: Double?

  @Option(help: "the name by which the program identifies itself to the server", valueName: "text")
  var userAgent: String?

  @Option(
    help: "the server to use", valueName: "address", defaultText: "https://t.me")
  var baseUrl: WebAddress?

  var settings: WebPreview.Settings {
    var settings = WebPreview.Settings()
    settings.delay = delay ?? settings.delay
    settings.connection.userAgent = userAgent ?? settings.connection.userAgent
    settings.baseURL = baseUrl ?? settings.baseURL
    return settings
  }

  /// The first of these options that was given.
  var given: String? {
    [("--delay", delay != nil), ("--user-agent", userAgent != nil), ("--base-url", baseUrl != nil)]
      .first(where: \.1)?.0
  }
}

/// The options of channels read with an account.
struct LiveOptions: ArgumentGroup {
  @Flag(
    help: "read the channel with your account, through TDLib: private channels, reactions, edits")
  var live = false

  @Option(
    help: "the file with the key of your application: api_id, api_hash and phone under [Telegram]; "
      + "TG_API_ID, TG_API_HASH and TG_PHONE override it",
    valueName: "config.ini", completion: .file)
  var config: String?

  @Option(
    help: "the library libtdjson, or a folder that contains it", valueName: "path",
    defaultText: "\(TDLibrary.environmentVariable), or else the usual places", completion: .file)
  var tdlib: String?

  @Option(
    help: "where the login is kept", valueName: "folder",
    defaultText: "~/.local/state/tg-dump", completion: .folder)
  var session: String?

  @Flag(help: "log out and forget the login; no posts are read")
  var logOut = false

  /// The first of these options that was given, other than --live and --log-out.
  var given: String? {
    [("--config", config != nil), ("--tdlib", tdlib != nil), ("--session", session != nil)]
      .first(where: \.1)?.0
  }

  /// The channel at `address`, read with the account.
  func channel(
    _ address: LiveChannel.Address, _ options: SourceOptions, _ console: any SourceConsole
  ) throws -> LiveChannel {
    guard let path = session ?? Folder.state(of: TGDump.name) else {
      throw UsageError("there is no home folder for the login; name a folder with --session")
    }
    let channel = LiveChannel(
      channel: address, library: try TDLibrary(path: tdlib),
      configuration: try LiveConfiguration(path: config, console: console),
      sessionFolder: try SessionFolder(path: path), options: options, console: console)
    // TDLib's threads can abort a process that cleans up while they run.
    ProcessExit.skipCleanUp()
    return channel
  }
}

extension WebAddress: ArgumentValue {
  public init?(argument: String) { self.init(argument) }
  public static var accepted: String { "an address such as https://t.me" }
}

extension SourceFault: StatusError {
  public var exitStatus: ExitStatus {
    switch kind {
    case .noSuchChannel: .noInput
    case .unreachable: .temporaryFailure
    case .protocolViolation: .protocolViolation
    case .refused: .noPermission
    }
  }
}

extension TDLibrary.LoadError: StatusError {
  public var exitStatus: ExitStatus { .unavailable }
}
