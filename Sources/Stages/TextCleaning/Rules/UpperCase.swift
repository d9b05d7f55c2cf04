/// Posts that are not in upper case, as bugurts are.
///
/// Off unless asked for.
public struct UpperCase: CleaningRule {
  public static let declaration = RuleDeclaration(
    "upper-case", isOn: false, "bugurts are in upper case; what is not is something else",
    settings: [
      .share("minimum", 0.9, "the share of upper case among the letters, at least")
    ]
  ) { UpperCase(minimum: $0.share("minimum")) }

  private let minimum: Double

  /// A rule that keeps posts with a share of `minimum` of upper case among their letters.
  public init(minimum: Double = 0.9) {
    self.minimum = minimum
  }

  public func apply(to draft: inout Draft) -> RuleOutcome {
    var (upper, lower) = (0, 0)
    for index in draft.lines.indices {
      draft.withLine(index) { line in
        var index = 0
        while index < line.count {
          let (value, length) = scalar(at: index, of: line)
          switch value {
          case 0x410...0x42F, 0x41...0x5A, 0x401: upper += 1
          case 0x430...0x44F, 0x61...0x7A, 0x451: lower += 1
          case 0..<0x80: break
          default:
            let properties = Unicode.Scalar(value)?.properties
            upper += properties?.isUppercase == true ? 1 : 0
            lower += properties?.isLowercase == true ? 1 : 0
          }
          index += length
        }
      }
    }
    return Double(upper) < minimum * Double(upper + lower) ? .dropped : .unchanged
  }
}
