import FileSupport
import TextSupport

/// A JSON value in memory; an object keeps the order of its members.
///
/// It is meant for small files, such as a manifest or a configuration. ``JSONReader`` reads large
/// ones.
public enum JSONValue: Equatable, Sendable {
  case null
  case boolean(Bool)
  case integer(Int)
  case number(Double)
  case string(String)
  case array([JSONValue])
  case object([Member])

  /// A key of an object with its value.
  public struct Member: Equatable, Sendable {
    public let key: String
    public let value: JSONValue

    public init(_ key: String, _ value: JSONValue) {
      self.key = key
      self.value = value
    }
  }

  /// The value of the member `key` of an object, the last one if there are several; `nil` if there
  /// is none.
  public subscript(key: String) -> JSONValue? {
    guard case .object(let members) = self else { return nil }
    return members.last { $0.key == key }?.value
  }

  /// The members of an object.
  public var members: [Member]? { if case .object(let members) = self { members } else { nil } }
  /// The elements of an array.
  public var elements: [JSONValue]? {
    if case .array(let elements) = self { elements } else { nil }
  }
  /// The text of a string.
  public var string: String? { if case .string(let text) = self { text } else { nil } }
  /// The value of a boolean.
  public var boolean: Bool? { if case .boolean(let value) = self { value } else { nil } }
  /// The value of a whole number.
  public var integer: Int? { if case .integer(let value) = self { value } else { nil } }
  /// The value of a number, whole or not.
  public var number: Double? {
    switch self {
    case .integer(let value): Double(value)
    case .number(let value): value
    default: nil
    }
  }

  /// Reads the file at `path`, which must hold one JSON value.
  ///
  /// - Throws: ``FileError``; ``InputError``.
  public init(path: String, leniency: JSONReader.Leniency = []) throws {
    var reader = JSONReader(try InputFile(path: path), leniency: leniency)
    do {
      self = try JSONValue(&reader)
    } catch let error as InputError where !reader.encodingRemedy.isEmpty {
      throw InputError(path, error.place, error.problem + reader.encodingRemedy)
    }
    try reader.finish()
  }

  /// Reads the next value of `reader`.
  ///
  /// - Throws: ``FileError``; ``InputError``.
  public init(_ reader: inout JSONReader) throws {
    switch try reader.peek() {
    case .null:
      try reader.null()
      self = .null
    case .boolean: self = .boolean(try reader.boolean())
    case .string: self = .string(try reader.string())
    case .number:
      let text = try reader.numberText()
      self = Int(text).map(JSONValue.integer) ?? .number(Double(text) ?? .nan)
    case .array:
      var elements: [JSONValue] = []
      try reader.array { elements.append(try JSONValue(&$0)) }
      self = .array(elements)
    case .object:
      var members: [Member] = []
      try reader.object { members.append(Member($1, try JSONValue(&$0))) }
      self = .object(members)
    }
  }

  /// The value as JSON text.
  ///
  /// With an `indent`, each member and element is on its own line, indented by that many spaces per
  /// level; otherwise everything is on one line without spaces.
  public func text(indent: Int? = nil) -> String {
    var bytes: [UInt8] = []
    write(to: &bytes, indent: indent, level: 0)
    return String(decoding: bytes, as: UTF8.self)
  }

  private func write(to bytes: inout [UInt8], indent: Int?, level: Int) {
    func newline(_ level: Int) {
      guard let indent else { return }
      bytes.append(0x0A)
      bytes.append(contentsOf: repeatElement(0x20, count: indent * level))
    }
    switch self {
    case .null: bytes.append(contentsOf: "null".utf8)
    case .boolean(let value): bytes.append(contentsOf: (value ? "true" : "false").utf8)
    case .integer(let value): bytes.append(contentsOf: String(value).utf8)
    case .number(let value): bytes.append(contentsOf: (value.isFinite ? "\(value)" : "null").utf8)
    case .string(let text): bytes.appendJSONString(text)
    case .array(let elements):
      bytes.append(UInt8(ascii: "["))
      for (index, element) in elements.enumerated() {
        if index > 0 { bytes.append(UInt8(ascii: ",")) }
        newline(level + 1)
        element.write(to: &bytes, indent: indent, level: level + 1)
      }
      if !elements.isEmpty { newline(level) }
      bytes.append(UInt8(ascii: "]"))
    case .object(let members):
      bytes.append(UInt8(ascii: "{"))
      for (index, member) in members.enumerated() {
        if index > 0 { bytes.append(UInt8(ascii: ",")) }
        newline(level + 1)
        bytes.appendJSONString(member.key)
        bytes.append(UInt8(ascii: ":"))
        if indent != nil { bytes.append(0x20) }
        member.value.write(to: &bytes, indent: indent, level: level + 1)
      }
      if !members.isEmpty { newline(level) }
      bytes.append(UInt8(ascii: "}"))
    }
  }
}

extension JSONValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral,
  ExpressibleByBooleanLiteral, ExpressibleByFloatLiteral, ExpressibleByArrayLiteral,
  ExpressibleByDictionaryLiteral, ExpressibleByNilLiteral
{
  public init(stringLiteral value: String) { self = .string(value) }
  public init(integerLiteral value: Int) { self = .integer(value) }
  public init(booleanLiteral value: Bool) { self = .boolean(value) }
  public init(floatLiteral value: Double) { self = .number(value) }
  public init(nilLiteral: ()) { self = .null }
  public init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
  public init(dictionaryLiteral elements: (String, JSONValue)...) {
    self = .object(elements.map { Member($0.0, $0.1) })
  }
}

extension JSONValue {
  /// The beginning of the value as JSON, for messages.
  package var excerpt: String {
    if case .number(let number) = self, !number.isFinite {
      return number.isNaN ? "NaN" : number < 0 ? "-Infinity" : "Infinity"
    }
    return TextSupport.excerpt(text())
  }
}
