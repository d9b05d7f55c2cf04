import CommandLineSupport
import TextCleaning

/// The options that choose rules and their settings.
struct RuleOptions: ArgumentGroup {
  @Options(
    help: "turn a rule on or off (links=off), or change a setting of it (length.minimum=20)",
    valueName: "name=value")
  var rule: [String] = []

  @Options(
    help: "a file of rules, as --list-rules writes it; what else is chosen here comes after it",
    valueName: "rules.ini", completion: .file)
  var rules: [String] = []

  @Option(
    help: "what of posts under #БТnews goes: the post, the line of the hashtag, or nothing",
    defaultText: "post")
  var news: NewsTreatment?

  @Option(
    help: "drop posts with a smaller share of Cyrillic among their letters", valueName: "share",
    defaultText: "0.3", accepting: .within(0...1))
  var minCyrillic: Double?

  @Flag(help: "drop posts that are not in upper case") var requireUpper = false

  @Option(
    help: "drop posts whose text another nearly has: share of common shingles, such as 0.8",
    valueName: "similarity", defaultText: "off", accepting: .within(0.3...1))
  var nearDuplicates: Double?

  @Flag(help: "show the rules and their settings as chosen, as a file for --rules, and stop")
  var listRules = false

  @Flag(help: "show lines that head or end many posts, as a section for --rules, and stop")
  var suggest = false

  @Option(
    help: "the share of posts from which --suggest shows a line", valueName: "share",
    accepting: .within(0...1))
  var suggestShare = 0.05

  /// The rules of `recipe` with what was chosen.
  ///
  /// - Throws: `UsageError`; `InputError` and `FileError` of the file of rules.
  func ruleSet(_ recipe: Recipe) throws -> RuleSet {
    var set = RuleSet(recipe)
    for path in rules { try set.read(path: path) }
    if let news { try choose("news", "channel-news.news=\(news.rawValue)", &set) }
    if let minCyrillic {
      try choose("min-cyrillic", "alphabet.minimum-cyrillic=\(minCyrillic)", &set)
    }
    if requireUpper { try choose("require-upper", "upper-case=on", &set) }
    if let nearDuplicates {
      try choose("near-duplicates", "near-duplicates.similarity=\(nearDuplicates)", &set)
    }
    for choice in rule { try choose("rule", choice, &set) }
    return set
  }

  private func choose(_ option: String, _ choice: String, _ set: inout RuleSet) throws(UsageError) {
    do throws(RuleSet.ChoiceError) {
      try set.set(choice)
    } catch {
      throw UsageError("--\(option): \(error.description)")
    }
  }

  /// The first of the options that only the recipe of the house has.
  var houseOption: String? {
    if news != nil { return "--news" }
    if minCyrillic != nil { return "--min-cyrillic" }
    if requireUpper { return "--require-upper" }
    if nearDuplicates != nil { return "--near-duplicates" }
    return suggest ? "--suggest" : nil
  }
}

/// The names of what becomes of news on the command line.
enum NewsTreatment: String, CaseIterable, ArgumentValue {
  case post, line, keep
}
