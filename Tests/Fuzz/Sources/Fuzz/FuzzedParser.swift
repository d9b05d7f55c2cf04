/// A parser, and what libFuzzer starts from.
struct FuzzedParser: Sendable {
  /// Its name on the command line.
  let name: String
  /// Whole inputs, small and of all kinds.
  let seeds: [String]
  /// Words that inputs are made of, such as the keys of an object.
  let words: [String]
  /// Reads `bytes`, and checks what it promises of the result.
  ///
  /// - Throws: `InputError` if `bytes` are refused; any other error is a fault.
  let parse: @Sendable (_ bytes: UnsafeRawBufferPointer, _ scratch: Scratch) throws -> Void

  /// All parsers.
  static let all: [FuzzedParser] = [
    adapter, desktopJSON, desktopHTML, gguf, liveConfiguration, postLines, tdlibMessage, zones,
  ]
}

/// Checks a promise of a parser.
func expect(_ condition: Bool, _ promise: @autoclosure () -> String) {
  precondition(condition, "broken promise: \(promise())")
}
