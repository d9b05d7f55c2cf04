/// A range of tokens as the user enters it: `10..20`, `10..`, `..20` or `..`.
///
/// It begins at the first index and ends before the second; indices start at 0.
///
///     TokenRange("10..")?.resolved(count: 30)  // 10..<30
public struct TokenRange: Equatable, Sendable {
  /// The index of the first token; `nil` for the beginning.
  public let lowerBound: Int?
  /// The index after the last token; `nil` for the end.
  public let upperBound: Int?

  /// Reads `text`; `nil` if it is not a range, or ends before it begins.
  public init?(_ text: String) {
    guard let dots = text.firstRange(of: "..") else { return nil }
    func bound(_ text: Substring) -> Int?? {
      if text.isEmpty { return .some(nil) }
      guard text.utf8.allSatisfy({ UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }) else {
        return nil
      }
      return Int(text).map { .some($0) }
    }
    guard let lower = bound(text[..<dots.lowerBound]), let upper = bound(text[dots.upperBound...])
    else { return nil }
    if let lower, let upper, lower > upper { return nil }
    (lowerBound, upperBound) = (lower, upper)
  }

  /// The range within `count` tokens; `nil` if it exceeds them.
  public func resolved(count: Int) -> Range<Int>? {
    let (lower, upper) = (lowerBound ?? 0, upperBound ?? count)
    guard lower <= upper, upper <= count else { return nil }
    return lower..<upper
  }
}
