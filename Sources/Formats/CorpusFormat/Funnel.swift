import FileSupport
import JSONSupport
import TextSupport

/// What happened to the posts on their way through the rules: the file next to a cleaned text.
public struct Funnel: Equatable, Sendable {
  /// What a rule did.
  public struct Step: Equatable, Sendable {
    /// The name of the rule, in lower case with hyphens.
    public var rule: String
    /// The settings that the rule used.
    public var settings: [JSONValue.Member]
    /// The number of posts it dropped.
    public var dropped: Int
    /// The number of posts that it changed and kept.
    public var changed: Int

    /// A step for the rule `rule`.
    public init(
      rule: String, settings: [JSONValue.Member] = [], dropped: Int = 0, changed: Int = 0
    ) {
      self.rule = rule
      self.settings = settings
      self.dropped = dropped
      self.changed = changed
    }
  }

  /// A cleaned text that was joined with others.
  public struct Source: Equatable, Sendable {
    /// Its path, as it was given.
    public var path: String
    /// The number of posts in it.
    public var postsIn: Int
    /// The number of those that stayed.
    public var postsOut: Int
    /// The number of bytes of UTF-8 in those, without newlines.
    public var bytesOut: Int

    /// The text at `path`.
    public init(path: String, postsIn: Int, postsOut: Int = 0, bytesOut: Int = 0) {
      self.path = path
      self.postsIn = postsIn
      self.postsOut = postsOut
      self.bytesOut = bytesOut
    }
  }

  /// The name of the recipe that the rules belong to.
  public var recipe: String
  /// Whether each post is on its own line; if not, nothing separates the posts.
  public var isOnePostALine: Bool
  /// The number of lines that were not posts and were skipped.
  public var badLines = 0
  /// The number of posts that came in.
  public var postsIn = 0
  /// The number of characters (Unicode scalars) in their texts.
  public var charactersIn = 0
  /// The number of bytes of UTF-8 in their texts.
  public var bytesIn = 0
  /// What each rule did, in the order of the rules.
  public var steps: [Step]
  /// The cleaned texts that were joined; empty if posts were cleaned.
  public var sources: [Source] = []
  /// The number of posts that came out.
  public var postsOut = 0
  /// The number of characters (Unicode scalars) in those, without newlines.
  public var charactersOut = 0
  /// The number of bytes of UTF-8 in those, without newlines.
  public var bytesOut = 0

  /// A funnel of `steps` with no posts counted yet.
  public init(recipe: String, isOnePostALine: Bool = true, steps: [Step]) {
    self.recipe = recipe
    self.isOnePostALine = isOnePostALine
    self.steps = steps
  }

  /// The path of the funnel next to the cleaned text at `path`: `posts.txt` → `posts.funnel.json`.
  public static func path(besideText path: String) -> String {
    (path.hasSuffix(".txt") ? String(path.dropLast(4)) : path) + ".funnel.json"
  }

  /// The funnel as a readable table: posts in, what each rule did, posts out.
  ///
  /// Percentages refer to all posts that came in. If lines that are not posts were skipped, the
  /// table begins with `lines in` and `bad lines`.
  ///
  ///     posts in      20,641
  ///     channel-news    -412   2.0 %      0 changed
  ///     header             0   0.0 %  6,190 changed
  ///     posts out     20,229  98.0 %
  public var table: String {
    func percent(_ count: Int) -> String {
      postsIn > 0 ? NumberText.percent(count, of: postsIn) : ""
    }
    var table = TextTable(rightAligned: [1, 2, 3])
    if badLines > 0 {
      table.rows.append(["lines in", NumberText.count(postsIn + badLines)])
      table.rows.append(["bad lines", NumberText.count(-badLines)])
    }
    table.rows.append(["posts in", NumberText.count(postsIn)])
    for step in steps {
      table.rows.append([
        step.rule, NumberText.count(-step.dropped), percent(step.dropped),
        "\(NumberText.count(step.changed)) changed",
      ])
    }
    table.rows.append(["posts out", NumberText.count(postsOut), percent(postsOut)])
    return String(table.text().dropLast())
  }

  /// The part that each of ``sources`` has in the posts that came out, as a readable table; `nil`
  /// without sources.
  ///
  ///     from                posts in  posts out  of the text
  ///     data/clean/one.txt    20,229     20,229       61.4 %
  ///     data/clean/two.txt    13,008     12,711       38.6 %
  public var sourceTable: String? {
    guard !sources.isEmpty else { return nil }
    var table = TextTable(Self.sourceTitles, rightAligned: [1, 2, 3])
    table.rows = sourceRows
    return String(table.text().dropLast())
  }

  /// The titles of the columns of ``sourceRows``.
  public static var sourceTitles: [String] { ["from", "posts in", "posts out", "of the text"] }

  /// A row for each of ``sources``: its path, its posts before and after, and the fraction of the text
  /// that is its own, by bytes.
  public var sourceRows: [[String]] {
    sources.map { source in
      [
        source.path, NumberText.count(source.postsIn), NumberText.count(source.postsOut),
        bytesOut > 0 ? NumberText.percent(source.bytesOut, of: bytesOut) : "",
      ]
    }
  }
}
