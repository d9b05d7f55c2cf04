import CheckpointFormat
import FileSupport
import TestSupport
import Testing

/// Blocks as the `gguf` package and llama.cpp write them for the numbers ((37·i mod 101) − 50) / 64.
private let vectors: [(type: TensorType, hexadecimal: String)] = [
  (.q8_0, "4d1e81df3d9af856b41270cd2b89e745a2005ebb1977d53390ee4caa0866c3217fdc"),
  (.q4_0, "402ee046acf258bd1379df358be046acf268"),
  (.q4_1, "ab2e40bad0369bf257bd1369ce258ae0469cf258"),
  (.q5_0, "402aa4a52d6dc07c38f3bf6b26e2ae5a15d18d49f4c0"),
  (.q5_1, "742a40baa4a52d6db07b37e3af6a26d29d5905c18c48f4b0"),
  (
    .q4_K,
    "de162c22fefffffcfffdfefecfdcfffea0156bc1278cd3489e045ab0167bc2378de349ae056ab1267cd2389de459af15"
      + "268ce248ad0459b0157bd1379ce348ae046ac0267bd2379df359be156ac1268c9df359be157ac1268ce248ad0459b0"
      + "157bd1379ce348ae046ac0267bd2379df3156ac1268cd2489df459b0157bc1378ce348ae046ab0267bd2379de359ae"
      + "156a"
  ),
  (
    .q5_K,
    "8e125322fffdfdfdfffcfeffdfeffdcf326c9936cc9366c9b36499324c9926cc9366c9336c99364c9b66cdb366d9336c"
      + "702be7a35f1ad6824d09c5813cf8b46f2be7935e1ad6824d09c5703cf8a36f2b5e1ad5914d09c4803cf8b36f2be6a2"
      + "5e1ad5914d09c4703cf7b36f2be6a25e1a3be8b36e2be6925e19c5814c08b4703cf7a36f2ad6925d19c5814c08b470"
      + "3be71bd7824e0ab5713de9a4602cd8935f1bc6824e0ab5713de9a4601cd7935f1bc6"
  ),
  (
    .q6_K,
    "d158bf37be25ad048b047bf37ad159d0c941ea63eb74fb741d951ea72fc841c9bf35ad169b048df26be069d147cf38bd"
      + "1a922c840d85ed77ff57d038b04aa22b67df58c139b22aa22b931c85fd76ee57ce5ad137b31a902c830f86ec78ff55"
      + "d1c841da62eb63fc840d951ea63fb840c9d129b30b931c74fe86de67ff47d129b118b1c66cb11b6c861b71c61cb1c7"
      + "6cb22453f9248ef9138ef4538d2452f9248ed4a209d47e09a37e14a349d4ae09d77ec863be1463c9147ec923bec463"
      + "bd1463807f897a867a84877f737d7a81877c89758a"
  ),
]

private func number(_ index: Int) -> Float { Float((37 * index) % 101 - 50) / 64 }

private func bytes(ofHexadecimal text: String) -> [UInt8] {
  stride(from: 0, to: text.utf8.count, by: 2).compactMap {
    UInt8(text.dropFirst($0).prefix(2), radix: 16)
  }
}

private func encode(_ floats: [Float], _ type: TensorType) -> [UInt8] {
  var bytes = [UInt8](repeating: 0xAA, count: type.byteCount(of: floats.count))
  floats.withUnsafeBufferPointer { floats in
    bytes.withUnsafeMutableBytes { type.encode(floats, to: $0) }
  }
  return bytes
}

/// Blocks of the types of GGUF files.
@Suite("GGUF blocks")
struct BlockEncodingTests {
  @Test("the numbers of the test vectors are written as by ggml", arguments: vectors.indices)
  func encoding(_ index: Int) throws {
    let (type, hexadecimal) = vectors[index]
    let expected = bytes(ofHexadecimal: hexadecimal)
    try #require(expected.count == type.blockSize)
    guard TensorType.encodable.contains(type) else { return }
    let numbers = (0..<type.blockLength).map(number)
    #expect(encode(numbers, type) == expected)
    // A block does not depend on those around it.
    let zeros = [Float](repeating: 0, count: type.blockLength)
    let three = encode(zeros + numbers + zeros, type)
    #expect(Array(three[type.blockSize..<2 * type.blockSize]) == expected)
    #expect(Array(three[..<type.blockSize]) == encode(zeros, type))
  }

  /// Half of the step between two levels, for numbers from −50/64 to 50/64.
  private static let tolerances: [TensorType: Float] = [
    .q8_0: 0.0032, .q4_0: 0.1, .q4_1: 0.054, .q5_0: 0.05, .q5_1: 0.027, .q4_K: 0.06, .q5_K: 0.03,
    .q6_K: 0.016,
  ]

