/// Reads a regular expression in the syntax of Python's `re`, as far as names of modules need it.
struct PatternParser {
  typealias Problem = ModulePattern.Problem

  private let scalars: [Unicode.Scalar]
  private var position = 0
  private var depth = 0

  private static let maximumDepth = 100
  private static let maximumLength = 10_000
  private static let digits = ScalarSet(ranges: ["0"..."9"])
  private static let words = ScalarSet(ranges: ["0"..."9", "A"..."Z", "_"..."_", "a"..."z"])
  private static let spaces = ScalarSet(ranges: ["\t"..."\r", " "..." "])

  init(_ source: String) {
    scalars = Array(source.unicodeScalars)
  }

  /// Reads all of the expression.
  mutating func parse() throws(Problem) -> PatternNode {
    guard scalars.count <= Self.maximumLength else {
      throw Problem(description: "the expression is too long")
    }
    let node = try choice()
    guard position == scalars.count else { throw problem("a ')' without its '('") }
    return node
  }

  private var next: Unicode.Scalar? { position < scalars.count ? scalars[position] : nil }

  /// Moves past `scalar` if it comes next.
  private mutating func skip(_ scalar: Unicode.Scalar) -> Bool {
    guard next == scalar else { return false }
    position += 1
    return true
  }

  private func problem(_ text: String) -> Problem {
    Problem(description: "\(text) at character \(position + 1)")
  }

  private mutating func choice() throws(Problem) -> PatternNode {
    var nodes = [try sequence()]
    while skip("|") { nodes.append(try sequence()) }
    return nodes.count == 1 ? nodes[0] : .choice(nodes)
  }

  private mutating func sequence() throws(Problem) -> PatternNode {
    var nodes: [PatternNode] = []
    while let scalar = next, scalar != "|", scalar != ")" {
      var node = try atom()
      var isRepeated = false
      while let (minimum, maximum) = try quantifier() {
        guard !isRepeated else { throw problem("two repetitions in a row") }
        isRepeated = true
        node = .repetition(node, minimum: minimum, maximum: maximum)
        // A lazy repetition matches the same names.
        _ = skip("?")
      }
      nodes.append(node)
    }
    return .sequence(nodes)
  }

  /// The bounds of a repetition, if one comes next.
  private mutating func quantifier() throws(Problem) -> (Int, Int?)? {
    if skip("*") { return (0, nil) }
    if skip("+") { return (1, nil) }
    if skip("?") { return (0, 1) }
    // As in Python, a brace that begins no repetition stands for itself.
    let start = position
    guard skip("{") else { return nil }
    let minimum = number()
    var maximum = minimum
    let hasComma = skip(",")
    if hasComma { maximum = number() }
    guard minimum != nil || hasComma, skip("}") else {
      position = start
      return nil
    }
    guard (minimum ?? 0) <= (maximum ?? .max) else {
      throw problem("a repetition whose bounds are in the wrong order")
    }
    return (minimum ?? 0, maximum)
  }

  /// The number that comes next; one that is too large for any name ends up too large.
  private mutating func number() -> Int? {
    var number: Int?
    while let scalar = next, Self.digits.contains(scalar) {
      number = min(1_000_000, (number ?? 0) * 10 + Int(scalar.value - 0x30))
      position += 1
    }
    return number
  }

  private mutating func atom() throws(Problem) -> PatternNode {
    guard let scalar = next else { throw problem("the end") }
    position += 1
    switch scalar {
    case ".": return .set(ScalarSet(ranges: ["\n"..."\n"], isNegated: true))
    case "^": return .start
    case "$": return .end
    case "(": return try group()
    case "[": return .set(try characterClass())
    case "\\": return .set(try escape())
    case "*", "+", "?":
      position -= 1
      throw problem("nothing to repeat")
    default: return .set(ScalarSet(ranges: [scalar...scalar]))
    }
  }

  private mutating func group() throws(Problem) -> PatternNode {
    if skip("?") {
      if skip("P") {
        guard skip("<") else { throw problem("a reference to a group, which is not supported,") }
        while let scalar = next, scalar != ">" {
          guard Self.words.contains(scalar) else { throw problem("a bad name of a group") }
          position += 1
        }
        guard skip(">") else { throw problem("a name of a group without its '>'") }
      } else if !skip(":") {
        throw problem("a lookaround or flag '(?…', which is not supported,")
      }
    }
    depth += 1
    guard depth <= Self.maximumDepth else { throw problem("groups nest too deeply") }
    let node = try choice()
    depth -= 1
    guard skip(")") else { throw problem("a '(' without its ')'") }
    return node
  }

  /// The set that a backslash and the next character stand for.
  private mutating func escape() throws(Problem) -> ScalarSet {
    guard let scalar = next else { throw problem("a backslash") }
    position += 1
    switch scalar {
    case "d": return Self.digits
    case "D": return ScalarSet(ranges: Self.digits.ranges, isNegated: true)
    case "w": return Self.words
    case "W": return ScalarSet(ranges: Self.words.ranges, isNegated: true)
    case "s": return Self.spaces
    case "S": return ScalarSet(ranges: Self.spaces.ranges, isNegated: true)
    case "0"..."9", "A"..."Z", "a"..."z":
      position -= 1
      throw problem("the escape '\\\(scalar)', which is not supported,")
    default: return ScalarSet(ranges: [scalar...scalar])
    }
  }

  private mutating func characterClass() throws(Problem) -> ScalarSet {
    var set = ScalarSet(ranges: [], isNegated: skip("^"))
    var isFirst = true
    while let scalar = next, scalar != "]" || isFirst {
      isFirst = false
      position += 1
      guard scalar != "\\" else {
        let escaped = try escape()
        guard !escaped.isNegated else { throw problem("a negated escape in a class") }
        set.ranges += escaped.ranges
        continue
      }
      guard next == "-", position + 1 < scalars.count, scalars[position + 1] != "]" else {
        set.ranges.append(scalar...scalar)
        continue
      }
      let last = scalars[position + 1]
      position += 2
      guard last != "\\", scalar <= last else { throw problem("a bad range of characters") }
      set.ranges.append(scalar...last)
    }
    guard skip("]") else { throw problem("a '[' without its ']'") }
    return set
  }
}
