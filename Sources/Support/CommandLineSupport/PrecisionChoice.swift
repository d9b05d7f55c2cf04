/// The user's choice of the number format in which products are computed.
public enum PrecisionChoice: String, CaseIterable, ArgumentValue {
  case fp32, bf16, auto

  /// Whether products are computed in bfloat16 on this processor.
  ///
  /// - Parameters:
  ///   - isAvailable: Whether this processor multiplies bfloat16; if not, ``auto`` logs that.
  ///   - lack: Why bfloat16 is not available.
  /// - Returns: True for bfloat16, false for fp32.
  /// - Throws: ``UsageError`` if bfloat16 is required but not available.
  public func isBFloat16(isAvailable: Bool, lack: String) throws -> Bool {
    switch (self, isAvailable) {
    case (.fp32, _): return false
    case (.bf16, true), (.auto, true): return true
    case (.bf16, false):
      throw UsageError("--precision bf16: \(lack); --precision auto uses fp32 instead")
    case (.auto, false):
      Log.info("\(lack): using fp32")
      return false
    }
  }
}
