/// What a user says of the numbers that products are computed with.
public enum PrecisionChoice: String, CaseIterable, ArgumentValue {
  case fp32, bf16, auto

  /// What it is on this processor.
  ///
  /// - Parameter isAvailable: Whether the processor multiplies bfloat16; if it does not, ``auto``
  ///   says so.
  /// - Returns: whether it is bfloat16.
  /// - Throws: ``UsageError`` if the processor does not have what is asked for.
  public func isBFloat16(isAvailable: Bool) throws -> Bool {
    switch (self, isAvailable) {
    case (.fp32, _): return false
    case (.bf16, true), (.auto, true): return true
    case (.bf16, false):
      throw UsageError(
        "--precision bf16: this processor has no products of bfloat16 (AVX-512 BF16 or AMX); "
          + "--precision auto takes fp32 then")
    case (.auto, false):
      Log.info("this processor has no products of bfloat16: fp32")
      return false
    }
  }
}
