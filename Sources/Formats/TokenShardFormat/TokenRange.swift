/// Tokens from one to another, as typed: `10..20`, `10..`, `..20` or `..`.
///
/// The first is counted from 0; the second does not belong to the range.
///
///     TokenRange("10..")?.resolved(count: 30)  // 10..<30
public struct TokenRange: Equatable, Sendable {
  /// The first token; `nil` for the first there is.
  public let lowerBound: Int?
  /// The token behind the last; `nil` for the end.
  public let upperBound: Int?

  /// Reads `text`; `nil` if it is no range, or one whose end is before its beginning.
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

  /// The range among `count` tokens; `nil` if it leads out of them.
  public func resolved(count: Int) -> Range<Int>? {
    let (lower, upper) = (lowerBound ?? 0, upperBound ?? count)
    guard lower <= upper, upper <= count else { return nil }
    return lower..<upper
  }
}
