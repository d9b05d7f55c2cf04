import FileSupport
import TextSupport

/// Reads the pickles that `torch.save` writes for the weights of a model, and no others.
///
/// A pickle is a program for a stack machine that can call anything in Python. This machine knows
/// only the opcodes and names that tensors need, cannot call anything, and rejects everything else.
/// Python's module pickletools documents the opcodes.
struct Unpickler {
  private let file: MappedFile
  private let end: Int
  /// The offset in the file of the next byte.
  private(set) var position: Int
  /// The offset in the file of the opcode that is being executed.
  private var opcodePosition: Int

  private var stack: [PickleValue] = []
  /// The height of the stack at each open mark.
  private var marks: [Int] = []
  private var memo: [Int: PickleValue] = [:]
  /// The elements of lists; the alternating keys and values of dictionaries.
  private var containers: [(elements: [PickleValue], isOrderedDictionary: Bool)] = []
  /// The storages by their keys.
  private(set) var storages: [String: StorageReference] = [:]

  /// Weights need a few hundred bytes per tensor.
  private static let maximumSize = 1 << 24
  private static let maximumDepth = 16

  /// A reader of the pickle that begins at byte `range.lowerBound` of `file` and ends within
  /// `range`.
  init(_ file: MappedFile, in range: Range<Int>) {
    self.file = file
    position = range.lowerBound
    opcodePosition = position
    end = min(range.upperBound, range.lowerBound + Self.maximumSize)
  }

  /// Reads the pickle.
  ///
  /// - Throws: ``InputError`` with the file, the byte offset and what is there.
  mutating func load() throws -> PickleValue {
    while true {
      opcodePosition = position
      let opcode = try byte()
      if opcode == UInt8(ascii: ".") { break }
      try execute(opcode)
    }
    let result = try pop()
    guard stack.isEmpty, marks.isEmpty else { throw failure("values are left at the end") }
    return result
  }

  /// The elements of the list, or the alternating keys and values of the dictionary, with this
  /// index.
  func elements(ofContainer index: Int) -> [PickleValue] { containers[index].elements }

  private mutating func execute(_ opcode: UInt8) throws {
    switch opcode {
    case 0x80:  // PROTO
      let version = try byte()
      guard version == 2 else {
        throw failure(
          "the pickle has protocol \(version), expected 2; save the weights with torch.save's "
            + "own protocol")
      }
    case UInt8(ascii: "N"): stack.append(.none)
    case 0x88: stack.append(.boolean(true))
    case 0x89: stack.append(.boolean(false))
    case UInt8(ascii: "J"):
      stack.append(.integer(Int(Int32(truncatingIfNeeded: try unsigned(4)))))
    case UInt8(ascii: "K"): stack.append(.integer(try unsigned(1)))
    case UInt8(ascii: "M"): stack.append(.integer(try unsigned(2)))
    case 0x8A: stack.append(.integer(try longInteger()))
    case UInt8(ascii: "G"):
      let bits = try take(8).reduce(0) { $0 << 8 | UInt64($1) }
      stack.append(.number(Double(bitPattern: bits)))
    case UInt8(ascii: "X"): stack.append(.string(try string(length: unsigned(4))))
    case UInt8(ascii: "c"): stack.append(.global(try global()))
    case UInt8(ascii: "q"): memo[try unsigned(1)] = try top()
    case UInt8(ascii: "r"): memo[try unsigned(4)] = try top()
    case UInt8(ascii: "h"): try recall(try unsigned(1))
    case UInt8(ascii: "j"): try recall(try unsigned(4))
    case UInt8(ascii: "("): marks.append(stack.count)
    case UInt8(ascii: ")"): try pushTuple([])
    case 0x85, 0x86, 0x87:  // TUPLE1, TUPLE2, TUPLE3
      var elements: [PickleValue] = []
      for _ in 0...(opcode - 0x85) { elements.append(try pop()) }
      try pushTuple(elements.reversed())
    case UInt8(ascii: "t"): try pushTuple(try popToMark())
    case UInt8(ascii: "]"): pushContainer { .list($0) }
    case UInt8(ascii: "}"): pushContainer { .dictionary($0) }
    case UInt8(ascii: "a"): try append([try pop()])
    case UInt8(ascii: "e"): try append(try popToMark())
    case UInt8(ascii: "s"):
      let value = try pop()
      try setItems([try pop(), value])
    case UInt8(ascii: "u"): try setItems(try popToMark())
    case UInt8(ascii: "R"): try reduce()
    case UInt8(ascii: "b"): try build()
    case UInt8(ascii: "Q"): stack.append(.storage(try storage(try pop())))
    default:
      throw failure(
        "the pickle uses the opcode 0x\(NumberText.hexadecimal(opcode)), which the weights of a model "
          + "do not need; the file is refused")
    }
  }

