import BytePairEncoding
import CheckpointFormat
import FileSupport

extension FuzzedParser {
  /// `GGUFFile`, the tensors of a GPT-2 in it, and its tokenizer.
  static let gguf = FuzzedParser(
    name: "gguf",
    seeds: [
      file(keys: [], tensors: []),
      file(
        keys: [
          "general.architecture" + value(8, text("gpt2")), "gpt2.block_count" + value(4, word(1)),
          "general.alignment" + value(4, word(256)), "flag" + value(7, "\u{1}"),
          "numbers" + value(9, word(5) + long(2) + word(1) + word(2)),
          "large" + value(10, long(7)), "real" + value(6, word(0x3727_0000)),
        ],
        tensors: [
          ("token_embd.weight", [2, 3], 0), ("blk.0.ffn_up.weight", [32, 2], 8),
          ("blk.0.attn_qkv.weight", [256, 1], 14), ("blk.0.attn_qkv.bias", [3], 1),
        ], alignment: 256),
      file(
        keys: [
          "tokenizer.ggml.model" + value(8, text("gpt2")),
          "tokenizer.ggml.pre" + value(8, text("gpt-2")),
          "tokenizer.ggml.tokens" + strings(["</s>"] + symbols + ["ab", "[PAD258]"]),
          "tokenizer.ggml.token_type"
            + value(
              9,
              word(5) + long(259)
                + ([3] + [Int](repeating: 1, count: 257) + [5]).map { word($0) }.joined()),
          "tokenizer.ggml.merges" + strings(["a b"]),
          "tokenizer.ggml.eos_token_id" + value(4, word(0)),
        ], tensors: [("output_norm.bias", [4], 30), ("position_embd.weight", [32, 1], 2)]),
    ],
    words: [
      "GGUF", "general.alignment", "tokenizer.ggml.tokens", "tokenizer.ggml.merges",
      "tokenizer.ggml.token_type", "tokenizer.ggml.bos_token_id", "token_embd.weight",
      "blk.0.attn_output.weight", "blk.9223372036854775807.ffn_down.weight", "output.weight",
      long(0x7F7F_7F7F_7F7F_7F7F), long(1 << 48), long(1 << 62), word(0), word(8), word(9),
      word(12), word(13), word(14), word(30),
    ]
  ) { bytes, scratch in
    let file = try GGUFFile(path: scratch.file("model.gguf", holding: bytes))
    for tensor in file.tensors.values {
      expect(tensor.count <= 2 * bytes.count, "a tensor has no more than two numbers for a byte")
    }
    // Each part by itself: damage in one says nothing about the others.
    let parts: [() throws -> Void] = [
      {
        for (name, tensor) in try WeightFiles(file).tensors {
          expect(GGUFTensorName.gguf(name) != nil, "names are translated both ways")
          var floats = [Float](repeating: 0, count: tensor.count)
          try floats.withUnsafeMutableBufferPointer { try tensor.copy(0..<tensor.count, to: $0) }
          let half = tensor.count / 2
          var rest = [Float](repeating: 0, count: tensor.count - half)
          try rest.withUnsafeMutableBufferPointer { try tensor.copy(half..<tensor.count, to: $0) }
          let isSame = zip(floats[half...], rest).allSatisfy { $0.bitPattern == $1.bitPattern }
          expect(isSame, "a tensor read in parts is the same")
        }
      },
      {
        _ = try Tokenizer.notes(gguf: file)
        let tokenizer = try Tokenizer(gguf: file)
        var encoder = Encoder(tokenizer)
        let text = "КОТ ab</s>\n 😀"
        expect(
          tokenizer.decode(try encoder.encode(text)) == Array(text.utf8),
          "a text that is encoded and decoded is the same")
      },
      {
        _ = try file.string("general.architecture")
        _ = try file.integer("gpt2.block_count", in: 0...512)
        _ = try file.flag("flag")
        _ = try file.integers("numbers", count: 2)
        _ = try file.requiredNumber("real", in: 0..<1)
      },
    ]
    for part in parts {
      do { try part() } catch is InputError { continue }
    }
  }

  // MARK: - Seeds, whose bytes are all ASCII or UTF-8

  private static func word(_ number: Int) -> String { digits(number, 4) }
  private static func long(_ number: Int) -> String { digits(number, 8) }

  private static func digits(_ number: Int, _ count: Int) -> String {
    String(decoding: (0..<count).map { UInt8(number >> (8 * $0) & 0xFF) }, as: UTF8.self)
  }

  private static func text(_ text: String) -> String { long(text.utf8.count) + text }

  private static func value(_ kind: Int, _ value: String) -> String { word(kind) + value }

  private static func strings(_ strings: [String]) -> String {
    value(9, word(8) + long(strings.count) + strings.map(text).joined())
  }

  /// The characters of the bytes.
  private static let symbols: [String] = (Array(33...126) + Array(161...172) + Array(174...323))
    .compactMap { Unicode.Scalar($0).map { String($0) } }

  private static func file(
    keys: [String], tensors: [(name: String, dimensions: [Int], type: Int)], alignment: Int = 32
  ) -> String {
    let sizes: [Int: (Int, Int)] = [
      0: (1, 4), 1: (1, 2), 2: (32, 18), 8: (32, 34), 14: (256, 210), 30: (1, 2),
    ]
    var header = "GGUF" + word(3) + long(tensors.count) + long(keys.count)
    for key in keys {
      // The name ends where the type of the value begins.
      let name = key.prefix { $0 != "\0" && $0.isASCII && ($0.isLetter || "._".contains($0)) }
      header += text(String(name)) + key.dropFirst(name.count)
    }
    var offset = 0
    for tensor in tensors {
      header += text(tensor.name) + word(tensor.dimensions.count)
      header += tensor.dimensions.map { long($0) }.joined() + word(tensor.type) + long(offset)
      let (length, size) = sizes[tensor.type] ?? (1, 4)
      let count = tensor.dimensions.reduce(1, *) / length * size
      offset += (count + alignment - 1) / alignment * alignment
    }
    let padding = (alignment - header.utf8.count % alignment) % alignment
    return header + String(repeating: "\0", count: padding + offset)
  }
}
