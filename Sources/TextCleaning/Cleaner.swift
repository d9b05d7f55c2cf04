import CorpusFormat
import FileSupport
import PostFormat

/// Runs rules over posts, one after another, and counts what they do.
///
///     var cleaner = Cleaner(.house)
///     let writer = try CorpusWriter(path: "posts.txt", layout: Recipe.house.layout)
///     for post in posts { try cleaner.clean(post) { try writer.write($0) } }
///     let funnel = try cleaner.finish(input: "posts.jsonl")
///     try writer.commit()
public struct Cleaner {
  /// What became of the posts so far.
  public private(set) var funnel: Funnel

  private var rules: [any CleaningRule]
  private var draft = Draft()

  /// A cleaner by `recipe`; `news` says what becomes of news in the house recipe.
  public init(_ recipe: Recipe, news: ChannelNews.Treatment = .post) {
    self.init(recipe: recipe.rawValue, layout: recipe.layout, rules: recipe.rules(news: news))
  }

  /// A cleaner that runs `rules` in their order, which the funnel calls `recipe`.
  public init(recipe: String, layout: CorpusLayout, rules: [any CleaningRule]) {
    self.rules = rules
    funnel = Funnel(
      recipe: recipe, isOnePostALine: layout == .onePostALine,
      steps: rules.map { Funnel.Step(rule: $0.name, settings: $0.settings) })
  }

  /// Cleans `post` and, unless a rule drops it, calls `body` with its cleaned text.
  ///
  /// The bytes are valid only during the call.
  ///
  /// - Throws: What `body` throws.
  public mutating func clean(
    _ post: Post, _ body: (_ text: UnsafeRawBufferPointer) throws -> Void
  ) rethrows {
    draft.load(post)
    funnel.postsIn += 1
    draft.bytes.withUnsafeBytes { text in
      funnel.bytesIn += text.count
      funnel.charactersIn += unicodeScalarCount(of: text)
    }
    for index in rules.indices {
      switch rules[index].apply(to: &draft) {
      case .unchanged: break
      case .changed: funnel.steps[index].changed += 1
      case .dropped:
        funnel.steps[index].dropped += 1
        return
      }
    }
    funnel.postsOut += 1
    try draft.withText { text in
      funnel.bytesOut += text.count
      funnel.charactersOut += unicodeScalarCount(of: text)
      try body(text)
    }
  }

  /// The funnel, after the last post of the input at `path`.
  ///
  /// - Throws: `InputError` if there was no post, or if nothing is left of any.
  public func finish(input path: String) throws -> Funnel {
    guard funnel.postsIn > 0 else {
      throw InputError(path, "there are no posts; expected one JSON object a line")
    }
    guard funnel.bytesOut > 0 else {
      let droppers = funnel.steps.filter { $0.dropped > 0 }
        .map { "\($0.rule) dropped \($0.dropped)" }
      throw InputError(
        path,
        "nothing is left after cleaning: posts in \(funnel.postsIn)"
          + (droppers.isEmpty
            ? ", all without text"
            : ", of which "
              + droppers.joined(separator: ", ")))
    }
    return funnel
  }
}