  // MARK: - Bytes

  private func failure(_ problem: String) -> InputError {
    InputError(file.path, .byte(opcodePosition), problem)
  }

  private mutating func take(_ count: Int) throws -> some BidirectionalCollection<UInt8> {
    guard count <= end - position else {
      throw InputError(
        file.path, .byte(position), "the pickle ends in the middle: the file is cut off or damaged")
    }
    defer { position += count }
    return file.bytes[position..<position + count]
  }

  private mutating func byte() throws -> UInt8 { UInt8(try unsigned(1)) }

  private mutating func unsigned(_ size: Int) throws -> Int {
    try take(size).reversed().reduce(0) { $0 << 8 | Int($1) }
  }

  private mutating func longInteger() throws -> Int {
    let digits = try take(try unsigned(1))
    guard digits.count <= 8 else {
      throw failure("a whole number of \(digits.count) bytes, expected at most 8")
    }
    guard let last = digits.last else { return 0 }
    return digits.reversed().reduce(last >= 0x80 ? -1 : 0) { $0 << 8 | Int($1) }
  }

  private mutating func string(length: Int) throws -> String {
    let text = try take(length)
    guard let string = String(validating: text, as: UTF8.self) else {
      throw failure("the string is not UTF-8")
    }
    return string
  }

  // MARK: - The stack

  /// Checks that there are `count` values above the last open mark.
  private func require(_ count: Int) throws {
    guard stack.count - (marks.last ?? 0) >= count else {
      throw failure("the pickle takes a value where there is none")
    }
  }

  private func top() throws -> PickleValue {
    try require(1)
    return stack[stack.count - 1]
  }

  private mutating func pop() throws -> PickleValue {
    try require(1)
    return stack.removeLast()
  }

  private mutating func popToMark() throws -> [PickleValue] {
    guard let mark = marks.popLast() else {
      throw failure("the pickle returns to a mark where there is none")
    }
    defer { stack.removeSubrange(mark...) }
    return Array(stack[mark...])
  }

  private mutating func recall(_ index: Int) throws {
    guard let value = memo[index] else {
      throw failure("the pickle recalls value \(index), which was not kept")
    }
    stack.append(value)
  }

  private mutating func pushTuple(_ elements: [PickleValue]) throws {
    var depth = 0
    for case .tuple(_, let inner) in elements { depth = max(depth, inner) }
    guard depth < Self.maximumDepth else {
      throw failure("tuples nest more than \(Self.maximumDepth) deep")
    }
    stack.append(.tuple(elements, depth: depth + 1))
  }

  private mutating func pushContainer(
    isOrderedDictionary: Bool = false, _ value: (Int) -> PickleValue
  ) {
    containers.append(([], isOrderedDictionary))
    stack.append(value(containers.count - 1))
  }

  private mutating func append(_ elements: [PickleValue]) throws {
    guard case .list(let index) = try top() else {
      throw failure("the pickle appends to \(try top().kind), expected a list")
    }
    containers[index].elements += elements
  }

  private mutating func setItems(_ items: [PickleValue]) throws {
    guard case .dictionary(let index) = try top() else {
      throw failure("the pickle sets items of \(try top().kind), expected a dictionary")
    }
    guard items.count % 2 == 0 else { throw failure("a key of a dictionary has no value") }
    containers[index].elements += items
  }

