import GPT2

/// The memory of texts that are written at the same time.
public enum BatchMemory {
  /// Bytes for one text of up to `length` tokens: keys and values of each layer, and logits.
  public static func byteCount(_ configuration: GPT2Configuration, length: Int) -> Int {
    let positions = (length + 15) / 16 * 16
    let cache = 2 * configuration.layers * configuration.embeddingSize * positions
    // The logits, those that the choice works on, and their order.
    return 4 * (cache + 4 * configuration.vocabularySize)
  }

  /// How many texts, of `wanted`, half of `available` bytes have room for; at least one.
  public static func batchSize(
    wanted: Int, _ configuration: GPT2Configuration, length: Int, available: Int?
  ) -> Int {
    guard let available else { return wanted }
    return max(1, min(wanted, available / 2 / byteCount(configuration, length: length)))
  }
}
