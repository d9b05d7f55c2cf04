import HTTPSupport
import PostFormat
import Synchronization
import TelegramSources
import TestSupport
import Testing

/// A console that keeps what it is told, and stops the work when it is told to.
final class RecordingConsole: SourceConsole {
  struct Stop: Error {}

  private(set) var infos: [String] = []
  private(set) var warnings: [String] = []
  /// Whether the work is to stop, asked at every check.
  var stops: (RecordingConsole) -> Bool = { _ in false }

  func info(_ message: String) { infos.append(message) }

  func warning(_ message: String) { warnings.append(message) }

  func check() throws {
    if stops(self) { throw Stop() }
  }

  func ask(_ question: String, isSecret: Bool) -> String? { nil }
}

/// The preview of a channel at `address`, with pauses that no test notices.
func preview(
  _ address: String, name: String = "@bugurttest", console: RecordingConsole = RecordingConsole(),
  options: SourceOptions = SourceOptions(), _ change: (inout WebPreview.Settings) -> Void = { _ in }
) throws -> WebPreview {
  var settings = WebPreview.Settings()
  settings.baseURL = try #require(WebAddress(address))
  settings.delay = 0
  settings.retries.firstPause = 0.001
  settings.retries.attempts = 3
  change(&settings)
  return WebPreview(
    channel: try #require(ChannelName(name)), settings: settings, options: options,
    console: console)
}

/// All pages of `preview`, the newest first.
func pages(_ preview: WebPreview) throws -> [PostPage] {
  var pages = [try preview.page(before: nil)]
  while let page = pages.last, !page.reachesBeginning {
    let lowest = try #require(page.lowest)
    pages.append(try preview.page(before: lowest))
  }
  return pages
}

/// The stretch of history that `channel` shows on its newest page.
func history(_ channel: PreviewChannel, options: SourceOptions = SourceOptions()) throws
  -> PreviewHistory
{
  let name = try #require(ChannelName("@" + channel.name))
  let page = PreviewPage(Array(channel.page().utf8), of: name, options: options)
  guard case .history(let history) = page else {
    throw SourceFault(.protocolViolation, channel.name, "no history: \(page)")
  }
  return history
}

/// The post that a message with this `content` becomes.
func webPost(_ content: String, includesPolls: Bool = false) throws -> Post? {
  var options = SourceOptions()
  options.includesPolls = includesPolls
  return try history(PreviewChannel([PreviewMessage(17, content)]), options: options).page.posts
    .first
}

/// The fault that asking for a page throws.
func fault(_ body: () throws -> PostPage) -> SourceFault? {
  #expect(throws: SourceFault.self, performing: { try body() })
}
