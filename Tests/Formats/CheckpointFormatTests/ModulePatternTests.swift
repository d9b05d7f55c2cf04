import CheckpointFormat
import FileSupport
import TestSupport
import Testing

@Suite("ModulePattern")
struct ModulePatternTests {
  private func matches(_ expression: String, _ name: String) throws -> Bool {
    guard case .expression(let pattern) = try AdapterConfiguration.Modules(text: expression) else {
      Issue.record("'\(expression)' is not read as an expression")
      return false
    }
    return pattern.matches(name)
  }

  @Test(
    "matches whole names as re.fullmatch does",
    arguments: [
      (".*c_attn", ["h.0.attn.c_attn", "c_attn"], ["h.0.attn.c_attn2", "c_att"]),
      (#"h\.\d+\.mlp"#, ["h.0.mlp", "h.11.mlp"], ["h..mlp", "hx0.mlp", "h.a.mlp"]),
      ("^(a|bc|)d$", ["ad", "bcd", "d"], ["abd", "bd", ""]),
      ("(?:ab)+c?", ["ab", "abab", "ababc"], ["", "aba", "abcc"]),
      ("(?P<block>[0-9_x-]{2,3})", ["12", "_x-"], ["1", "1234", "ab"]),
      ("a{2}b{0,2}c{1,}", ["aac", "aabbccc"], ["ac", "aabbb", "aabbbc"]),
      ("[^.]*?", ["abc", ""], ["a.b"]),
      ("a{x}", ["a{x}"], ["a"]),
      (#"[\w.]+\.(1[0-9]|2)\.x"#, ["a.10.x", "a_b.c.2.x"], ["a.3.x", ".2.x!"]),
      ("[]a]+", ["]a"], ["b"]),
      ("(a*)*b", ["b", "aaab"], ["aaa"]),
      (#"(?!.*attn)h\.\d+\..+(?<!fc)"#, ["h.1.mlp.c_proj"], ["h.1.attn.c_proj", "h.1.mlp.c_fc"]),
      (#"(\w)\1(?i)x"#, ["aaX", "ююx"], ["abx"]),
      ("a|ab", ["a", "ab"], ["b", "ab\n"]),
      ("()", [""], ["a"]),
    ])
  func matching(expression: String, names: [String], others: [String]) throws {
    for name in names { #expect(try matches(expression, name), "\(name)") }
    for name in others { #expect(try !matches(expression, name), "\(name)") }
  }

  @Test("gives up an expression that would backtrack almost forever", arguments: [18, 1000])
  func steps(length: Int) throws {
    // The second alternative matches; the first fails only after 2^length attempts.
    let name = String(repeating: "a", count: length) + "b"
    #expect(try !matches("(a+)+c|a+b", name))
    #expect(try matches("a+c|a+b", name))
  }

  @Test("gives up an expression that would take much memory")
  func memory() throws {
    #expect(try matches("(a|b)*", String(repeating: "a", count: 200)))
    #expect(try !matches("(a|b)*", String(repeating: "a", count: 20_000)))
  }

  @Test("says where an expression is wrong", arguments: ["(a", "é(", "a**", #"\C"#, "[a"])
  func positions(expression: String) {
    let error = #expect(throws: (any Error).self) {
      try AdapterConfiguration.Modules(text: expression)
    }
    let text = error.map { "\($0)" } ?? ""
    #expect(text.hasSuffix(" at position 2"), "\(text)")
  }

  @Test(
    "refuses what is not an expression, and what is too large",
    arguments: [
      "a)*", "*a", "a\\", #"(a)\2"#, "(?P=n)", "[z-a]", "a{3,2}", "a{,2}", "(x{9000}){9000}",
      String(repeating: "(", count: 5000), String(repeating: "[a]", count: 5000),
    ])
  func refusals(expression: String) {
    #expect(throws: (any Error).self) { try AdapterConfiguration.Modules(text: expression) }
  }
}
