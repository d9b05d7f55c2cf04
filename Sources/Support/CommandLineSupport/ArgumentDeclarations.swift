/// A set of options and positional arguments: those of a program, or a group shared by programs.
public protocol ArgumentGroup {
  init()
}

/// What a shell offers as completions of a value.
public enum Completion: Sendable {
  case none
  case file
  case folder
}

/// An option with a value: `--name value` or `--name=value`.
///
///     @Option(help: "how many layers the model has", accepting: .atLeast(1)) var layers = 4
///
/// The name is that of the property in lower case with hyphens. An option without a default is
/// required unless its type is optional.
@propertyWrapper
public struct Option<Value: ArgumentValue> {
  let box: ArgumentBox<Value>

  public var wrappedValue: Value {
    get { box.requiredValue }
    nonmutating set { box.value = newValue }
  }

  /// An option with a default.
  public init(
    wrappedValue: Value, help: String, short: Character? = nil, aliases: [String] = [],
    valueName: String? = nil, defaultText: String? = nil, completion: Completion = .none,
    accepting constraint: Constraint<Value>? = nil
  ) {
    box = ArgumentBox(
      value: wrappedValue,
      ArgumentDescription(
        help: help, short: short, aliases: aliases, valueName: valueName,
        defaultText: defaultText ?? wrappedValue.argumentText, completion: completion),
      constraint)
  }

  /// An option that must be given, unless its type is optional.
  public init(
    help: String, short: Character? = nil, aliases: [String] = [], valueName: String? = nil,
    completion: Completion = .none, accepting constraint: Constraint<Value>? = nil
  ) {
    // Overload resolution prefers this for optional types without a default text.
    box = ArgumentBox(
      value: Value.valueIfLeftOut,
      ArgumentDescription(
        help: help, short: short, aliases: aliases, valueName: valueName, completion: completion),
      constraint)
  }

  /// An option that may be omitted.
  public init<Wrapped: ArgumentValue>(
    help: String, short: Character? = nil, aliases: [String] = [], valueName: String? = nil,
    defaultText: String? = nil, completion: Completion = .none,
    accepting constraint: Constraint<Wrapped>? = nil
  ) where Value == Wrapped? {
    box = ArgumentBox(
      value: .some(nil),
      ArgumentDescription(
        help: help, short: short, aliases: aliases, valueName: valueName,
        defaultText: defaultText, completion: completion),
      constraint.map { constraint in
        Constraint(constraint.accepted) { $0.map(constraint.holds) ?? true }
      })
  }
}

/// An option that may be given several times, with one value each time; the order is kept.
///
///     @Options(help: "a path to leave out", completion: .file) var without: [String] = []
@propertyWrapper
public struct Options<Value: ArgumentValue> {
  let box: ArgumentBox<[Value]>

  public var wrappedValue: [Value] {
    get { box.requiredValue }
    nonmutating set { box.value = newValue }
  }

  /// An option that may be omitted; its values are appended to `wrappedValue`.
  public init(
    wrappedValue: [Value], help: String, short: Character? = nil, aliases: [String] = [],
    valueName: String? = nil, completion: Completion = .none
  ) {
    box = ArgumentBox(
      value: wrappedValue,
      ArgumentDescription(
        help: help, short: short, aliases: aliases, valueName: valueName, completion: completion))
  }
}

/// A flag: `--name`, and with an inversion `--no-name`.
@propertyWrapper
public struct Flag {
  /// Whether a flag can be negated.
  public enum Inversion: Sendable {
    case none
    /// `--no-name` exists in addition to `--name`.
    case prefixedNo
  }

  let box: ArgumentBox<Bool>
  let inversion: Inversion

  public var wrappedValue: Bool {
    get { box.requiredValue }
    nonmutating set { box.value = newValue }
  }

