import PostFormat
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
  return Result(text: draft.withText { String(decoding: $0, as: UTF8.self) }, outcome: outcome)
}

/// Runs `recipe` over texts, and returns what is left with the cleaner.
func clean(
  _ texts: [String], _ recipe: Recipe = .house, news: ChannelNews.Treatment = .post
) -> (texts: [String], cleaner: Cleaner) {
  var cleaner = Cleaner(recipe, news: news)
  var cleaned: [String] = []
  for (index, text) in texts.enumerated() {
    cleaner.clean(post(text, id: index + 1)) { bytes in
      cleaned.append(String(decoding: bytes, as: UTF8.self))
    }
  }
  return (cleaned, cleaner)
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
