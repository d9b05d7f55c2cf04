/// A type that an option or a positional argument can have.
public protocol ArgumentValue {
  /// Reads the value that the user typed; `nil` if it is not valid.
  init?(argument: String)

  /// What is accepted, worded to follow "expected", such as `a whole number`.
  static var accepted: String { get }

  /// All values, if they can be listed.
  static var choices: [String] { get }

  /// The value of an omitted argument without a default; `nil` if it must be given.
  static var valueIfLeftOut: Self? { get }

  /// The value as the user would type it.
  var argumentText: String { get }
}

extension ArgumentValue {
  public static var choices: [String] { [] }
  public static var valueIfLeftOut: Self? { nil }
  public var argumentText: String { "\(self)" }
}

extension String: ArgumentValue {
  public init?(argument: String) { self = argument }
  public static var accepted: String { "text" }
}

/// Numbers beyond a trillion, with which some mean "never", count as a trillion, so that products of
/// two of them do not overflow soon.
extension Int: ArgumentValue {
  public init?(argument: String) {
    guard let value = Int(argument) else { return nil }
    self = Swift.min(value, 1_000_000_000_000)
  }
  public static var accepted: String { "a whole number" }
}

extension UInt64: ArgumentValue {
  public init?(argument: String) { self.init(argument) }
  public static var accepted: String { "a non-negative whole number" }
}

extension Double: ArgumentValue {
  public init?(argument: String) {
    guard let value = Double(argument), value.isFinite else { return nil }
    self = value
  }
  public static var accepted: String { "a number" }
}

extension Float: ArgumentValue {
  public init?(argument: String) {
    guard let value = Float(argument), value.isFinite else { return nil }
    self = value
  }
  public static var accepted: String { "a number" }
}

extension Optional: ArgumentValue where Wrapped: ArgumentValue {
  public init?(argument: String) {
    guard let value = Wrapped(argument: argument) else { return nil }
    self = .some(value)
  }
  public static var accepted: String { Wrapped.accepted }
  public static var choices: [String] { Wrapped.choices }
  public static var valueIfLeftOut: Wrapped?? { .some(nil) }
  public var argumentText: String { self?.argumentText ?? "" }
}

/// An enumeration whose cases are the accepted words.
extension ArgumentValue where Self: CaseIterable & RawRepresentable, RawValue == String {
  public init?(argument: String) { self.init(rawValue: argument) }
  public static var choices: [String] { allCases.map(\.rawValue) }
  public static var accepted: String { "one of " + choices.joined(separator: ", ") }
  public var argumentText: String { rawValue }
}

/// A constraint on a value, as text and as a test.
public struct Constraint<Value> {
  /// What is accepted, worded to follow "expected".
  let accepted: String
  let holds: (Value) -> Bool

  public init(_ accepted: String, _ holds: @escaping (Value) -> Bool) {
    self.accepted = accepted
    self.holds = holds
  }
}

extension Constraint where Value: Comparable & ArgumentValue {
  /// `minimum` and more.
  public static func atLeast(_ minimum: Value) -> Constraint {
    Constraint("\(Value.accepted) of at least \(minimum.argumentText)") { $0 >= minimum }
  }

  /// More than `bound`.
  public static func above(_ bound: Value) -> Constraint {
    Constraint("\(Value.accepted) above \(bound.argumentText)") { $0 > bound }
  }

  /// A value in `range`, including its ends.
  public static func within(_ range: ClosedRange<Value>) -> Constraint {
    Constraint(
      "\(Value.accepted) from \(range.lowerBound.argumentText) to \(range.upperBound.argumentText)"
    ) { range.contains($0) }
  }
}
