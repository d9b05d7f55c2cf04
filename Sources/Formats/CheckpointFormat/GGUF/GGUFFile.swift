import FileSupport
import TextSupport

/// A GGUF file, mapped into memory and checked as llama.cpp does.
///
/// The layout, all of it little-endian: `GGUF`, the version, the numbers of tensors and keys; the
/// keys with their values; name, shape, type and offset of each tensor; the tensors, each at a
/// multiple of the alignment, in the order in which they are listed.
public final class GGUFFile: Sendable {
  /// The path of the file.
  public var path: String { file.path }
  /// The tensors by their names in the file; shapes are row-major, the longest distance first.
  public let tensors: [String: StoredTensor]
  private let values: [String: GGUFValue]
  private let file: MappedFile

  private static let maximumDimensions = 4
  /// More than any model has; a table of this size is small.
  private static let maximumCount = 1 << 16

  /// The size in bytes of the largest array that is read: many times that of a vocabulary.
  private static let maximumArraySize = 1 << 28

  /// Whether there is a file at `path` that is called or begins like a GGUF file.
  public static func isGGUF(_ path: String) -> Bool {
    guard Folder.hasFile(path) else { return false }
    guard !path.lowercased().hasSuffix(".gguf") else { return true }
    guard let file = try? MappedFile(path: path) else { return false }
    return withExtendedLifetime(file) { file.bytes.starts(with: "GGUF".utf8) }
  }

  /// Maps and checks the file at `path`.
  ///
  /// - Throws: ``FileError``; ``InputError`` if it is not a complete GGUF file.
  public init(path: String) throws {
    file = try MappedFile(path: path, keepingOpen: true)
    var cursor = GGUFCursor(file)
    guard file.bytes.starts(with: "GGUF".utf8) else {
      throw InputError(
        path,
        MisplacedFile.problem(of: file.bytes)
          ?? "not a GGUF file, which begins with the letters GGUF")
    }
    try cursor.skip(4)
    let version = try cursor.integer(UInt32.self)
    guard 2...3 ~= version else {
      let isSwapped = 1...3 ~= version.byteSwapped
      throw cursor.failure(
        isSwapped
          ? "the file is big-endian; expected one for little-endian machines"
          : "version \(version) of GGUF is not supported; expected 2 or 3", at: 4)
    }
    // The shortest tensor and key: an empty name, one dimension; an empty name, one byte.
    let tensorCount = try Self.count(of: "tensors", minimumSize: 32, &cursor)
    let keyCount = try Self.count(of: "keys", minimumSize: 13, &cursor)
    values = try Self.values(keyCount, &cursor)
    let entries = try (0..<tensorCount).map { _ in try TensorEntry(&cursor) }
    tensors = try Self.tensors(
      entries, headerEnd: cursor.offset, alignment: try Self.alignment(values, file), file)
  }

  private static func count(
    of items: String, minimumSize: Int, _ cursor: inout GGUFCursor
  ) throws -> Int {
    let start = cursor.offset
    let count = try cursor.count(of: items, minimumSize: minimumSize)
    guard count <= maximumCount else {
      throw cursor.failure("\(count) \(items), expected at most \(maximumCount)", at: start)
    }
    return count
  }

  private static func values(
    _ count: Int, _ cursor: inout GGUFCursor
  ) throws -> [String: GGUFValue] {
    var values: [String: GGUFValue] = [:]
    for _ in 0..<count {
      let start = cursor.offset
      let key = try cursor.name(of: "a key", shorterThan: 1 << 10)
      guard values.updateValue(try GGUFValue(&cursor), forKey: key) == nil else {
        throw cursor.failure("the key '\(excerpt(key))' appears twice", at: start)
      }
    }
    return values
  }

  private static func alignment(_ values: [String: GGUFValue], _ file: MappedFile) throws -> Int {
    let key = "general.alignment"
    guard let value = values[key] else { return 32 }
    guard case .integer(let alignment) = value, 1...1 << 20 ~= alignment,
      alignment & (alignment - 1) == 0
    else {
      throw InputError(
        file.path, "\(key) is \(value.excerpt(in: file)); expected a power of two up to \(1 << 20)")
    }
    return alignment
  }

  /// A tensor as the header lists it.
  private struct TensorEntry {
    let name: String
    let type: TensorType
    /// Row-major.
    let shape: [Int]
    let offset: UInt64
    let byteCount: Int
    /// Where it is listed.
    let place: Int

    init(_ cursor: inout GGUFCursor) throws {
      let start = cursor.offset
      place = start
      let name = try cursor.name(of: "a tensor", shorterThan: 64)
      self.name = name
      func failure(_ problem: String) -> InputError {
        cursor.failure("tensor '\(excerpt(name))': \(problem)", at: start)
      }
      let dimensions = try cursor.integer(UInt32.self)
      guard 1...UInt32(GGUFFile.maximumDimensions) ~= dimensions else {
        throw failure("\(dimensions) dimensions, expected 1 to \(GGUFFile.maximumDimensions)")
      }
      var sizes: [Int] = []
      var count = 1
      for _ in 0..<dimensions {
        let size = try cursor.integer(UInt64.self)
        let (product, overflow) = count.multipliedReportingOverflow(
          by: Int(truncatingIfNeeded: size))
        guard size >= 1, size <= 1 << 48, !overflow, product <= 1 << 48 else {
          throw failure("a dimension of \(size) is impossible")
        }
        sizes.append(Int(size))
        count = product
      }
      let number = try cursor.integer(UInt32.self)
      guard let type = TensorType(ggmlNumber: number) else {
        throw failure(
          "the type \(TensorType.ggmlName(number)) is not supported; expected "
            + TensorType.ggmlTypes.map(\.type.rawValue).joined(separator: ", "))
      }
      guard sizes[0] % type.blockLength == 0 else {
        throw failure(
          "rows of \(sizes[0]) numbers are not whole blocks of \(type.rawValue), which have "
            + "\(type.blockLength)")
      }
      self.type = type
      shape = sizes.reversed()
      byteCount = type.byteCount(of: count)
      offset = try cursor.integer(UInt64.self)
    }
  }

