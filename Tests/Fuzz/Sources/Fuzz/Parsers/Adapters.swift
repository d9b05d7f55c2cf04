import CheckpointFormat
import FileSupport

extension FuzzedParser {
  /// `AdapterConfiguration`, and the weights beside it: an input is the text of one, a NUL, and the
  /// bytes of a safetensors file or of torch.save.
  static let adapter = FuzzedParser(
    name: "adapter",
    seeds: [
      #"{"peft_type": "LORA"}"#,
      configuration(#""target_modules": ["c_attn", "mlp.c_proj"], "layers_to_transform": [0]"#),
      configuration(#""target_modules": ".*\\.h\\.[12]\\.(c_attn|c_fc)", "use_dora": true"#),
      configuration(
        #""target_modules": "all-linear", "exclude_modules": "h.0{1,2}.*", "use_rslora": true, "#
          + #""rank_pattern": {"h.1.*": 2}, "alpha_pattern": {"^(?:attn|mlp).c_proj": 0.5}"#),
      configuration(
        #""layers_to_transform": 1, "layers_pattern": ["h"], "init_lora_weights": "pissa", "#
          + #""modules_to_save": ["ln_f"], "bias": "lora_only", "lora_dropout": 0.05"#),
      configuration("") + "\0" + safetensors,
    ],
    words: [
      "peft_type", "LORA", "r", "lora_alpha", "lora_dropout", "target_modules", "exclude_modules",
      "rank_pattern", "alpha_pattern", "layers_to_transform", "layers_pattern", "modules_to_save",
      "init_lora_weights", "pissa_niter_4", "olora", "use_rslora", "use_dora", "bias", "all",
      "lora_only", "base_model_name_or_path", "all-linear", "c_attn", "c_proj", "(?:", "(?P<a>",
      "[^", "{1,3}", "{9999}", ".*", "\\\\d+", "|", "null", "true", "1e99", "NaN", "\0",
      "base_model.model.transformer.h.0.attn.c_attn.lora_A.weight", "dtype", "shape",
      "data_offsets",
    ]
  ) { bytes, scratch in
    let end = bytes.firstIndex(of: 0) ?? bytes.count
    let text = UnsafeRawBufferPointer(rebasing: bytes[..<end])
    let path = try scratch.file(CheckpointFile.adapterConfiguration, holding: text)
    do {
      let configuration = try AdapterConfiguration(path: path)
      let written = configuration.text
      var copy = written
      let again = try copy.withUTF8 {
        try AdapterConfiguration(
          path: scratch.file("again.json", holding: UnsafeRawBufferPointer($0)))
      }
      expect(again.text == written, "what is written reads back")
      for name in ["", "lm_head", "h.0.attn.c_attn", "transformer.h.11.mlp.c_proj"] {
        if let update = configuration.update(of: name) {
          expect(configuration.selects(name), "only selected modules have an update")
          expect(update.rank > 0 && update.scaling.isFinite, "an update has a rank and a factor")
        }
      }
      _ = try? AdapterFolder(in: scratch.path)?.baseModel()
    } catch is InputError where end < bytes.count {
      // The weights are read all the same.
    }
    guard end < bytes.count else { return }
    let rest = UnsafeRawBufferPointer(rebasing: bytes[(end + 1)...])
    let isTorch = rest.first == 0x80 || rest.first == UInt8(ascii: "P")
    let names = [CheckpointFile.adapterWeights, CheckpointFile.pyTorchAdapterWeights]
    try Folder.remove("\(scratch.path)/\(names[isTorch ? 0 : 1])")
    _ = try scratch.file(names[isTorch ? 1 : 0], holding: rest)
    for tensor in try WeightFiles(adapterFolder: scratch.path).tensors.values {
      guard tensor.type.isFloatingPoint, tensor.count <= bytes.count else { continue }
      var floats = [Float](repeating: 0, count: tensor.count)
      try floats.withUnsafeMutableBufferPointer { try tensor.copy(0..<tensor.count, to: $0) }
    }
  }

  private static func configuration(_ keys: String) -> String {
    #"{"peft_type": "LORA", "r": 4, "lora_alpha": 8"# + (keys.isEmpty ? "" : ", " + keys) + "}"
  }

  /// A file with one tensor of two numbers.
  private static let safetensors: String = {
    let name = "base_model.model.transformer.h.0.attn.c_attn.lora_A.weight"
    let header = #"{"\#(name)":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]}}"#
    let size = String(UnicodeScalar(UInt8(header.utf8.count)))
    return size + String(repeating: "\0", count: 7) + header + "\0\0\u{40}\u{3F}abc\0"
  }()
}
