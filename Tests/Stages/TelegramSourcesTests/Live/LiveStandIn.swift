import Foundation
import PostFormat
import TelegramSources
import TestSupport

/// A console that answers from a list and keeps what it is told.
final class LiveConsole: SourceConsole {
  struct Stop: Error {}

  private(set) var infos: [String] = []
  private(set) var warnings: [String] = []
  private(set) var questions: [String] = []
  private(set) var secretQuestions: [String] = []
  /// What the user will answer; nobody answers when it is empty.
  var answers: [String]
  /// After how many infos the user stops the work.
  var stopsAfterInfos = Int.max

  init(_ answers: [String] = []) {
    self.answers = answers
  }

  func info(_ message: String) { infos.append(message) }
  func warning(_ message: String) { warnings.append(message) }

  func check() throws {
    if infos.count >= stopsAfterInfos { throw Stop() }
  }

  func ask(_ question: String, isSecret: Bool) throws -> String? {
    if isSecret { secretQuestions.append(question) } else { questions.append(question) }
    return answers.isEmpty ? nil : answers.removeFirst()
  }
}

/// A channel that the stand-in plays.
final class LivePlay {
  let standIn: StandInLibrary
  let console: LiveConsole
  let channel: LiveChannel

  /// Lays the channel ready: `scenario` is what the stand-in plays, `answers` what the user says.
  init(
    _ scenario: String = "", answers: [String] = ["12345", "пароль"],
    address: LiveChannel.Address = .username("bugurtthread"), phone: String? = "+79991234567",
    options: SourceOptions = SourceOptions(), limits: LiveTimeLimits = LivePlay.limits,
    on standIn: StandInLibrary? = nil
  ) throws {
    let standIn = try standIn ?? StandInLibrary(scenario)
    if !scenario.isEmpty { try standIn.play(scenario) }
    self.standIn = standIn
    console = LiveConsole(answers)
    channel = LiveChannel(
      channel: address, library: try TDLibrary(path: standIn.path),
      configuration: try Self.configuration(phone: phone),
      sessionFolder: try SessionFolder(path: standIn.sessionFolder), options: options,
      console: console, limits: limits)
  }

  /// Short ones: the faults of the stand-in do not last.
  static var limits: LiveTimeLimits {
    var limits = LiveTimeLimits()
    limits.connection = 0.4
    limits.answer = 1
    limits.firstPause = 0.01
    limits.patience = 0.02
    limits.lastCalls = 1
    return limits
  }

  static func configuration(phone: String? = "+79991234567", apiID: Int = 12345) throws
    -> LiveConfiguration
  {
    var environment = [
      "TG_API_ID": "\(apiID)", "TG_API_HASH": "0123456789abcdef0123456789abcdef",
    ]
    environment["TG_PHONE"] = phone
    return try LiveConfiguration(path: nil, environment: environment, console: LiveConsole())
  }

  /// All pages from `before` to the beginning.
  func pages(before: Int? = nil) throws -> [PostPage] {
    var pages: [PostPage] = []
    var next = before
    while pages.last?.reachesBeginning != true {
      let page = try channel.page(before: next)
      next = page.lowest ?? next
      pages.append(page)
    }
    return pages
  }

  /// The fault that `body` meets.
  static func fault(_ body: () throws -> Void) -> SourceFault? {
    do {
      try body()
      return nil
    } catch {
      return error as? SourceFault
    }
  }
}

/// What the stand-in's channel holds, as `StandIn/history.c` makes it.
enum StandInChannel {
  static func isDeleted(_ id: Int) -> Bool { id % 97 == 13 }
  static func isService(_ id: Int) -> Bool { id <= 2 || id % 100 == 0 }
  static let unsupported = 333

  /// The ids of its posts in ascending order.
  static func posts(_ ids: ClosedRange<Int> = 1...1000) -> [Int] {
    ids.filter { !isDeleted($0) && !isService($0) && $0 != unsupported }
  }

  /// The post with this id.
  static func post(_ id: Int) -> Post {
    let text = "🔥 БУГУРТ \(id)\n@\nСТРОКА"
    var post = Post(id: id, date: 1_500_000_000 + id * 3600, text: text)
    switch id % 10 {
    case 1: (post.text, post.media) = ("ПОДПИСЬ \(id)", "photo")
    case 2: (post.text, post.media) = ("", "sticker")
    default:
      guard id % 5 == 0 else { break }
      post.entities = [
        Post.Entity(type: "text_link", offset: 3, length: 6, url: "https://example.org/")
      ]
    }
    if id % 7 == 0 { post.edited = post.date + 60 }
    if id % 11 != 0 {
      post.views = id * 10
      if id % 3 == 0 {
        post.reactions = [
          Post.Reaction(emoji: "👍", count: id),
          Post.Reaction(emoji: "custom_emoji:5368324170671202286", count: 1),
        ]
      }
    }
    post.forwardedFrom = [4: "Источник", 5: "Hidden", 6: "Кот Учёный"][id % 20]
    if id % 20 == 7 { post.replyTo = id - 1 }
    return post
  }
}
