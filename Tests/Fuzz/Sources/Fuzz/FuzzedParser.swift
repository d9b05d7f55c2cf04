/// A parser, and what libFuzzer starts from.
struct FuzzedParser: Sendable {
  /// Its name on the command line.
  let name: String
  /// Whole inputs, small and of all kinds.
  let seeds: [String]
  /// More of them, which are not text.
  var binarySeeds: [[UInt8]] = []
  /// Words that inputs are made of, such as the keys of an object.
  let words: [String]
  /// Folders with more inputs.
  var folders: [String] = []
  /// Reads `bytes`, and checks what it promises of the result.
  ///
  /// - Throws: `InputError` if `bytes` are refused; any other error is a fault.
  let parse: @Sendable (_ bytes: UnsafeRawBufferPointer, _ scratch: Scratch) throws -> Void

  /// All parsers.
  static let all: [FuzzedParser] = [
    adapter, cleanedText, desktopJSON, desktopHTML, gguf, liveConfiguration, modelConfiguration,
    postLines, previewPage, rules, shards, tdlibMessage, tensors, tokenizer, zones,
  ]
}

/// Checks a promise of a parser.
func expect(_ condition: Bool, _ promise: @autoclosure () -> String) {
  precondition(condition, "broken promise: \(promise())")
}
