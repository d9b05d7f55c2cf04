/// Recognises a file of the pipeline where a different one is expected.
package enum PipelineFile {
  /// What a file whose text begins with `bytes` is instead of cleaned text, and the remedy; `nil`
  /// if it may be cleaned text.
  static func problem(ofText bytes: some Collection<UInt8>) -> String? {
    let text = String(decoding: bytes, as: UTF8.self)
    if text.prefixMatch(of: /\s*\{\s*"id"\s*:\s*\d+\s*,\s*"date"\s*:\s*"/) != nil {
      return "these are posts as tg-dump writes them, expected cleaned text; run bugurt-clean first"
    }
    if isExport(text) {
      return "this is an export of Telegram Desktop, expected cleaned text; run tg-dump and "
        + "bugurt-clean first"
    }
    return nil
  }

  private static func isExport(_ text: String) -> Bool {
    text.prefixMatch(of: /\s*\{\s*"(name|about)"\s*:\s*"/) != nil
      && (text.contains("\"type\"") || text.contains("\"personal_information\""))
  }

  /// What the file `path` seems to be, judging by its first line, which is not a post, and the
  /// remedy: a text to append to the problem, empty if nothing is known.
  package static func remedy(
    forFirstLine line: some Collection<UInt8>, in path: String
  ) -> String {
    let text = line.drop { $0 <= 0x20 }.prefix(ForeignContent.length)
    if isExport(String(decoding: text, as: UTF8.self)) {
      return "; this is an export of Telegram Desktop: run tg-dump first"
    }
    guard let first = text.first else { return "" }
    if first == UInt8(ascii: "{") || first == UInt8(ascii: "[") {
      // Pretty-printed JSON has line breaks after brackets.
      let isOpen = text.dropFirst().allSatisfy { $0 <= 0x20 }
      return isOpen
        ? "; this looks like JSON of several lines: run tg-dump first if it is an export of "
          + "Telegram Desktop (result.json)" : ""
    }
    let guess = TextEncoding.remedy(for: text, in: path)
    return guess.isEmpty
      ? "; if this is already text, skip bugurt-clean: bpe-encode takes it as it is, one post per line"
      : guess
  }
}