  @Test("blocks are read back, whole and from any element on", arguments: vectors.indices)
  func decoding(_ index: Int) throws {
    let (type, hexadecimal) = vectors[index]
    let folder = try TemporaryFolder()
    let block = bytes(ofHexadecimal: hexadecimal)
    var file = GGUFBytes()
    let length = UInt64(type.blockLength)
    let numbers: [TensorType: UInt32] = [
      .q4_0: 2, .q4_1: 3, .q5_0: 6, .q5_1: 7, .q8_0: 8, .q4_K: 12, .q5_K: 13, .q6_K: 14,
    ]
    file.tensors = [
      .init(
        name: "a", dimensions: [length, 3], type: try #require(numbers[type]), offset: 0)
    ]
    file.data = block + block + block
    let tensor = try #require(
      GGUFFile(path: try folder.write(file.bytes, to: "a.gguf")).tensors["a"])
    func read(_ tensor: StoredTensor, _ range: Range<Int>) throws -> [Float] {
      var floats = [Float](repeating: .nan, count: range.count)
      try floats.withUnsafeMutableBufferPointer { try tensor.copy(range, to: $0) }
      return floats
    }
    let all = try read(tensor, 0..<tensor.count)
    let tolerance = try #require(Self.tolerances[type])
    for (index, float) in all.enumerated() {
      #expect(abs(float - number(index % type.blockLength)) < tolerance, "\(index)")
    }
    for (first, last) in [(0, 1), (5, 6), (31, 33), (17, tensor.count - 1), (1, tensor.count)] {
      #expect(try read(tensor, first..<last) == Array(all[first..<last]))
    }
    let columns = tensor.transposed
    #expect(columns.shape == [type.blockLength, 3])
    let expected = (0..<tensor.count).map { all[$0 % 3 * type.blockLength + $0 / 3] }
    for (first, last) in [(0, tensor.count), (1, 2), (7, tensor.count - 2)] {
      #expect(try read(columns, first..<last) == Array(expected[first..<last]))
    }
  }

  @Test("what is written is read as the nearest numbers, whatever the sizes")
  func extremes() {
    for type in [TensorType.q8_0, .q4_0, .q4_K, .q6_K] {
      for scale in [Float(1e-20), 1e-6, 1, 1000] {
        let numbers = (0..<type.blockLength).map { number($0) * scale }
        #expect(encode(numbers, type).count == type.blockSize)
        #expect(encode(numbers.map { _ in scale }, type).count == type.blockSize)
      }
    }
    // Zeros have the sign of −8.
    #expect(
      encode([Float](repeating: 0, count: 32), .q4_0)
        == [0x00, 0x80] + [UInt8](repeating: 0x88, count: 16))
    #expect(
      encode([Float](repeating: -0.0, count: 32), .q4_0)
        == [0x00, 0x80] + [UInt8](repeating: 0x88, count: 16))
    #expect(encode([Float](repeating: 0, count: 256), .q6_K).allSatisfy { $0 == 0 })
  }

  @Test("halves of a level are rounded away from zero in Q8_0")
  func ties() {
    var numbers = [Float](repeating: 0, count: 32)
    // The scale is 1.
    numbers[0] = 127
    for (index, value) in [0.5, -0.5, 1.5, 0.49999997, -126.5, 2.5].enumerated() {
      numbers[index + 1] = Float(value)
    }
    let levels = encode(numbers, .q8_0)[2...].map { Int8(bitPattern: $0) }
    #expect(Array(levels.prefix(7)) == [127, 1, -1, 2, 0, -127, 3])
  }

  @Test("half precision is rounded to nearest, ties to even")
  func halfPrecision() {
    let cases: [(Float, UInt16)] = [
      (0, 0), (-0.0, 0x8000), (1, 0x3C00), (-2, 0xC000), (65504, 0x7BFF), (65519.996, 0x7BFF),
      (65520, 0x7C00), (.infinity, 0x7C00), (0x1p-14, 0x0400), (0x1p-24, 1), (0x1p-25, 0),
      (0x1.000002p-25, 1), (0x1.8p-24, 2), (1 + 0x1p-11, 0x3C00), (1 + 0x1.8p-10, 0x3C02),
      (0x1.FF8p-15, 0x03FF), (0x1.FFCp-15, 0x0400),
    ]
    for (number, bits) in cases { #expect(halfBits(number) == bits, "\(number)") }
    #expect(widenedHalf(halfBits(.nan)).isNaN)
    // Every number of half precision is itself, and its neighbours in single precision round to it.
    for bits in UInt16.min..<0x7C00 {
      let number = widenedHalf(bits)
      #expect(halfBits(number) == bits && halfBits(-number) == bits | 0x8000)
      guard bits > 0 else { continue }
      #expect(halfBits(number.nextUp) == bits && halfBits(number.nextDown) == bits)
    }
  }

  @Test("bfloat16 is rounded to nearest, ties to even")
  func bfloat16() {
    let numbers: [Float] = [1, 1 + 0x1p-8, 1 + 0x1.8p-7, -1 - 0x1.1p-8, .greatestFiniteMagnitude]
    #expect(
      encode(numbers, .bfloat16)
        == [0x80, 0x3F, 0x80, 0x3F, 0x82, 0x3F, 0x81, 0xBF, 0x80, 0x7F])
  }
}
