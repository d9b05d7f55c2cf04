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
      ("a{2}b{,2}c{1,}", ["aac", "aabbccc"], ["ac", "aabbb", "aabbbc"]),
      ("[^.]*?", ["abc", ""], ["a.b"]),
      ("a{x}", ["a{x}"], ["a"]),
      (#"[\w.]+\.(1[0-9]|2)\.x"#, ["a.10.x", "a_b.c.2.x"], ["a.3.x", ".2.x!"]),
      ("[]a]+", ["]a"], ["b"]),
      ("(a*)*b", ["b", "aaab"], ["aaa"]),
    ])
  func matching(expression: String, names: [String], others: [String]) throws {
    for name in names { #expect(try matches(expression, name), "\(name)") }
    for name in others { #expect(try !matches(expression, name), "\(name)") }
  }

  @Test("takes no longer for an expression that backtracking never finishes")
  func linearTime() throws {
    let name = String(repeating: "a", count: 1000)
    #expect(try !matches("(a*)*(a|a|aa)+(a?){50}b", name))
  }

  @Test(
    "refuses what it cannot match, and what is too large",
    arguments: [
      "(a", "a)*", "[a", "*a", "a**", "a\\", "(?=a)", "(?!a)b", "(?i)a", #"(a)\1"#, #"\bx"#,
      "(?P=n)", "[z-a]", "a{3,2}", "(x{9000}){9000}", "(()*){9999}{2}", "((){99999}){99999}*",
      String(repeating: "(", count: 5000), String(repeating: "*", count: 20_000),
    ])
  func refusals(expression: String) {
    #expect(throws: (any Error).self) { try AdapterConfiguration.Modules(text: expression) }
  }
}
