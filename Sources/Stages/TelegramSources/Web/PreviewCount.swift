/// A number as the web preview shows it: exact below a thousand, else with three digits and a letter.
enum PreviewCount {
  /// The number that `text` such as `879`, `4.85K` or `3.42M` stands for; `nil` if it is none.
  static func number(_ text: String) -> Int? {
    var digits = text.trimmed[...]
    let power: Int
    switch digits.last {
    case "K", "k": power = 3
    case "M", "m": power = 6
    case "B", "b": power = 9
    default: power = 0
    }
    if power > 0 { digits.removeLast() }
    let parts = digits.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
    let fraction = parts.count > 1 ? parts[1] : ""
    guard fraction.count <= power, let whole = parts.first, !whole.isEmpty else { return nil }
    let all = whole + fraction + String(repeating: "0", count: power - fraction.count)
    guard all.utf8.allSatisfy({ 0x30...0x39 ~= $0 }) else { return nil }
    return Int(all)
  }
}