  /// The tensors of `entries`: each begins where the one before ends, so that none overlap.
  private static func tensors(
    _ entries: [TensorEntry], headerEnd: Int, alignment: Int, _ file: MappedFile
  ) throws -> [String: StoredTensor] {
    func aligned(_ offset: Int) -> Int { (offset + alignment - 1) / alignment * alignment }
    let dataStart = aligned(headerEnd)
    var end = 0
    var tensors: [String: StoredTensor] = [:]
    for entry in entries {
      func failure(_ problem: String) -> InputError {
        InputError(file.path, .byte(entry.place), "tensor '\(excerpt(entry.name))' \(problem)")
      }
      guard entry.offset == UInt64(end) else {
        throw failure(
          "is at \(entry.offset) of the data, expected \(end), where the one before it ends")
      }
      guard dataStart + end <= file.bytes.count - entry.byteCount else {
        throw failure(
          "of \(entry.byteCount) bytes goes past the end of the file: it is cut off")
      }
      let tensor = StoredTensor(
        name: entry.name, type: entry.type, shape: entry.shape, file: file, start: dataStart + end)
      guard tensors.updateValue(tensor, forKey: entry.name) == nil else {
        throw failure("appears twice")
      }
      end = aligned(end + entry.byteCount)
    }
    return tensors
  }
}

// MARK: - Metadata

extension GGUFFile {
  /// Whether there is a value for `key`.
  public func hasValue(_ key: String) -> Bool { values[key] != nil }

  private func refusal(_ key: String, _ value: GGUFValue, _ expected: String) -> InputError {
    InputError(path, "\(key) is \(value.excerpt(in: file)); expected \(expected)")
  }

  private func missing(_ key: String, _ expected: String) -> InputError {
    InputError(path, "\(key) is missing; expected \(expected)")
  }

  /// The string `key`; `nil` if there is none.
  ///
  /// - Throws: ``InputError`` if the value is something else, here and below.
  public func string(_ key: String) throws -> String? {
    guard let value = values[key] else { return nil }
    guard case .string(let text) = value, text.count < 1 << 20, let string = file.string(text)
    else {
      throw refusal(key, value, "a string")
    }
    return string
  }

  /// The integer `key` in `range`; `nil` if there is none.
  public func integer(_ key: String, in range: ClosedRange<Int>) throws -> Int? {
    guard let value = values[key] else { return nil }
    guard case .integer(let integer) = value, range.contains(integer) else {
      throw refusal(
        key, value, "a whole number from \(range.lowerBound) to \(range.upperBound)")
    }
    return integer
  }

  /// The integer `key` in `range`, which must be there.
  public func requiredInteger(_ key: String, in range: ClosedRange<Int>) throws -> Int {
    guard let integer = try integer(key, in: range) else { throw missing(key, "a whole number") }
    return integer
  }

  /// The number `key`, which must be there, in `range`.
  public func requiredNumber(_ key: String, in range: Range<Double>) throws -> Double {
    guard let value = values[key] else { throw missing(key, "a number") }
    guard case .number(let number) = value, range.contains(number) else {
      throw refusal(
        key, value, "a number from \(range.lowerBound) to below \(range.upperBound)")
    }
    return number
  }

  /// The flag `key`; `nil` if there is none.
  public func flag(_ key: String) throws -> Bool? {
    guard let value = values[key] else { return nil }
    guard case .boolean(let flag) = value else { throw refusal(key, value, "true or false") }
    return flag
  }

  /// The integers of the array `key`, which has `count`; `nil` if there is none.
  public func integers(_ key: String, count: Int) throws -> [Int]? {
    guard let value = values[key] else { return nil }
    guard case .array(let array) = value, array.count == count,
      array.byteCount <= Self.maximumArraySize, let integers = try array.integers(in: file)
    else { throw refusal(key, value, "an array of \(count) whole numbers") }
    return integers
  }

  /// The number of strings in the array `key`, which must be there.
  public func stringCount(_ key: String) throws -> Int { try strings(key).count }

  /// Calls `body` with the UTF-8 of each string of the array `key`, which must be there, and its
  /// offset in the file.
  ///
  /// - Throws: Also what `body` throws.
  public func forEachString(
    _ key: String, _ body: (_ utf8: RawSpan, _ offset: Int) throws -> Void
  ) throws {
    try strings(key).forEachText(in: file) { text in
      let bytes = UnsafeRawBufferPointer(rebasing: file.bytes[text])
      guard isUTF8(bytes) else {
        throw InputError(path, .byte(text.lowerBound), "a string of \(key) is not UTF-8")
      }
      try body(bytes.bytes, text.lowerBound)
    }
  }

  private func strings(_ key: String) throws -> GGUFArray {
    guard let value = values[key] else { throw missing(key, "an array of strings") }
    guard case .array(let array) = value, array.kind == .string else {
      throw refusal(key, value, "an array of strings")
    }
    guard array.byteCount <= Self.maximumArraySize else {
      throw InputError(
        path,
        "\(key) has \(array.byteCount) bytes; expected at most \(Self.maximumArraySize)")
    }
    return array
  }
}
