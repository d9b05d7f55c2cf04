import CPCRE2

/// A regular expression for the whole name of a module, in the syntax of Python's `re` as PCRE2
/// reads it.
///
/// Adapters come from strangers, and with some expressions backtracking would never finish. A match
/// that takes too many steps or too much memory is given up, and then the expression does not match.
public struct ModulePattern: Sendable {
  /// The text of the expression.
  public let source: String
  private let expression: CompiledExpression

  /// What is wrong with an expression.
  struct Problem: Error, CustomStringConvertible {
    let description: String
  }

  /// Compiles `source`.
  ///
  /// - Throws: ``Problem``.
  init(_ source: String) throws(Problem) {
    self.source = source
    expression = try CompiledExpression(source)
  }

  /// The pattern of a key of `rank_pattern` or `alpha_pattern`: a whole name, or all of it after a
  /// full stop.
  init(key: String) throws(Problem) {
    source = key
    // `a)(b` is an expression only inside of the parentheses.
    _ = try CompiledExpression(key)
    expression = try CompiledExpression(#"(.*\.)?("# + key + ")")
  }

  /// Whether the expression matches all of `name`.
  public func matches(_ name: String) -> Bool { expression.matches(name) }
}

extension ModulePattern: Equatable {
  public static func == (a: ModulePattern, b: ModulePattern) -> Bool { a.source == b.source }
}

/// An expression as PCRE2 compiles it.
///
/// Unchecked `Sendable`, because pointers are not `Sendable`: a match only reads the compiled
/// expression, and has memory of its own for everything else.
private final class CompiledExpression: @unchecked Sendable {
  private let code: OpaquePointer

  /// The number of bytes, far more than any name of a module needs.
  private static let maximumLength = 10_000
  /// How often a match may try an alternative.
  ///
  /// Expressions in use need less than 1,000 attempts; the worst of 500,000 generated from pieces that
  /// backtrack took 0.2 s.
  private static let maximumSteps: UInt32 = 100_000
  /// The memory for what a match may go back to, in KiB.
  ///
  /// It also limits how deep a match may recurse, and with 16 times as much, recursions took 0.9 s.
  private static let maximumMemory: UInt32 = 1 << 10

  init(_ source: String) throws(ModulePattern.Problem) {
    guard source.utf8.count <= Self.maximumLength else {
      throw ModulePattern.Problem(description: "the expression is too long")
    }
    // For Python this is a repetition, for PCRE2 before 10.43 it is text.
    guard !source.contains("{,") else {
      throw ModulePattern.Problem(description: "'{,' is not supported; write '{0,'")
    }
    // Python's classes are those of Unicode, too; it has no `\C`, which would split characters.
    let options =
      PCRE2_ANCHORED | PCRE2_ENDANCHORED | PCRE2_UTF | PCRE2_UCP | PCRE2_NEVER_BACKSLASH_C
    var (error, offset): (Int32, Int) = (0, 0)
    guard let code = pcre2_compile_8(source, source.utf8.count, options, &error, &offset, nil)
    else {
      var message = [UInt8](repeating: 0, count: 256)
      let length = pcre2_get_error_message_8(error, &message, message.count)
      let text = String(decoding: message.prefix(max(0, Int(length))), as: UTF8.self)
      let before = String(decoding: source.utf8.prefix(offset), as: UTF8.self)
      throw ModulePattern.Problem(
        description: "\(text) at position \(before.unicodeScalars.count)")
    }
    self.code = code
  }

  deinit { pcre2_code_free_8(code) }

  func matches(_ name: String) -> Bool {
    let (limits, groups) = (pcre2_match_context_create_8(nil), pcre2_match_data_create_8(1, nil))
    defer {
      pcre2_match_context_free_8(limits)
      pcre2_match_data_free_8(groups)
    }
    guard let limits, let groups else { return false }
    pcre2_set_match_limit_8(limits, Self.maximumSteps)
    pcre2_set_heap_limit_8(limits, Self.maximumMemory)
    return pcre2_match_8(code, name, name.utf8.count, 0, 0, groups, limits) >= 0
  }
}
