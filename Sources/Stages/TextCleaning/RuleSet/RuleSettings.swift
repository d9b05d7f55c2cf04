import FileSupport
import JSONSupport

/// The value of a setting of a rule.
public enum SettingValue: Equatable, Sendable {
  case flag(Bool)
  case count(Int)
  case share(Double)
  case word(String)
  case list([String])

  /// The value as it stands in the funnel.
  public var json: JSONValue {
    switch self {
    case .flag(let value): .boolean(value)
    case .count(let value): .integer(value)
    case .share(let value): .number(value)
    case .word(let value): .string(value)
    case .list(let values): .array(values.map { .string($0) })
    }
  }

  /// The value as it is written in a file of rules; the texts of a list are a line each.
  public var text: String {
    switch self {
    case .flag(let value): value ? "yes" : "no"
    case .count(let value): String(value)
    case .share(let value): "\(value)"
    case .word(let value): value
    case .list(let values): values.map { "\n    | \($0)" }.joined()
    }
  }
}

/// A setting of a rule: what it is for, what it may be, and what it is.
public struct RuleSetting: Equatable, Sendable {
  /// What values are accepted.
  public enum Domain: Equatable, Sendable {
    case flag
    case count(ClosedRange<Int>)
    case share(ClosedRange<Double>)
    /// One of these words.
    case words([String])
    /// Texts parted by `|`, or a line each, which then may begin with one `|` and have more in it.
    case list
  }

  /// The name, in lower case with hyphens.
  public let name: String
  /// What it is for, in a line.
  public let help: String
  public let domain: Domain
  public fileprivate(set) var value: SettingValue

  private init(_ name: String, _ help: String, _ domain: Domain, _ value: SettingValue) {
    (self.name, self.help, self.domain, self.value) = (name, help, domain, value)
  }

  public static func flag(_ name: String, _ value: Bool, _ help: String) -> RuleSetting {
    RuleSetting(name, help, .flag, .flag(value))
  }

  public static func count(
    _ name: String, _ value: Int, in range: ClosedRange<Int> = 0...1_000_000_000, _ help: String
  ) -> RuleSetting {
    RuleSetting(name, help, .count(range), .count(value))
  }

  public static func share(
    _ name: String, _ value: Double, in range: ClosedRange<Double> = 0...1, _ help: String
  ) -> RuleSetting {
    RuleSetting(name, help, .share(range), .share(value))
  }

  public static func word(
    _ name: String, _ value: String, of words: [String], _ help: String
  ) -> RuleSetting {
    RuleSetting(name, help, .words(words), .word(value))
  }

  public static func list(_ name: String, _ values: [String], _ help: String) -> RuleSetting {
    RuleSetting(name, help, .list, .list(values))
  }

  /// What is accepted, to stand after "expected".
  public var accepted: String {
    switch domain {
    case .flag: "yes or no"
    case .count(let range):
      range.upperBound == 1_000_000_000
        ? "a whole number of at least \(range.lowerBound)"
        : "a whole number from \(range.lowerBound) to \(range.upperBound)"
    case .share(let range): "a number from \(range.lowerBound) to \(range.upperBound)"
    case .words(let words): "one of " + words.joined(separator: ", ")
    case .list: "texts, a line each or parted by |"
    }
  }

  /// The value that `text` is; `nil` if it is not accepted.
  fileprivate func value(_ text: String) -> SettingValue? {
    switch domain {
    case .flag: RuleDeclaration.flag(text).map { .flag($0) }
    case .count(let range): Int(text).flatMap { range.contains($0) ? .count($0) : nil }
    case .share(let range): Double(text).flatMap { range.contains($0) ? .share($0) : nil }
    case .words(let words): words.contains(text) ? .word(text) : nil
    case .list:
      .list(Self.texts(text))
    }
  }

  /// The texts of a list: a line each where there are lines, and else parted by `|`.
  private static func texts(_ text: String) -> [String] {
    func trimmed(_ text: Substring) -> Substring {
      let start = text.drop { $0 == " " }
      return start[
        ..<(start.lastIndex { $0 != " " }.map { start.index(after: $0) } ?? start.startIndex)]
    }
    let parts =
      text.contains("\n")
      ? text.split(separator: "\n").map { line in
        let line = trimmed(line)
        return line.hasPrefix("|") ? trimmed(line.dropFirst()) : line
      } : text.split(separator: "|").map(trimmed)
    return parts.filter { !$0.isEmpty }.map(String.init)
  }
}

/// The settings of a rule, in the order in which they are declared.
public struct RuleSettings: Equatable, Sendable, ExpressibleByArrayLiteral {
  public private(set) var all: [RuleSetting]

  public init(arrayLiteral elements: RuleSetting...) {
    all = elements
  }

  /// The setting `name`; `nil` if there is none.
  public subscript(name: String) -> RuleSetting? { all.first { $0.name == name } }

  /// The settings as they stand in the funnel.
  public var json: [JSONValue.Member] { all.map { .init($0.name, $0.value.json) } }

  /// Gives the setting `name` the value that `text` is; false if it is not accepted.
  mutating func set(_ name: String, to text: String) -> Bool {
    guard let index = all.firstIndex(where: { $0.name == name }),
      let value = all[index].value(text)
    else { return false }
    all[index].value = value
    return true
  }

  // What a rule asks for it has declared; anything else is a mistake in the rule.

  public func flag(_ name: String) -> Bool {
    guard case .flag(let value)? = self[name]?.value else { undeclared(name) }
    return value
  }

  public func count(_ name: String) -> Int {
    guard case .count(let value)? = self[name]?.value else { undeclared(name) }
    return value
  }

  public func share(_ name: String) -> Double {
    guard case .share(let value)? = self[name]?.value else { undeclared(name) }
    return value
  }

  public func word(_ name: String) -> String {
    guard case .word(let value)? = self[name]?.value else { undeclared(name) }
    return value
  }

  public func list(_ name: String) -> [String] {
    guard case .list(let values)? = self[name]?.value else { undeclared(name) }
    return values
  }

  private func undeclared(_ name: String) -> Never {
    preconditionFailure("a rule asks for the setting '\(name)', which it did not declare")
  }
}
