import FileSupport
import TextSupport

/// A value of a GGUF file's metadata.
///
/// Strings and arrays stay in the mapped file.
enum GGUFValue: Sendable {
  case integer(Int)
  /// A number of 64 bits that is too large for an integer.
  case large(UInt64)
  case number(Double)
  case boolean(Bool)
  case string(GGUFCursor.Text)
  case array(GGUFArray)

  /// The types of values, with their numbers in the file.
  enum Kind: UInt32 {
    case uint8, int8, uint16, int16, uint32, int32, float32, boolean, string, array, uint64, int64
    case float64

    /// The size in bytes of a value; of strings and arrays the smallest.
    var size: Int {
      switch self {
      case .uint8, .int8, .boolean: 1
      case .uint16, .int16: 2
      case .uint32, .int32, .float32: 4
      case .uint64, .int64, .float64, .string: 8
      case .array: 12
      }
    }
  }

  /// Reads the value at `cursor`.
  init(_ cursor: inout GGUFCursor) throws {
    let kind = try Kind(&cursor)
    switch kind {
    case .array: self = .array(try GGUFArray(&cursor))
    case .string: self = .string(try cursor.text())
    default: self = try Self.scalar(kind, &cursor)
    }
  }

  /// Reads a value of `kind`, which is neither a string nor an array.
  static func scalar(_ kind: Kind, _ cursor: inout GGUFCursor) throws -> GGUFValue {
    switch kind {
    case .uint8: .integer(Int(try cursor.integer(UInt8.self)))
    case .int8: .integer(Int(try cursor.integer(Int8.self)))
    case .uint16: .integer(Int(try cursor.integer(UInt16.self)))
    case .int16: .integer(Int(try cursor.integer(Int16.self)))
    case .uint32: .integer(Int(try cursor.integer(UInt32.self)))
    case .int32: .integer(Int(try cursor.integer(Int32.self)))
    case .int64: .integer(Int(try cursor.integer(Int64.self)))
    case .uint64: integer(try cursor.integer(UInt64.self))
    case .float32: .number(Double(Float(bitPattern: try cursor.integer(UInt32.self))))
    case .float64: .number(Double(bitPattern: try cursor.integer(UInt64.self)))
    case .boolean: .boolean(try boolean(&cursor))
    case .string, .array: preconditionFailure("not a scalar")
    }
  }

  private static func integer(_ number: UInt64) -> GGUFValue {
    Int(exactly: number).map { .integer($0) } ?? .large(number)
  }

  private static func boolean(_ cursor: inout GGUFCursor) throws -> Bool {
    let start = cursor.offset
    let byte = try cursor.integer(UInt8.self)
    guard byte <= 1 else { throw cursor.failure("a flag is \(byte), expected 0 or 1", at: start) }
    return byte == 1
  }

  /// What it is, for a message.
  func excerpt(in file: MappedFile) -> String {
    switch self {
    case .integer(let number): "\(number)"
    case .large(let number): "\(number)"
    case .number(let number): "\(number)"
    case .boolean(let flag): "\(flag)"
    case .string(let text):
      "'\(TextSupport.excerpt(String(decoding: file.bytes[text].prefix(400), as: UTF8.self)))'"
    case .array(let array): "an array of \(array.count)"
    }
  }
}

extension GGUFValue.Kind {
  fileprivate init(_ cursor: inout GGUFCursor) throws {
    let start = cursor.offset
    let number = try cursor.integer(UInt32.self)
    guard let kind = Self(rawValue: number) else {
      throw cursor.failure("\(number) is not a type of value; expected 0 to 12", at: start)
    }
    self = kind
  }
}

/// An array of a GGUF file's metadata, whose elements are read when they are asked for.
struct GGUFArray: Sendable {
  let kind: GGUFValue.Kind
  let count: Int
  /// The size of all elements in the file.
  let byteCount: Int
  /// The offset of the first element.
  private let start: Int

  /// Skips the array at `cursor`, and checks that all of it is there.
  fileprivate init(_ cursor: inout GGUFCursor) throws {
    let place = cursor.offset
    kind = try GGUFValue.Kind(&cursor)
    guard kind != .array else {
      throw cursor.failure(
        "an array of arrays; expected one of strings, numbers or flags", at: place)
    }
    count = try cursor.count(of: "elements of an array", minimumSize: kind.size)
    start = cursor.offset
    if kind == .string {
      for _ in 0..<count { _ = try cursor.text() }
    } else {
      try cursor.skip(count * kind.size)
    }
    byteCount = cursor.offset - start
  }

  /// Calls `body` with each string and its offset in `file`, to which this array belongs.
  func forEachText(in file: MappedFile, _ body: (GGUFCursor.Text) throws -> Void) throws {
    precondition(kind == .string)
    var cursor = GGUFCursor(file)
    try cursor.skip(start)
    for _ in 0..<count { try body(cursor.text()) }
  }

  /// The elements, if they are integers.
  func integers(in file: MappedFile) throws -> [Int]? {
    var cursor = GGUFCursor(file)
    try cursor.skip(start)
    guard kind != .string else { return nil }
    var integers: [Int] = []
    for _ in 0..<count {
      guard case .integer(let integer) = try GGUFValue.scalar(kind, &cursor) else { return nil }
      integers.append(integer)
    }
    return integers
  }
}
