import FileSupport

/// An object in a JSON file whose members are checked as they are read; an error names the file and
/// the key.
///
///     let state = try JSONObject(path: "trainer_state.json")
///     let step = try state.integer("global_step")
///     // trainer_state.json: 'global_step' is missing or not a whole number
public struct JSONObject: Sendable {
  /// The path of the file.
  public let path: String
  /// The object.
  public let value: JSONValue
  /// What errors put before the key.
  private let context: String
  /// The keys that lead to the object, each followed by a full stop.
  private let prefix: String

  /// Reads the file at `path`, which must hold one object.
  ///
  /// - Throws: ``FileError``; ``InputError``.
  public init(path: String, leniency: JSONReader.Leniency = []) throws {
    try self.init(JSONValue(path: path, leniency: leniency), path: path)
  }

  /// The object `value` in the file `path`; errors in it begin with `context`.
  ///
  /// - Throws: ``InputError`` if it is not an object.
  public init(_ value: JSONValue, path: String, context: String = "") throws {
    try self.init(value, path: path, context: context, key: nil)
  }

  private init(_ value: JSONValue, path: String, context: String, key: String?) throws {
    guard value.members != nil else {
      throw InputError(path, context + (key.map { "'\($0)': " } ?? "") + "expected an object")
    }
    self.path = path
    self.value = value
    self.context = context
    prefix = key.map { $0 + "." } ?? ""
  }

  /// The member `key`, unchecked; `nil` if there is none.
  public subscript(key: String) -> JSONValue? { value[key] }

  /// The result of `read` for the member `key`; `expected` is what it must be, such as `a string`.
  ///
  /// - Throws: ``InputError`` if the member is missing or `read` returns `nil`.
  public func member<Value>(
    _ key: String, _ expected: String, _ read: (JSONValue) -> Value?
  ) throws -> Value {
    guard let found = value[key].flatMap(read) else {
      throw InputError(path, "\(context)'\(prefix)\(key)' is missing or not \(expected)")
    }
    return found
  }

  /// The result of `read` for the member `key`; `nil` if there is none, or with `orNull` if it is
  /// null.
  ///
  /// `expected` is what it must be, such as `true or false`.
  ///
  /// - Throws: ``InputError`` with what was found if `read` returns `nil`.
  public func optional<Value>(
    _ key: String, _ expected: String, orNull: Bool = false, _ read: (JSONValue) -> Value?
  ) throws -> Value? {
    guard let found = value[key], !(orNull && found == .null) else { return nil }
    guard let value = read(found) else {
      throw InputError(path, "\(context)\(prefix)\(key) is \(found.excerpt); expected \(expected)")
    }
    return value
  }

  /// The whole number `key`, which must be in `range`.
  public func integer(_ key: String, in range: ClosedRange<Int> = .min ... .max) throws -> Int {
    let bounds = range == .min ... .max ? "" : " from \(range.lowerBound) to \(range.upperBound)"
    return try member(key, "a whole number" + bounds) { value in
      value.integer.flatMap { range.contains($0) ? $0 : nil }
    }
  }

  /// The number `key`, an integer or not.
  public func number(_ key: String) throws -> Double { try member(key, "a number", \.number) }

  /// The string `key`.
  public func string(_ key: String) throws -> String { try member(key, "a string", \.string) }

  /// The whole numbers in the array `key`.
  public func integers(_ key: String) throws -> [Int] {
    try member(key, "an array of whole numbers") { value in
      value.elements.flatMap { elements in
        let integers = elements.compactMap(\.integer)
        return integers.count == elements.count ? integers : nil
      }
    }
  }

  /// The object `key`.
  public func object(_ key: String) throws -> JSONObject {
    try JSONObject(
      .object(member(key, "an object", \.members)), path: path, context: context,
      key: prefix + key)
  }

  /// The objects in the array `key`.
  public func objects(_ key: String) throws -> [JSONObject] {
    try member(key, "an array", \.elements).enumerated().map { index, element in
      try JSONObject(element, path: path, context: context, key: "\(prefix)\(key)[\(index)]")
    }
  }
}
