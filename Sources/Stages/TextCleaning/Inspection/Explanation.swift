import TextSupport

/// What each rule did to a post.
public struct Explanation: Equatable, Sendable {
  /// What a rule did.
  public struct Step: Equatable, Sendable {
    /// The name of the rule.
    public let rule: String
    public let outcome: RuleOutcome
    /// The text after the rule.
    public let text: String
    /// The id of the nearly equal post that is kept in place of this one.
    public internal(set) var keptInstead: Int?
  }

  public let id: Int
  /// The line of the post in its file.
  public internal(set) var line: Int
  /// The text as posted.
  public let text: String
  /// The rules that were applied to the post, in order.
  public internal(set) var steps: [Step] = []
}

/// How posts are shown to people: as text with the steps of the cleaning, or before and after.
public struct PostPresentation {
  /// Whether two texts are shown as one text with their differences marked.
  public let showsDifferences: Bool
  public let hasColor: Bool

  public init(showsDifferences: Bool, hasColor: Bool) {
    self.showsDifferences = showsDifferences
    self.hasColor = hasColor
  }

  /// The steps of `explanation`, one per line, with the text after each change.
  public func text(of explanation: Explanation) -> String {
    var lines = ["post \(explanation.id), line \(explanation.line):", shown(explanation.text)]
    var text = explanation.text
    for step in explanation.steps {
      switch step.outcome {
      case .unchanged: lines.append("\(step.rule): nothing to do")
      case .dropped:
        let other = step.keptInstead.map { "; post \($0) is kept instead" } ?? ""
        lines.append(bold("\(step.rule): dropped\(other)"))
      case .changed:
        lines.append(bold("\(step.rule): changed"))
        lines.append(showsDifferences ? indented(difference(text, step.text)) : shown(step.text))
      }
      text = step.text
    }
    lines.append(explanation.steps.last?.outcome == .dropped ? "not written" : "written")
    return lines.joined(separator: "\n")
  }

  /// `sample` as it was and as it came out.
  public func text(of sample: PostSampler.Sample) -> String {
    let texts =
      showsDifferences
      ? [indented(difference(sample.before, sample.after))]
      : [shown(sample.before), "→", shown(sample.after)]
    return ([bold("post \(sample.id)")] + texts).joined(separator: "\n")
  }

  private func difference(_ before: String, _ after: String) -> String {
    WordDiff(printable(before, keepingLines: true), printable(after, keepingLines: true))
      .text(hasColor: hasColor)
  }

  private func bold(_ text: String) -> String { hasColor ? "\u{1B}[1m\(text)\u{1B}[0m" : text }

  private func shown(_ text: String) -> String { indented(printable(text, keepingLines: true)) }

  private func indented(_ text: String) -> String {
    text.split(separator: "\n", omittingEmptySubsequences: false).map { "    " + $0 }
      .joined(separator: "\n")
  }
}