  // MARK: - Names and calls

  private mutating func global() throws -> PickleGlobal {
    let module = try line()
    let name = try line()
    guard let global = PickleGlobal(module: module, name: name) else {
      throw failure(
        "the pickle asks Python for \(excerpt("\(module).\(name)")), which the weights of a "
          + "model do not need; it was not run, and the file is refused")
    }
    return global
  }

  private mutating func line() throws -> String {
    var line: [UInt8] = []
    while true {
      let byte = try byte()
      if byte == 0x0A { break }
      line.append(byte)
      guard line.count <= 256 else { throw failure("a name has more than 256 bytes") }
    }
    return String(decoding: line, as: UTF8.self)
  }

  private mutating func reduce() throws {
    let arguments = try pop()
    let function = try pop()
    guard case .global(let global) = function, let arguments = arguments.elements else {
      throw failure("the pickle calls \(function.kind) with \(arguments.kind)")
    }
    switch global {
    case .orderedDictionary where arguments.isEmpty:
      pushContainer(isOrderedDictionary: true) { .dictionary($0) }
    case .rebuildTensor, .rebuildTensorOfType:
      stack.append(.tensor(try tensor(global, arguments)))
    case .rebuildParameter:
      guard arguments.count == 3, case .tensor = arguments[0] else {
        throw wrongCall(global, arguments)
      }
      stack.append(arguments[0])
    case .orderedDictionary, .storage, .type: throw wrongCall(global, arguments)
    }
  }

  private func wrongCall(_ global: PickleGlobal, _ arguments: [PickleValue]) -> InputError {
    let kinds = arguments.prefix(8).map(\.kind).joined(separator: ", ")
    return failure("the pickle calls \(global) with (\(kinds)), which weights do not need")
  }

  private func tensor(
    _ global: PickleGlobal, _ arguments: [PickleValue]
  ) throws -> TensorReference {
    guard (6...8).contains(arguments.count), case .storage(var storage) = arguments[0],
      let offset = arguments[1].integer, let shape = arguments[2].integers,
      let strides = arguments[3].integers
    else {
      throw wrongCall(global, arguments)
    }
    if case .rebuildTensorOfType = global {
      guard arguments.count > 6, case .global(.type(let type)) = arguments[6],
        storage.type == .uint8, storage.count % type.blockSize == 0
      else { throw wrongCall(global, arguments) }
      storage = StorageReference(
        key: storage.key, type: type, count: storage.count / type.blockSize)
    } else if arguments.count > 7 {
      throw wrongCall(global, arguments)
    }
    let (tensor, problem) = TensorReference.checked(
      storage, offset: offset, shape: shape, strides: strides)
    guard let tensor else { throw failure(problem) }
    return tensor
  }

  /// Ignores the state of a dictionary: the `_metadata` of a module, whose versions do not matter
  /// here.
  private mutating func build() throws {
    _ = try pop()
    guard case .dictionary(let index) = try top(), containers[index].isOrderedDictionary else {
      throw failure("the pickle sets the state of \(try top().kind), expected an OrderedDict")
    }
  }

  private mutating func storage(_ identifier: PickleValue) throws -> StorageReference {
    guard let parts = identifier.elements, (5...6).contains(parts.count),
      parts[0].string == "storage", case .global(.storage(let type)) = parts[1],
      let key = parts[2].string, parts[3].string != nil, let count = parts[4].integer
    else {
      throw failure("a persistent id that does not name a storage")
    }
    if parts.count == 6 {
      guard case .none = parts[5] else {
        throw failure(
          "storage '\(excerpt(key))' is a view of another, as torch before 0.4 "
            + "wrote; load and save the weights with a newer torch")
      }
    }
    guard count >= 0, count <= Int.max / 16 else {
      throw failure("storage '\(excerpt(key))' would have \(count) elements")
    }
    let storage = StorageReference(key: key, type: type, count: count)
    guard storages[key, default: storage] == storage else {
      throw failure("storage '\(excerpt(key))' appears with two types or sizes")
    }
    storages[key] = storage
    return storage
  }
}
