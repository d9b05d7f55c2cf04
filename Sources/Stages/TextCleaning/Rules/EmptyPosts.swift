/// Posts without text: pictures without a caption, and what is empty after the rules before.
///
/// A post of nothing but `@`, white space and characters that take no room is empty, too.
public struct EmptyPosts: CleaningRule {
  public static let declaration = RuleDeclaration(
    "empty", "posts without text have nothing to learn from"
  ) { _ in Self() }

  /// The rule.
  public init() {}

  public func apply(to draft: inout Draft) -> RuleOutcome {
    let isEmpty = draft.lines.allSatisfy { line in
      draft.bytes.withUnsafeBytes { bytes in
        Self.isEmpty(UnsafeRawBufferPointer(rebasing: bytes[line.range]))
      }
    }
    return isEmpty ? .dropped : .unchanged
  }

  private static func isEmpty(_ line: UnsafeRawBufferPointer) -> Bool {
    var rest = line
    while let index = offsetOfVisible(in: rest) {
      guard rest[index] == UInt8(ascii: "@") else { return false }
      rest = UnsafeRawBufferPointer(rebasing: rest[(index + 1)...])
    }
    return true
  }
}
