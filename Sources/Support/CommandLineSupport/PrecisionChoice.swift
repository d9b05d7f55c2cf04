/// The user's choice of the arithmetic of matrix products.
public enum PrecisionChoice: String, CaseIterable, ArgumentValue {
  case fp32, bf16, auto

  /// Whether products are computed in bfloat16 on this processor.
  ///
  /// - Parameters:
  ///   - isAvailable: Whether this processor multiplies bfloat16; if not, ``auto`` logs it.
  ///   - lack: The reason why it does not.
  /// - Returns: True for bfloat16, false for fp32.
  /// - Throws: ``UsageError`` if bfloat16 is required but not available.
  public func isBFloat16(isAvailable: Bool, lack: String) throws -> Bool {
    switch (self, isAvailable) {
    case (.fp32, _): return false
    case (.bf16, true), (.auto, true): return true
    case (.bf16, false):
      throw UsageError("--precision bf16: \(lack); --precision auto uses fp32 instead")
    case (.auto, false):
      Log.info("\(lack): fp32")
      return false
    }
  }
}
