import CorpusFormat
import FileSupport
import PostFormat
import TestSupport
import Testing
import TextCleaning

/// A post of `text`.
func post(_ text: String, _ entities: [Post.Entity] = [], id: Int = 1) -> Post {
  var post = Post(id: id, date: 0, text: text)
  post.entities = entities
  return post
}

/// What a rule makes of a text: the text and what it says it did; `nil` for a dropped post.
struct Result: Equatable {
  var text: String?
  var outcome: RuleOutcome

  static let dropped = Result(text: nil, outcome: .dropped)
  static func changed(_ text: String) -> Result { Result(text: text, outcome: .changed) }
  static func unchanged(_ text: String) -> Result { Result(text: text, outcome: .unchanged) }
}

/// Runs `rule` over one post.
func run(_ rule: some CleaningRule, _ text: String, _ entities: [Post.Entity] = []) -> Result {
  var rule = rule
  var draft = Draft(post(text, entities))
  let outcome = rule.apply(to: &draft)
  if outcome == .dropped { return .dropped }
  return Result(text: draft.string, outcome: outcome)
}

extension CleaningRule {
  /// The rule with its defaults, except for `choices` of its settings, such as `maximum=5`.
  init(_ choices: String...) {
    var rules = RuleSet(.house, declarations: [Self.declaration])
    for choice in choices {
      #expect(throws: Never.self) { try rules.set("\(Self.declaration.name).\(choice)") }
    }
    self.init(rules.declarations[0].settings)
  }
}

/// What comes of cleaning.
struct Cleaning {
  /// The cleaned texts.
  var texts: [String] = []
  var result: CleaningRun.Result
  /// The dropped posts, as they were reported.
  var rejects: [Reject] = []
  /// What was said of the lines that were passed over.
  var badLines: [String] = []
  var funnel: Funnel { result.funnel }

  /// Cleans posts of `texts`, with ids from 1 on.
  init(_ texts: [String], _ rules: RuleSet = RuleSet(.house)) throws {
    try self.init(texts.enumerated().map { post($1, id: $0 + 1) }, rules)
  }

  /// Cleans `posts`; `change` changes the run.
  init(
    _ posts: [Post], _ rules: RuleSet = RuleSet(.house),
    _ change: (inout CleaningRun) -> Void = { _ in }
  ) throws {
    let folder = try TemporaryFolder()
    let writer = try PostWriter(path: folder.path("posts.jsonl"))
    for post in posts { try writer.write(post) }
    try writer.commit()
    try self.init(path: folder.path("posts.jsonl"), rules, change)
  }

  /// Cleans the posts at `path`.
  init(
    path: String, _ rules: RuleSet = RuleSet(.house),
    _ change: (inout CleaningRun) -> Void = { _ in }
  ) throws {
    let folder = try TemporaryFolder()
    let text = folder.path("posts.txt")
    let writer = try CorpusWriter(path: text, isOnePostALine: rules.recipe.isOnePostALine)
    var run = CleaningRun(rules: rules, path: path)
    var (rejects, badLines): ([Reject], [String]) = ([], [])
    run.onReject = { rejects.append($0) }
    run.onBadLine = { badLines.append($0.description) }
    change(&run)
    result = try run.run(writer) { _ in }
    (self.rejects, self.badLines) = (rejects, badLines)
    try writer.commit()
    let lines = try folder.text(of: "posts.txt").split(
      separator: "\n", omittingEmptySubsequences: false)
    texts = (rules.recipe.isOnePostALine ? lines.dropLast() : lines[...]).map(String.init)
  }
}

/// The house rules with a choice.
func houseRules(_ choices: String...) throws -> RuleSet {
  var rules = RuleSet(.house)
  for choice in choices { try rules.set(choice) }
  return rules
}

/// Numbers that look random and are the same in every run.
struct Dice: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) {
    state = seed
  }

  mutating func next() -> UInt64 {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return (state ^ state >> 31) &* 0x9E37_79B9_7F4A_7C15
  }
}
