/// What is to be told of single posts, beside the counts.
public struct InspectionRequest: Equatable, Sendable {
  /// The id of a post of which each step is told.
  public var explained: Int?
  /// How many posts that came through are told as they were and as they are, drawn by lot.
  public var sampleCount = 0
  /// Decides which posts are drawn.
  public var seed: UInt64 = 0

  /// Whether each dropped post is told, with the rule that dropped it.
  var tellsRejects = false
  /// Whether the text as posted may be told of any post.
  var tellsPosts: Bool { tellsRejects || sampleCount > 0 }

  public init() {}

  /// The place of the post `id` in the lot: those with the lowest are drawn.
  func lot(of id: Int) -> UInt64 {
    var state = UInt64(bitPattern: Int64(id)) &+ seed &* 0x9E37_79B9_7F4A_7C15
    state = (state ^ state >> 30) &* 0xBF58_476D_1CE4_E5B9
    state = (state ^ state >> 27) &* 0x94D0_49BB_1331_11EB
    return state ^ state >> 31
  }
}

/// A post that a rule dropped.
public struct Reject: Equatable, Sendable {
  public let id: Int
  /// The name of the rule.
  public let rule: String
  /// The text as posted.
  public let text: String
  /// The id of the nearly equal post that is kept in place of this one.
  public let keptInstead: Int?

  init(id: Int, rule: String, text: String, keptInstead: Int? = nil) {
    (self.id, self.rule, self.text, self.keptInstead) = (id, rule, text, keptInstead)
  }
}

/// A post as it was and as it came out.
public struct CleanedPair: Equatable, Sendable {
  public let id: Int
  /// The text as posted.
  public let before: String
  /// The text that was written.
  public let after: String
}

/// What each rule did to a post.
public struct Explanation: Equatable, Sendable {
  /// What a rule did.
  public struct Step: Equatable, Sendable {
    /// The name of the rule.
    public let rule: String
    public let outcome: RuleOutcome
    /// The text behind the rule; as before where it did not change it.
    public let text: String
    /// The id of the nearly equal post that is kept in place of this one.
    public let keptInstead: Int?

    public init(rule: String, outcome: RuleOutcome, text: String, keptInstead: Int? = nil) {
      (self.rule, self.outcome, self.text) = (rule, outcome, text)
      self.keptInstead = keptInstead
    }
  }

  public let id: Int
  /// The line of the post in its file.
  public internal(set) var line: Int
  /// The text as posted.
  public let text: String
  /// The rules that saw the post, in their order.
  public internal(set) var steps: [Step]
}
