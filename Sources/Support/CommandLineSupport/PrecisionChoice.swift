/// What a user says of the numbers that products are computed with.
public enum PrecisionChoice: String, CaseIterable, ArgumentValue {
  case fp32, bf16, auto

  /// What it is on this processor.
  ///
  /// - Parameters:
  ///   - isAvailable: Whether bfloat16 is multiplied here; if it is not, ``auto`` says so.
  ///   - lack: Why it would not be.
  /// - Returns: whether it is bfloat16.
  /// - Throws: ``UsageError`` if it is asked for and not there.
  public func isBFloat16(isAvailable: Bool, lack: String) throws -> Bool {
    switch (self, isAvailable) {
    case (.fp32, _): return false
    case (.bf16, true), (.auto, true): return true
    case (.bf16, false):
      throw UsageError("--precision bf16: \(lack); --precision auto takes fp32 then")
    case (.auto, false):
      Log.info("\(lack): fp32")
      return false
    }
  }
}
