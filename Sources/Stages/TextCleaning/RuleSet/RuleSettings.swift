import FileSupport
import JSONSupport

/// The value of a setting of a rule, with the values that it accepts.
public enum SettingValue: Equatable, Sendable {
  case count(Int, in: ClosedRange<Int>)
  case fraction(Double, in: ClosedRange<Double>)
  case word(String, of: [String])
  /// Texts separated by `|`, or one per line; a line may begin with a `|` and contain more.
  case list([String])

  /// The value as it is in the funnel.
  public var json: JSONValue {
    switch self {
    case .count(let value, _): .integer(value)
    case .fraction(let value, _): .number(value)
    case .word(let value, _): .string(value)
    case .list(let values): .array(values.map { .string($0) })
    }
  }

  /// The value as it is in a rule file; each text of a list is on a line of its own.
  public var text: String {
    switch self {
    case .count(let value, _): String(value)
    case .fraction(let value, _): "\(value)"
    case .word(let value, _): value
    case .list(let values): values.map { "\n    | \($0)" }.joined()
    }
  }

  /// The accepted values, in words that follow "expected".
  public var accepted: String {
    switch self {
    case .count(_, let range):
      range.upperBound == 1_000_000_000
        ? "a whole number of at least \(range.lowerBound)"
        : "a whole number from \(range.lowerBound) to \(range.upperBound)"
    case .fraction(_, let range): "a number from \(range.lowerBound) to \(range.upperBound)"
    case .word(_, let words): "one of " + words.joined(separator: ", ")
    case .list: "texts, each on a line or separated by |"
    }
  }

  /// This value replaced by the one that `text` stands for; `nil` if that is not accepted.
  fileprivate func replaced(by text: String) -> SettingValue? {
    switch self {
    case .count(_, let range):
      Int(text).flatMap { range.contains($0) ? .count($0, in: range) : nil }
    case .fraction(_, let range):
      Double(text).flatMap { range.contains($0) ? .fraction($0, in: range) : nil }
    case .word(_, let words): words.contains(text) ? .word(text, of: words) : nil
    case .list: .list(Self.texts(text))
    }
  }

  /// The texts of a list: the lines, or the parts of a single line separated by `|`.
  private static func texts(_ text: String) -> [String] {
    func trimmed(_ text: Substring) -> Substring {
      let end = text.lastIndex { $0 != " " }.map { text.index(after: $0) } ?? text.startIndex
      return text[..<end].drop { $0 == " " }
    }
    let isOneLine = !text.contains("\n")
    return text.split(separator: isOneLine ? "|" : "\n").map { part in
      let part = trimmed(part)
      return String(!isOneLine && part.hasPrefix("|") ? trimmed(part.dropFirst()) : part)
    }.filter { !$0.isEmpty }
  }
}

/// A setting of a rule.
public struct RuleSetting: Equatable, Sendable {
  /// The name, in lower case and with hyphens.
  public let name: String
  public fileprivate(set) var value: SettingValue
  /// What it is for, in one line.
  public let help: String

  public static func count(
    _ name: String, _ value: Int, in range: ClosedRange<Int> = 0...1_000_000_000, _ help: String
  ) -> RuleSetting {
    RuleSetting(name: name, value: .count(value, in: range), help: help)
  }

  public static func fraction(
    _ name: String, _ value: Double, in range: ClosedRange<Double> = 0...1, _ help: String
  ) -> RuleSetting {
    RuleSetting(name: name, value: .fraction(value, in: range), help: help)
  }

  public static func choice<Choice: RawRepresentable<String> & CaseIterable>(
    _ name: String, _ value: Choice, _ help: String
  ) -> RuleSetting {
    let words = Choice.allCases.map(\.rawValue)
    return RuleSetting(name: name, value: .word(value.rawValue, of: words), help: help)
  }

  public static func list(_ name: String, _ values: [String], _ help: String) -> RuleSetting {
    RuleSetting(name: name, value: .list(values), help: help)
  }
}

/// The settings of a rule, in the order in which they are declared.
public struct RuleSettings: Equatable, Sendable, ExpressibleByArrayLiteral {
  public private(set) var all: [RuleSetting]

  init(_ all: [RuleSetting]) {
    self.all = all
  }

  public init(arrayLiteral elements: RuleSetting...) {
    self.init(elements)
  }

  /// The setting `name`; `nil` if there is none.
  public subscript(name: String) -> RuleSetting? { all.first { $0.name == name } }

  /// The settings as they are in the funnel.
  public var json: [JSONValue.Member] { all.map { .init($0.name, $0.value.json) } }

  /// Gives the setting `name` the value that `text` stands for; false if it is not accepted.
  mutating func set(_ name: String, to text: String) -> Bool {
    guard let index = all.firstIndex(where: { $0.name == name }),
      let value = all[index].value.replaced(by: text)
    else { return false }
    all[index].value = value
    return true
  }

  // A rule asks only for settings that it declares; anything else is a mistake in the rule.

  public func count(_ name: String) -> Int {
    guard case .count(let value, _)? = self[name]?.value else { undeclared(name) }
    return value
  }

  public func fraction(_ name: String) -> Double {
    guard case .fraction(let value, _)? = self[name]?.value else { undeclared(name) }
    return value
  }

  public func choice<Choice: RawRepresentable<String>>(_ name: String) -> Choice {
    guard case .word(let word, _)? = self[name]?.value, let value = Choice(rawValue: word) else {
      undeclared(name)
    }
    return value
  }

  public func list(_ name: String) -> [String] {
    guard case .list(let values)? = self[name]?.value else { undeclared(name) }
    return values
  }

  private func undeclared(_ name: String) -> Never {
    preconditionFailure("a rule asks for the setting '\(name)', which it does not declare")
  }
}
