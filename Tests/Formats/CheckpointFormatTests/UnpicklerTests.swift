import CheckpointFormat
import FileSupport
import TestSupport
import Testing

/// Pickles that must be refused, and the message.
struct BadPickle: Sendable, CustomTestStringConvertible {
  let testDescription: String
  let bytes: [UInt8]
  let problem: String

  init(_ description: String, _ bytes: [UInt8], _ problem: String) {
    (testDescription, self.bytes, self.problem) = (description, bytes, problem)
  }

  init(_ description: String, _ problem: String, _ build: (inout Pickle) -> Void) {
    self.init(description, Pickle(build).bytes, problem)
  }
}

private func refusedOpcode(_ code: String) -> String {
  "the pickle uses the opcode 0x\(code), which the weights of a model do not need; the file is refused"
}

private func refusedName(_ name: String) -> String {
  "the pickle asks Python for \(name), which the weights of a model do not need; it was not run, "
    + "and the file is refused"
}

@Suite("Unpickler")
struct UnpicklerTests {
  private let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
  }

  /// Where the pickle begins in the files of ``Zip``.
  private static let start = 30 + "archive/data.pkl".utf8.count + 7

  private func open(_ pickle: [UInt8], data: [UInt8]? = nil) throws -> PyTorchFile {
    let zip = data.map { Zip(pickle: pickle, data: $0) } ?? Zip(pickle: pickle)
    return try PyTorchFile(path: folder.write(zip.bytes, to: "a.bin"))
  }

  private func expectProblem(
    _ problem: String, at offset: Int? = nil, _ pickle: [UInt8],
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let error = #expect(throws: InputError.self, sourceLocation: sourceLocation) {
      try open(pickle)
    }
    #expect(error?.problem == problem, sourceLocation: sourceLocation)
    if let offset {
      #expect(error?.place == .byte(Self.start + offset), sourceLocation: sourceLocation)
    }
  }

  @Test("reads the pickles of these tests if nothing is wrong with them")
  func good() throws {
    let tensor = try #require(try open(Pickle.stateDictionary()).tensors["w"])
    #expect(tensor.shape == [2, 3])
    #expect(tensor.type == .float32)
  }

  static let attacks: [BadPickle] = [
    .init("os.system", refusedName("os.system")) {
      $0.global("os system")
      $0.string("true")
      $0.raw([0x85])
      $0.raw("R")
    },
    .init("builtins.eval", refusedName("builtins.eval")) { $0.global("builtins eval") },
    .init("__builtin__.getattr", refusedName("__builtin__.getattr")) {
      $0.global("__builtin__ getattr")
    },
    .init("torch.load", refusedName("torch.load")) { $0.global("torch load") },
    .init("a type of storage that is none", refusedName("torch.ComplexStorage")) {
      $0.global("torch ComplexStorage")
    },
    .init("tensors of other kinds", refusedName("torch._utils._rebuild_qtensor")) {
      $0.global("torch._utils _rebuild_qtensor")
    },
    .init("a subclass of tensors", refusedName("torch._tensor._rebuild_from_type_v2")) {
      $0.global("torch._tensor _rebuild_from_type_v2")
    },
    .init("numpy", refusedName("numpy.core.multiarray._reconstruct")) {
      $0.global("numpy.core.multiarray _reconstruct")
    },
    .init("a name that would disturb a terminal", refusedName(#"os.\u{1B}[2J"#)) {
      $0.global("os \u{1B}[2J")
    },
    .init("a name without an end", "a name has more than 256 bytes") {
      $0.raw("c" + String(repeating: "a", count: 300))
    },
    .init("INST", refusedOpcode("69")) { $0.raw("(ios\nsystem\n") },
    .init("OBJ", refusedOpcode("6f")) { $0.raw("(o") },
    .init("NEWOBJ", refusedOpcode("81")) { $0.raw([0x81]) },
    .init("NEWOBJ_EX", refusedOpcode("92")) { $0.raw([0x92]) },
    .init("EXT1", refusedOpcode("82")) { $0.raw([0x82, 1]) },
    .init("EXT2", refusedOpcode("83")) { $0.raw([0x83, 1, 0]) },
    .init("EXT4", refusedOpcode("84")) { $0.raw([0x84, 1, 0, 0, 0]) },
    .init("PERSID", refusedOpcode("50")) { $0.raw("Pstorage\n") },
    .init("BINBYTES", refusedOpcode("42")) { $0.raw("B\u{4}\0\0\0abcd") },
    .init("SHORT_BINBYTES", refusedOpcode("43")) { $0.raw("C\u{1}a") },
    .init("BYTEARRAY8", refusedOpcode("96")) { $0.raw([0x96]) },
    .init("STACK_GLOBAL", refusedOpcode("93")) {
      $0.string("os")
      $0.string("system")
      $0.raw([0x93])
    },
    .init("DUP", refusedOpcode("32")) { $0.raw("N2") },
    .init("INT", refusedOpcode("49")) { $0.raw("I1\n") },
    .init("no opcode", refusedOpcode("ff")) { $0.raw([0xFF]) },
  ]

  @Test("refuses whatever tensors do not need", arguments: attacks)
  func attack(_ bad: BadPickle) {
    expectProblem(bad.problem, bad.bytes)
  }

  @Test("says where in the file the problem is")
  func place() {
    expectProblem(
      refusedName("os.system"), at: 3,
      Pickle {
        $0.raw("N"); $0.global("os system")
      }.bytes)
    expectProblem(refusedOpcode("6f"), at: 2, Pickle { $0.raw("o") }.bytes)
  }

  @Test("refuses other protocols")
  func protocols() {
    for version: UInt8 in [0, 1, 3, 4, 5] {
      expectProblem(
        "the pickle has protocol \(version), expected 2; save the weights with torch.save's own "
          + "protocol", at: 0, [0x80, version] + Array("}.".utf8))
    }
  }

  static let damages: [BadPickle] = [
    .init("nothing", [], "the pickle ends in the middle: the file is cut off or damaged"),
    .init(
      "no end", [0x80, 2, 0x7D], "the pickle ends in the middle: the file is cut off or damaged"),
    .init("no value at the end", "the pickle takes a value where there is none") { _ in },
    .init("two values at the end", "values are left at the end") { $0.raw("NN") },
    .init("an open mark at the end", "values are left at the end") { $0.raw("(N") },
    .init(
      "a string longer than the file",
      "the pickle ends in the middle: the file is cut off or damaged"
    ) { $0.raw([0x58, 0xFF, 0xFF, 0xFF, 0xFF, 0x61]) },
    .init("a string that is not UTF-8", "the string is not UTF-8") {
      $0.raw([0x58, 1, 0, 0, 0, 0xFF])
    },
    .init("a number that is too long", "a whole number of 9 bytes, expected at most 8") {
      $0.raw([0x8A, 9, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    },
    .init("a memo that is not there", "the pickle recalls value 7, which was not kept") {
      $0.raw([0x68, 7])
    },
    .init(
      "a long memo that is not there", "the pickle recalls value 4294967295, which was not kept"
    ) { $0.raw([0x6A, 0xFF, 0xFF, 0xFF, 0xFF]) },
    .init("a memo of nothing", "the pickle takes a value where there is none") {
      $0.raw([0x71, 0])
    },
    .init("a tuple without a mark", "the pickle returns to a mark where there is none") {
      $0.raw("NNt")
    },
    .init("a value from below a mark", "the pickle takes a value where there is none") {
      $0.raw("N(s")
    },
    .init("items without a mark", "the pickle returns to a mark where there is none") {
      $0.raw("}NNu")
    },
    .init("a key without a value", "a key of a dictionary has no value") { $0.raw("}(Nu") },
    .init("items of a list", "the pickle sets items of a list, expected a dictionary") {
      $0.raw("](NNu")
    },
    .init("appending to a dictionary", "the pickle appends to a dictionary, expected a list") {
      $0.raw("}Na")
    },
    .init("calling a string", "the pickle calls a string with a tuple") {
      $0.string("f")
      $0.raw(")R")
    },
    .init(
      "calling a storage",
      "the pickle calls a class of storages of F32 with (a whole number), which weights do not need"
    ) {
      $0.global("torch FloatStorage")
      $0.raw([0x4B, 9, 0x85])
      $0.raw("R")
    },
    .init(
      "an OrderedDict of something",
      "the pickle calls collections.OrderedDict with (a list), which weights do not need"
    ) {
      $0.global("collections OrderedDict")
      $0.raw("]")
      $0.raw([0x85])
      $0.raw("R")
    },
    .init(
      "a tensor of nothing",
      "the pickle calls torch._utils._rebuild_tensor_v2 with (), which weights do not need"
    ) {
      $0.global("torch._utils _rebuild_tensor_v2")
      $0.raw(")R")
    },
    .init(
      "a parameter of nothing",
      "the pickle calls torch._utils._rebuild_parameter with (None, a boolean, a dictionary), "
        + "which weights do not need"
    ) {
      $0.global("torch._utils _rebuild_parameter")
      $0.raw([0x4E, 0x88, 0x7D, 0x87])
      $0.raw("R")
    },
    .init(
      "a state for a plain dictionary",
      "the pickle sets the state of a dictionary, expected an OrderedDict"
    ) { $0.raw("}}b") },
    .init("a state for a tuple", "the pickle sets the state of a tuple, expected an OrderedDict") {
      $0.raw(")}b")
    },
    .init("a persistent id of a string", "a persistent id that does not name a storage") {
      $0.string("storage")
      $0.raw("Q")
    },
    .init("a persistent id of another kind", "a persistent id that does not name a storage") {
      $0.raw("(")
      $0.string("module")
      $0.global("torch FloatStorage")
      $0.string("0")
      $0.string("cpu")
      $0.raw("K\u{1}tQ")
    },
    .init("a storage of negative size", "storage '0' would have -1 elements") {
      $0.storage(count: -1)
    },
    .init("a storage of any size", "storage '0' would have \(Int.max) elements") {
      $0.storage(count: .max)
    },
    .init("a storage of two types", "storage '0' appears with two types or sizes") {
      $0.storage()
      $0.storage(type: "IntStorage")
    },
    .init("tuples in tuples", "tuples nest more than 16 deep") {
      $0.raw(")")
      for _ in 0..<16 { $0.raw([0x85]) }
    },
    .init(
      "no dictionary", "holds a list; expected a state_dict: torch.save(model.state_dict(), …)"
    ) { $0.raw("]") },
    .init(
      "a key that is no string",
      "a key of the dictionary is a whole number; expected a state_dict: "
        + "torch.save(model.state_dict(), …)"
    ) { $0.raw("}K\u{1}Ns") },
    .init(
      "a value that is no tensor",
      "'w' is a storage; expected a state_dict: torch.save(model.state_dict(), …)"
    ) {
      $0.raw("}")
      $0.string("w")
      $0.storage()
      $0.raw("s")
    },
    .init(
      "a name twice",
      "'w' appears twice in the dictionary; expected a state_dict: "
        + "torch.save(model.state_dict(), …)"
    ) {
      $0.raw("}")
      for _ in 0..<2 {
        $0.string("w")
        $0.tensor([2], strides: [1])
        $0.raw("s")
      }
    },
    .init(
      "a storage that is not there",
      Pickle {
        $0.raw("}")
        $0.string("w")
        $0.global("torch._utils _rebuild_tensor_v2")
        $0.raw("(")
        $0.storage("../0")
        $0.integer(0)
        $0.tuple([1])
        $0.tuple([1])
        $0.raw("N}tRs")
      }.bytes, "the zip file lacks the entry 'archive/data/../0'"),
    .init(
      "a storage of another size", Pickle.stateDictionary(count: 7),
      "storage '0' has 24 bytes, expected 7 elements of F32"),
    .init(
      "a storage of another type", Pickle.stateDictionary(type: "HalfStorage"),
      "storage '0' has 24 bytes, expected 6 elements of F16"),
    .init(
      "bytes behind the end", Pickle.stateDictionary() + [0],
      "bytes follow the pickle in 'archive/data.pkl'"),
  ]

  @Test("refuses damaged pickles and says what is wrong", arguments: damages)
  func damage(_ bad: BadPickle) {
    expectProblem(bad.problem, bad.bytes)
  }

  @Test("does not descend into dictionaries that contain themselves or towers of lists")
  func recursion() {
    expectProblem(
      "'w' is a dictionary; expected a state_dict: torch.save(model.state_dict(), …)",
      Pickle {
        $0.raw("}")
        $0.raw([0x71, 0])
        $0.string("w")
        $0.raw([0x68, 0])
        $0.raw("s")
      }.bytes)
    expectProblem(
      "holds a list; expected a state_dict: torch.save(model.state_dict(), …)",
      Pickle {
        $0.raw(String(repeating: "]", count: 300_000) + String(repeating: "a", count: 299_999))
      }
      .bytes)
  }

  @Test("views must lie within their storage")
  func views() throws {
    func problem(_ shape: [Int], _ strides: [Int], _ offset: Int = 0) -> String? {
      do {
        _ = try open(Pickle.stateDictionary(shape, strides: strides, offset: offset))
        return nil
      } catch {
        return (error as? InputError)?.problem ?? "\(error)"
      }
    }
    #expect(problem([2, 3], [3, 1]) == nil)
    #expect(problem([3, 2], [1, 3]) == nil)
    #expect(problem([], [], 5) == nil)
    #expect(problem([0, 9], [9, 1], 6) == nil)
    #expect(problem([1], [1 << 40], 5) == nil)
    func past(_ shape: [Int], _ strides: [Int], _ offset: Int) -> String {
      "a tensor of \(shape) with the strides \(strides) from element \(offset) on goes past the 6 "
        + "elements of storage '0'"
    }
    #expect(problem([2, 3], [3, 1], 1) == past([2, 3], [3, 1], 1))
    #expect(problem([7], [1]) == past([7], [1], 0))
    #expect(problem([2], [6]) == past([2], [6], 0))
    #expect(problem([], [], 6) == past([], [], 6))
    #expect(problem([0], [1], 7) == past([0], [1], 7))
    let negative = "a tensor has negative sizes: "
    #expect(problem([-1], [1]) == negative + "[-1], strides [1], offset 0")
    #expect(problem([2], [-1], 3) == negative + "[2], strides [-1], offset 3")
    #expect(problem([2], [1], -1) == negative + "[2], strides [1], offset -1")
    for (shape, strides) in [
      ([2, 3], [1]), ([1 << 40, 1 << 40], [0, 0]), ([3], [Int.max]), ([2, 2], [.max, .max]),
      ([Int](repeating: 1, count: 17), [Int](repeating: 1, count: 17)),
    ] {
      #expect(
        problem(shape, strides) == "the shape \(shape) with the strides \(strides) is impossible")
    }
  }

  @Test("a stride of 0 cannot claim more memory than weights have")
  func expansion() throws {
    #expect(
      try open(Pickle.stateDictionary([1 << 24], strides: [0])).tensors["w"]?.count == 1 << 24)
    expectProblem(
      "a tensor of [16777217] claims 16777217 elements of the 6 in storage '0'",
      Pickle.stateDictionary([(1 << 24) + 1], strides: [0]))
    expectProblem(
      "a tensor of [\(1 << 40)] claims \(1 << 40) elements of the 6 in storage '0'",
      Pickle.stateDictionary([1 << 40], strides: [0]))
  }
}
