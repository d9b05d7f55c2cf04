/// The parts that a corpus is divided into.
public enum TokenSplit: String, CaseIterable, Sendable {
  /// What a model learns from.
  case train
  /// What it is measured on.
  case validation

  /// The name of the shard `index` of the split, such as `train-00000.bin`.
  public func shardName(_ index: Int) -> String {
    let digits = String(index)
    return "\(rawValue)-" + String(repeating: "0", count: max(0, 5 - digits.count)) + digits
      + ".bin"
  }
}
