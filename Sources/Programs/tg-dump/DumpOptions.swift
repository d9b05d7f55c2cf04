import CommandLineSupport
import PostFormat
import TelegramSources

/// The options that select posts and the fields to write.
struct SelectionOptions: ArgumentGroup {
  @Option(
    help: "only posts since this date, such as 2020-03-01 or 2020-03-01T12:00:00+03:00",
    valueName: "date")
  var from: DateBound?

  @Option(
    help: "only posts up to this date; without a time, up to the end of the day", valueName: "date")
  var to: DateBound?

  @Option(
    help: "only posts with ids above this", valueName: "id",
    defaultText: "for a channel, the last id in the output")
  var since: Int?

  @Option(
    help: "only this many posts, the newest", valueName: "count", accepting: .atLeast(1))
  var limit: Int?

  @Option(
    help: "what to write besides id, date and text: a list such as views,reactions, or, with minus "
      + "signs, what to leave out: -entities,-media",
    valueName: "list", defaultText: "everything")
  var fields: FieldChoice?

  @Flag(help: "append the question and the options of a poll to the text of its post")
  var pollText = false

  /// Which posts to write.
  var selection: PostSelection {
    var selection = PostSelection()
    (selection.above, selection.limit) = (since, limit)
    (selection.from, selection.to) = (from?.first, to?.last)
    return selection
  }
}

/// The options of exports.
struct ExportOptions: ArgumentGroup {
  @Option(
    help: "the name or id of the chat, if the export contains several", valueName: "name or id")
  var chat: String?

  @Option(
    help: "the time zone of the computer that made the export, such as +3 or Europe/Moscow, for "
      + "exports without one (made by versions before 3.7.6, June 2022)",
    valueName: "zone", defaultText: "UTC")
  var timezone: String?

  @Flag(help: "write the complete posts of an export that is cut off or lacks pages")
  var salvage = false

  /// The zone that was given, if any.
  ///
  /// - Throws: `UsageError` if it is not a zone.
  func zone() throws -> LocalZone? {
    do {
      return try timezone.map { name throws(LocalZone.Problem) in try LocalZone(name) }
    } catch {
      throw UsageError("--timezone: \(error)")
    }
  }
}

/// A day or a moment.
struct DateBound: ArgumentValue, Equatable {
  /// Its first and last second.
  let first: Int
  let last: Int

  init?(argument: String) {
    if let moment = DateText.seconds(argument, offset: 0) {
      (first, last) = (moment, moment)
    } else if let day = DateText.seconds(argument + "T00:00:00Z") {
      (first, last) = (day, day + 86_399)
    } else {
      return nil
    }
  }

  static var accepted: String { "a date such as 2020-03-01 or 2020-03-01T12:00:00Z" }
}

/// Which fields of posts to write.
struct FieldChoice: ArgumentValue, Equatable {
  /// The fields that are left out.
  let omitted: Set<PostField>

  init?(argument: String) {
    let names = argument.split(separator: ",").map(String.init)
    let always = ["id", "date", "text"]
    let isExclusion = names.allSatisfy { $0.hasPrefix("-") }
    guard !names.isEmpty, isExclusion || !names.contains(where: { $0.hasPrefix("-") }) else {
      return nil
    }
    var named: Set<PostField> = []
    for name in names.map({ isExclusion ? String($0.dropFirst()) : $0 }) {
      if !isExclusion && always.contains(name) { continue }
      guard let field = PostField(rawValue: name) else { return nil }
      named.insert(field)
    }
    omitted = isExclusion ? named : Set(PostField.allCases).subtracting(named)
  }

  static var accepted: String {
    "a list of \(PostField.allCases.map(\.rawValue).joined(separator: ", ")), with a minus sign "
      + "before all or none"
  }
}
