import CheckpointFormat
import FileSupport
import GPT2

extension FuzzedParser {
  /// `WeightFiles` of a model: an input is a file of safetensors, one of torch.save, or an index, whose
  /// shard holds one tensor.
  static let tensors = FuzzedParser(
    name: "tensors",
    seeds: [
      header(#""__metadata__":{"format":"pt"},"a":\#(entry("F32", [2], 0, 8))"#) + "12345678",
      header(#""a":\#(entry("BF16", [1, 2], 2, 6)),"b":\#(entry("F16", [], 0, 2))"#) + "123456",
      header(#""c":\#(entry("I64", [1], 0, 8)),"d":\#(entry("BOOL", [0, 3], 8, 8))"#) + "12345678",
      #"{"metadata":{"total_size":8},"weight_map":{"a":"shard.safetensors"}}"#,
    ],
    words: [
      "dtype", "shape", "data_offsets", "__metadata__", "F64", "F8_E4M3", "U8", "weight_map",
      "shard.safetensors", "../", "18446744073709551615", "9223372036854775807",
      "4611686018427387905",
      "PK\u{1}\u{2}", "PK\u{5}\u{6}", "PK\u{6}\u{6}", "data.pkl", "archive/data/0", "byteorder",
      "ctorch._utils\n_rebuild_tensor_v2\n", "ctorch\nFloatStorage\n",
      "ccollections\nOrderedDict\n",
      "Q", "q\u{1}", "h\u{1}", "(", "t", "R", "}", "u", ".", "X",
    ], folders: ["Tests/Interop/References/torch_files"]
  ) { bytes, scratch in
    let names = [
      CheckpointFile.weights, CheckpointFile.pyTorchWeights,
      CheckpointFile.weights + CheckpointFile.indexSuffix,
    ]
    for name in names { try Folder.remove("\(scratch.path)/\(name)") }
    let isTorch = bytes.first == 0x80 || bytes.first == UInt8(ascii: "P")
    let isIndex = bytes.first == UInt8(ascii: "{")
    if isIndex {
      var shard = header(#""a":\#(entry("F32", [2], 0, 8))"#) + "12345678"
      try shard.withUTF8 {
        _ = try scratch.file("shard.safetensors", holding: UnsafeRawBufferPointer($0))
      }
    }
    _ = try scratch.file(names[isTorch ? 1 : isIndex ? 2 : 0], holding: bytes)
    for tensor in try WeightFiles(folder: scratch.path).tensors.values {
      guard tensor.type.isFloatingPoint, tensor.count <= max(8, bytes.count) else { continue }
      var floats = [Float](repeating: 0, count: tensor.count)
      try floats.withUnsafeMutableBufferPointer { try tensor.copy(0..<tensor.count, to: $0) }
    }
  }

  private static func entry(_ type: String, _ shape: [Int], _ begin: Int, _ end: Int) -> String {
    #"{"dtype":"\#(type)","shape":\#(shape),"data_offsets":[\#(begin),\#(end)]}"#
  }

  /// The beginning of a file of safetensors; its size is one byte of UTF-8.
  private static func header(_ members: String) -> String {
    let text = "{\(members)}"
    precondition(text.utf8.count < 128, "a seed is short")
    return String(UnicodeScalar(UInt8(text.utf8.count))) + String(repeating: "\0", count: 7) + text
  }

  /// `GPT2Configuration`: the `config.json` of a model.
  static let modelConfiguration = FuzzedParser(
    name: "model-configuration",
    seeds: [
      "{}",
      #"{"model_type": "gpt2", "n_embd": 64, "n_layer": 2, "n_head": 4, "n_positions": 128}"#,
      #"""
      {"architectures": ["GPT2LMHeadModel"], "vocab_size": 50257, "hidden_size": 1600, "n_inner": null,
      "activation_function": "gelu_new", "scale_attn_by_inverse_layer_idx": true, "embd_pdrop": 0.1,
      "layer_norm_epsilon": 1e-05, "eos_token_id": [0, 1], "tie_word_embeddings": false}
      """#,
    ],
    words: [
      "n_embd", "n_head", "n_layer", "n_positions", "n_ctx", "n_inner", "num_hidden_layers",
      "num_attention_heads", "max_position_embeddings", "vocab_size", "attn_pdrop", "resid_pdrop",
      "initializer_range", "bos_token_id", "pad_token_id", "torch_dtype", "model_type", "relu",
      "1e400", "-0", "9223372036854775807", "65536", "null", "true", "NaN", "Infinity",
    ]
  ) { bytes, scratch in
    let path = try scratch.file("config.json", holding: bytes)
    let configuration = try GPT2Configuration(path: path)
    expect(
      configuration.embeddingSize % configuration.heads == 0,
      "a head has a whole number of channels")
    expect(configuration.layers <= 1 << 16, "there are not more layers than can be counted")
  }
}
