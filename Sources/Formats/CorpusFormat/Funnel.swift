import FileSupport
import JSONSupport

/// What became of the posts on their way through the rules: the file beside a cleaned text.
public struct Funnel: Equatable, Sendable {
  /// What a rule did.
  public struct Step: Equatable, Sendable {
    /// The name of the rule, in lower case with hyphens.
    public var rule: String
    /// The settings the rule worked with.
    public var settings: [JSONValue.Member]
    /// How many posts it dropped.
    public var dropped: Int
    /// How many posts it changed and let pass.
    public var changed: Int

    /// A step of the rule `rule`.
    public init(
      rule: String, settings: [JSONValue.Member] = [], dropped: Int = 0, changed: Int = 0
    ) {
      self.rule = rule
      self.settings = settings
      self.dropped = dropped
      self.changed = changed
    }
  }

  /// The name of the recipe that the rules belong to.
  public var recipe: String
  /// Whether each post is a line of the text; if not, nothing stands between the posts.
  public var isOnePostALine: Bool
  /// How many lines were no posts and were passed over.
  public var badLines = 0
  /// How many posts came in.
  public var postsIn = 0
  /// How many characters (Unicode scalars) their texts had.
  public var charactersIn = 0
  /// How many bytes of UTF-8 their texts had.
  public var bytesIn = 0
  /// What each rule did, in the order of the rules.
  public var steps: [Step]
  /// How many posts came out.
  public var postsOut = 0
  /// How many characters (Unicode scalars) the posts have that came out, newlines not counted.
  public var charactersOut = 0
  /// How many bytes of UTF-8 the posts have that came out, newlines not counted.
  public var bytesOut = 0

  /// The funnel of `steps` before the first post.
  public init(recipe: String, isOnePostALine: Bool = true, steps: [Step]) {
    self.recipe = recipe
    self.isOnePostALine = isOnePostALine
    self.steps = steps
  }

  /// The path of the funnel beside the cleaned text at `path`: `posts.txt` → `posts.funnel.json`.
  public static func path(besideText path: String) -> String {
    (path.hasSuffix(".txt") ? String(path.dropLast(4)) : path) + ".funnel.json"
  }
}
