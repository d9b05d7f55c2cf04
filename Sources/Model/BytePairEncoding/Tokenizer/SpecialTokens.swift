/// What the names of special tokens in a text are taken for.
///
/// It concerns the added tokens that are special. Those that are not, such as a `<nl>` of
/// `added_tokens.json`, are part of the text's alphabet and found in it either way, as by
/// Hugging Face's `tokenizers` with its `encode_special_tokens` on and off.
public enum SpecialTokens: String, CaseIterable, Sendable {
  /// Ordinary text: a typed `</s>` ends nothing. In transformers `split_special_tokens=True`.
  case asText
  /// The tokens they name, as `AutoTokenizer` has it by default.
  case recognized
}
