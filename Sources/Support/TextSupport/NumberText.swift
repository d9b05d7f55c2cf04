/// Human-readable numbers, formatted the same in every message, table and report.
public enum NumberText {
  /// `1.5 MB`, in powers of ten.
  public static func bytes(_ count: Double) -> String {
    var (value, names) = (count, ["B", "kB", "MB", "GB", "TB"][...])
    while value >= 999.5, names.count > 1 {
      value /= 1000
      names.removeFirst()
    }
    let digits = names.first == "B" || value >= 99.95 ? 0 : 1
    return "\(decimal(value, digits: digits)) \(names[names.startIndex])"
  }

  /// `12,345`, or `2.5` for a small number that is not whole.
  public static func count(_ count: Double) -> String {
    guard count.magnitude < 1e15 else { return "\(count)" }
    if count.magnitude < 10, count != count.rounded() { return decimal(count, digits: 1) }
    var digits = String(Int(count.magnitude.rounded()))
    var index = digits.count - 3
    while index > 0 {
      digits.insert(",", at: digits.index(digits.startIndex, offsetBy: index))
      index -= 3
    }
    return (count < 0 ? "-" : "") + digits
  }

  /// `3 h 05 min`, `2 min 10 s` or `12 s`.
  public static func duration(_ seconds: Double) -> String {
    guard seconds.isFinite, seconds < 1e9 else { return "unknown time" }
    let whole = Int(seconds.rounded())
    func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
    if whole >= 3600 { return "\(whole / 3600) h \(two(whole % 3600 / 60)) min" }
    if whole >= 60 { return "\(whole / 60) min \(two(whole % 60)) s" }
    return "\(whole) s"
  }

  /// `value` with `digits` digits after the decimal point.
  public static func decimal(_ value: Double, digits: Int) -> String {
    guard value.isFinite else { return "\(value)" }
    var scale = 1.0
    for _ in 0..<digits { scale *= 10 }
    let scaled = (value.magnitude * scale).rounded()
    guard scaled < 1e15 else { return "\(value)" }
    let whole = Int(scaled) / Int(scale)
    let sign = value < 0 && scaled > 0 ? "-" : ""
    guard digits > 0 else { return "\(sign)\(whole)" }
    let fraction = String(Int(scaled) % Int(scale))
    return "\(sign)\(whole)." + String(repeating: "0", count: digits - fraction.count) + fraction
  }

  /// `2` or `1.5`, with as few digits as identify the number.
  public static func shortest(_ value: Double) -> String {
    value == value.rounded() && value.magnitude < 1e15 ? "\(Int(value))" : "\(value)"
  }

  /// `12,345`.
  public static func count(_ count: Int) -> String { self.count(Double(count)) }

  /// `12.5 %`: `count` as a percentage of `total`; `0.0 %` if `total` is 0.
  public static func percent(_ count: Int, of total: Int) -> String {
    percent(total > 0 ? Double(count) / Double(total) : 0)
  }

  /// `12.5 %` for the fraction 0.125.
  public static func percent(_ fraction: Double) -> String {
    decimal(fraction * 100, digits: 1) + " %"
  }

  /// `0012abcd`, with leading zeros up to the width of the type.
  public static func hexadecimal(_ value: some FixedWidthInteger & UnsignedInteger) -> String {
    let digits = String(value, radix: 16)
    return String(repeating: "0", count: value.bitWidth / 4 - digits.count) + digits
  }
}