  /// A flag with its default.
  public init(
    wrappedValue: Bool, help: String, short: Character? = nil, inversion: Inversion = .none
  ) {
    let defaultText: String? =
      switch inversion {
      case .none: nil
      case .prefixedNo: wrappedValue ? "yes" : "no"
      }
    box = ArgumentBox(
      value: wrappedValue,
      ArgumentDescription(help: help, short: short, defaultText: defaultText))
    self.inversion = inversion
  }
}

/// A positional argument.
@propertyWrapper
public struct Argument<Value: ArgumentValue> {
  let box: ArgumentBox<Value>

  public var wrappedValue: Value {
    get { box.requiredValue }
    nonmutating set { box.value = newValue }
  }

  /// An argument that must be given, unless its type is optional.
  public init(help: String, valueName: String? = nil, completion: Completion = .none) {
    box = ArgumentBox(
      value: Value.valueIfLeftOut,
      ArgumentDescription(help: help, valueName: valueName, completion: completion))
  }

  /// An argument that may be omitted.
  public init(
    wrappedValue: Value, help: String, valueName: String? = nil, completion: Completion = .none
  ) {
    box = ArgumentBox(
      value: wrappedValue,
      ArgumentDescription(
        help: help, valueName: valueName, defaultText: wrappedValue.argumentText,
        completion: completion))
  }
}

/// The last positional arguments: any number of the same kind.
@propertyWrapper
public struct Arguments<Value: ArgumentValue> {
  let box: ArgumentBox<[Value]>

  public var wrappedValue: [Value] {
    get { box.requiredValue }
    nonmutating set { box.value = newValue }
  }

  /// Arguments of which at least one must be given.
  public init(help: String, valueName: String? = nil, completion: Completion = .none) {
    box = ArgumentBox(
      value: nil, ArgumentDescription(help: help, valueName: valueName, completion: completion))
  }

  /// Arguments that may be omitted.
  public init(
    wrappedValue: [Value], help: String, valueName: String? = nil, completion: Completion = .none
  ) {
    box = ArgumentBox(
      value: wrappedValue,
      ArgumentDescription(help: help, valueName: valueName, completion: completion))
  }
}

/// Options in a type of their own, shown under their own title in the help.
@propertyWrapper
public struct OptionGroup<Group: ArgumentGroup> {
  /// The title in the help.
  let title: String
  public let wrappedValue: Group

  /// A group shown under `title`.
  public init(_ title: String) {
    self.title = title
    wrappedValue = Group()
  }
}

/// Everything that is known about an argument except its value.
struct ArgumentDescription {
  var help: String
  var short: Character?
  var aliases: [String] = []
  var valueName: String?
  var defaultText: String?
  var completion = Completion.none
}

/// The value of a declared argument, shared by the copies of its wrapper.
final class ArgumentBox<Value> {
  var value: Value?
  let description: ArgumentDescription
  let constraint: Constraint<Value>?

  init(
    value: Value?, _ description: ArgumentDescription, _ constraint: Constraint<Value>? = nil
  ) {
    self.value = value
    self.description = description
    self.constraint = constraint
  }

  var requiredValue: Value {
    guard let value else { preconditionFailure("read before the command line was parsed") }
    return value
  }
}

extension ArgumentBox {
  /// Adds a value of the argument `name`.
  func append<Element: ArgumentValue>(_ text: String, of name: String) throws(UsageError)
  where Value == [Element] {
    guard let element = Element(argument: text) else {
      throw UsageError("\(name): '\(text)' is not accepted; expected \(Element.accepted)")
    }
    value = (value ?? []) + [element]
  }
}

extension ArgumentBox where Value: ArgumentValue {
  var accepted: String { constraint?.accepted ?? Value.accepted }

  func take(_ text: String, of name: String) throws(UsageError) {
    guard let value = Value(argument: text), constraint?.holds(value) ?? true else {
      throw UsageError("\(name): '\(text)' is not accepted; expected \(accepted)")
    }
    self.value = value
  }
}
