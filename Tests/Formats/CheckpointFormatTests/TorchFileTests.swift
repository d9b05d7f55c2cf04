import CheckpointFormat
import FileSupport
import TestSupport
import Testing

/// The elements of `tensor` as floats.
private func floats(_ tensor: StoredTensor?) throws -> [Float] {
  let tensor = try #require(tensor)
  return try [Float](unsafeUninitializedCapacity: tensor.count) { buffer, count in
    try tensor.copy(
      0..<tensor.count, to: UnsafeMutableBufferPointer(rebasing: buffer[0..<tensor.count]))
    count = tensor.count
  }
}

@Suite("PyTorchFile: what torch wrote")
struct TorchFileTests {
  @Test(
    "reads tensors of every type and every view, from a zip file and from the legacy format",
    arguments: ["tensors_zip.bin", "tensors_legacy.bin"])
  func tensors(_ name: String) throws {
    let tensors = try PyTorchFile(path: torchFile(name)).tensors
    #expect(tensors.count == 17 + 40)
    let types: [String: TensorType] = [
      "plain": .float32, "half": .float16, "bfloat16": .bfloat16, "double": .float64,
      "boolean": .boolean, "byte": .uint8, "char": .int8, "short": .int16, "int": .int32,
      "long": .int64,
    ]
    for (name, type) in types { #expect(tensors[name]?.type == type) }
    #expect(tensors["boolean"]?.shape == [1, 1, 3, 3])
    for (name, shape) in [
      ("plain", [3, 4]), ("half", [5]), ("bfloat16", [2, 3]), ("double", [3]),
    ] {
      #expect(tensors[name]?.shape == shape)
      #expect(try floats(tensors[name]) == torchNumbers(shape.reduce(1, *)))
    }
    #expect(tensors["scalar"]?.shape == [])
    #expect(try floats(tensors["scalar"]) == [-1.5])
    #expect(tensors["empty"]?.shape == [0, 3])
    #expect(try floats(tensors["empty"]) == [])
  }

  @Test(
    "views are read in row-major order, whatever their strides",
    arguments: ["tensors_zip.bin", "tensors_legacy.bin"])
  func views(_ name: String) throws {
    let tensors = try PyTorchFile(path: torchFile(name)).tensors
    let square = torchNumbers(12, seed: 2)
    #expect(tensors["transposed"]?.shape == [3, 4])
    #expect(
      try floats(tensors["transposed"])
        == (0..<3).flatMap { row in (0..<4).map { square[3 * $0 + row] } })
    #expect(tensors["steps"]?.shape == [3, 2])
    #expect(
      try floats(tensors["steps"])
        == [square[3], square[5], square[6], square[8], square[9], square[11]])
    let cube = torchNumbers(24, seed: 3)
    #expect(tensors["permuted"]?.shape == [4, 2, 3])
    #expect(
      try floats(tensors["permuted"])
        == (0..<4).flatMap { i in (0..<6).map { jk in cube[4 * jk + i] } })
    let shared = torchNumbers(30, seed: 1)
    #expect(
      try floats(tensors["overlapping"])
        == (0..<4).flatMap { row in (0..<3).map { shared[5 + 2 * row + $0] } })
    #expect(
      try floats(tensors["expanded"])
        == [Float](repeating: shared[7], count: 5) + [Float](repeating: shared[8], count: 5))
    for index in 0..<40 {
      #expect(try floats(tensors["view\(index)"]) == Array(shared[index / 2..<index / 2 + 2]))
    }
  }

  @Test("a part of a tensor is the same as that part of the whole")
  func parts() throws {
    let tensors = try PyTorchFile(path: torchFile("tensors_zip.bin")).tensors
    for name in ["plain", "half", "transposed", "permuted", "overlapping"] {
      let tensor = try #require(tensors[name])
      let whole = try floats(tensor)
      for begin in 0...tensor.count {
        for end in begin...tensor.count {
          var part = [Float](repeating: .nan, count: end - begin)
          try part.withUnsafeMutableBufferPointer { try tensor.copy(begin..<end, to: $0) }
          #expect(part == Array(whole[begin..<end]))
        }
      }
    }
  }

  @Test("knows whether two tensors hold the same numbers, in files and types of any kind")
  func sameNumbers() throws {
    let zip = try PyTorchFile(path: torchFile("tensors_zip.bin")).tensors
    let legacy = try PyTorchFile(path: torchFile("tensors_legacy.bin")).tensors
    let plain = try #require(zip["plain"])
    #expect(plain.hasSameNumbers(as: plain, in: 0..<12))
    #expect(plain.hasSameNumbers(as: try #require(legacy["plain"]), in: 0..<12))
    let transposed = try #require(zip["transposed"])
    #expect(!plain.hasSameNumbers(as: transposed, in: 0..<12))
    #expect(try !#require(zip["view0"]).hasSameNumbers(as: #require(zip["view2"]), in: 0..<2))
    #expect(try #require(zip["view0"]).hasSameNumbers(as: #require(zip["view1"]), in: 0..<2))
  }

  @Test("reads a parameter in a plain dictionary")
  func parameter() throws {
    let tensors = try PyTorchFile(path: torchFile("parameter_zip.bin")).tensors
    #expect(tensors.keys.sorted() == ["weight"])
    #expect(try floats(tensors["weight"]) == torchNumbers(6))
  }

  @Test("refuses a whole module and the state of a training, by what is in them")
  func others() throws {
    let modulePath = torchFile("module_zip.bin")
    let error = #expect(throws: InputError.self) { try PyTorchFile(path: modulePath) }
    #expect(
      error?.problem
        == "the pickle asks Python for torch.nn.modules.linear.Identity, which the weights of a "
        + "model do not need; it was not run, and the file is refused")
    let trainingPath = torchFile("training_zip.bin")
    #expect {
      try PyTorchFile(path: trainingPath)
    } throws: {
      "\($0)" == "\(trainingPath): 'model' is a dictionary; expected a state_dict: "
        + "torch.save(model.state_dict(), …)"
    }
  }

  @Test(
    "a file that is cut off anywhere is refused",
    arguments: ["gpt2_legacy.bin", "parameter_zip.bin"])
  func cutFiles(_ name: String) throws {
    let folder = try TemporaryFolder()
    let bytes = try torchBytes(name)
    for count in 0..<bytes.count {
      let path = try folder.write(Array(bytes[..<count]), to: "cut.bin")
      #expect(throws: InputError.self) { try PyTorchFile(path: path) }
    }
  }

  @Test(
    "whatever bytes are changed, the file is read or refused, and every tensor can be copied",
    arguments: ["gpt2_legacy.bin", "tensors_legacy.bin", "tensors_zip.bin", "parameter_zip.bin"])
  func damagedFiles(_ name: String) throws {
    let folder = try TemporaryFolder()
    let bytes = try torchBytes(name)
    var generator = SplitMix(state: 42)
    for _ in 0..<300 {
      var damaged = bytes
      for _ in 0..<Int.random(in: 1...4, using: &generator) {
        let index = Int.random(in: 0..<bytes.count, using: &generator)
        damaged[index] =
          Bool.random(using: &generator)
          ? UInt8.random(in: 0...255, using: &generator)
          : damaged[index] ^ 1 << UInt8.random(in: 0..<8, using: &generator)
      }
      let path = try folder.write(damaged, to: "damaged.bin")
      do {
        for tensor in try PyTorchFile(path: path).tensors.values where tensor.type.isFloatingPoint {
          #expect(try floats(tensor).count == tensor.shape.reduce(1, *))
        }
      } catch is InputError {
      }
    }
  }
}

/// A small generator whose numbers follow from its state.
private struct SplitMix: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var bits = state
    bits = (bits ^ bits >> 30) &* 0xBF58_476D_1CE4_E5B9
    bits = (bits ^ bits >> 27) &* 0x94D0_49BB_1331_11EB
    return bits ^ bits >> 31
  }
}
