import CommandLineSupport
import TextCleaning

extension Recipe: ArgumentValue {}
extension ChannelNewsRule.Treatment: ArgumentValue {}

/// The options that choose rules and their settings.
struct RuleOptions: ArgumentGroup {
  @Options(
    help: "turn a rule on or off (links=off), or change one of its settings (length.minimum=20)",
    valueName: "name=value")
  var rule: [String] = []

  @Options(
    help: "a rule file, as written by --list-rules; the other options here override it",
    valueName: "rules.ini", completion: .file)
  var rules: [String] = []

  @Option(
    help: "what to remove from posts under #БТnews: the post, the hashtag line, or nothing",
    defaultText: "post")
  var news: ChannelNewsRule.Treatment?

  @Option(
    help: "drop posts in which the fraction of Cyrillic among the letters is smaller",
    valueName: "fraction", defaultText: "0.3", accepting: .within(0...1))
  var minCyrillic: Double?

  @Flag(help: "drop posts that are not in upper case") var requireUpper = false

  @Option(
    help: "drop posts that share this fraction of their shingles with another, such as 0.8",
    valueName: "similarity", defaultText: "off", accepting: .within(0.3...1))
  var nearDuplicates: Double?

  @Flag(help: "show the rules and their current settings, as a file for --rules, and stop")
  var listRules = false

  @Flag(help: "show lines that begin or end many posts, as a section for --rules, and stop")
  var suggest = false

  @Option(
    help: "the fraction of posts with a line for --suggest to show it", valueName: "fraction",
    accepting: .within(0...1))
  var suggestShare = 0.05

  /// The options that are shorthand for a rule setting of the house recipe, with that setting.
  private var shorthands: [(option: String, choice: String)] {
    let all: [(option: String, choice: String)?] = [
      news.map { ("--news", "channel-news.news=\($0.rawValue)") },
      minCyrillic.map { ("--min-cyrillic", "alphabet.minimum-cyrillic=\($0)") },
      requireUpper ? ("--require-upper", "upper-case=on") : nil,
      nearDuplicates.map { ("--near-duplicates", "near-duplicates.similarity=\($0)") },
    ]
    return all.compactMap { $0 }
  }

  /// The first option given that only the house recipe supports.
  var houseOption: String? { shorthands.first?.option ?? (suggest ? "--suggest" : nil) }

  /// The rules of `recipe` as chosen.
  ///
  /// - Throws: `UsageError`; `InputError` and `FileError` of a rule file.
  func ruleSet(_ recipe: Recipe) throws -> RuleSet {
    var set = RuleSet(recipe)
    for path in rules { try set.read(path: path) }
    for (option, choice) in shorthands + rule.map({ (option: "--rule", choice: $0) }) {
      do throws(RuleSet.ChoiceError) {
        try set.set(choice)
      } catch {
        throw UsageError("\(option): \(error.description)")
      }
    }
    return set
  }
}
