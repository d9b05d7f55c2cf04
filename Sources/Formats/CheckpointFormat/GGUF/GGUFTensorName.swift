/// The names of GPT-2's tensors in GGUF files, and those of the same parameters in Hugging Face's.
public enum GGUFTensorName {
  private static let outer = [
    ("transformer.wte", "token_embd"), ("transformer.wpe", "position_embd"),
    ("transformer.ln_f", "output_norm"), ("lm_head", "output"),
  ]
  private static let inner = [
    ("ln_1", "attn_norm"), ("attn.c_attn", "attn_qkv"), ("attn.c_proj", "attn_output"),
    ("ln_2", "ffn_norm"), ("mlp.c_fc", "ffn_up"), ("mlp.c_proj", "ffn_down"),
  ]
  private static let (toGGUF, toParameter) = (
    Dictionary(uniqueKeysWithValues: outer + inner),
    Dictionary(uniqueKeysWithValues: (outer + inner).map { ($1, $0) })
  )
  private static let (parameterBlock, ggufBlock) = ("transformer.h.", "blk.")

  /// The name in a GGUF file of the parameter that Hugging Face calls `parameter`.
  public static func gguf(_ parameter: String) -> String? {
    renamed(parameter, toGGUF, from: parameterBlock, to: ggufBlock)
  }

  /// Hugging Face's name of the parameter that a GGUF file calls `name`.
  public static func parameter(_ name: String) -> String? {
    renamed(name, toParameter, from: ggufBlock, to: parameterBlock)
  }

  /// Whether the matrix that Hugging Face calls `parameter` is `[in, out]` there, while a GGUF file
  /// has `[out, in]`: the weights of its Conv1D.
  public static func isTransposed(_ parameter: String) -> Bool {
    parameter.hasPrefix(parameterBlock) && parameter.contains(".c_")
      && parameter.hasSuffix(".weight")
  }

  private static func renamed(
    _ name: String, _ parts: [String: String], from block: String, to newBlock: String
  ) -> String? {
    var part = name[...]
    var beginning = ""
    if part.hasPrefix(block) {
      part = part.dropFirst(block.count)
      let number = part.prefix { $0 != "." }
      // Only one spelling of each number.
      guard let index = Int(number), index >= 0, String(index) == number else { return nil }
      part = part.dropFirst(number.count + 1)
      beginning = newBlock + number + "."
    }
    guard part.hasSuffix(".weight") || part.hasSuffix(".bias"),
      let dot = part.lastIndex(of: "."), let renamed = parts[String(part[..<dot])],
      outer.contains(where: { $0.0 == part[..<dot] || $0.1 == part[..<dot] })
        == beginning.isEmpty
    else { return nil }
    return beginning + renamed + part[dot...]
  }
}
