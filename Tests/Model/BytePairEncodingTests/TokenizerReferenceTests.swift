import BytePairEncoding
import FileSupport
import Foundation
import JSONSupport
import Testing

/// Where the folders of `Tests/Interop/References/tokenizer_reference.py` are: those that are committed, or
/// what `make interop` has just made.
private let referenceFolder =
  ProcessInfo.processInfo.environment["TOKENIZER_REFERENCE"]
  ?? URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Reference").path

private let variants: [String] =
  (try? FileManager.default.contentsOfDirectory(atPath: referenceFolder).sorted()) ?? []

/// Folders of tokenizers of all shapes, with the ids that transformers and tokenizers give.
@Suite struct TokenizerReferenceTests {
  struct Expected {
    let texts: [String]
    let ids: [[UInt32]]
    let specialTokens: SpecialTokens

    init(_ file: JSONValue, _ specialTokens: SpecialTokens) throws {
      self.specialTokens = specialTokens
      texts = try #require(file["texts"]?.elements).compactMap(\.string)
      let key = specialTokens == .asText ? "as_text" : "recognized"
      ids = try #require(file[key]?.elements).map { list in
        try #require(list.elements).compactMap { $0.integer.map(UInt32.init) }
      }
    }
  }

  @Test("there are folders to compare with")
  func folders() {
    #expect(variants.count >= 20)
  }

  @Test("gives the same ids", arguments: variants, SpecialTokens.allCases)
  func sameIDs(variant: String, specialTokens: SpecialTokens) throws {
    let folder = "\(referenceFolder)/\(variant)"
    let tokenizer = try Tokenizer(folder: folder)
    let expected = try Expected(JSONValue(path: folder + "/expected.json"), specialTokens)
    #expect(expected.texts.count == expected.ids.count && expected.texts.count >= 60)
    var encoder = Encoder(tokenizer, specialTokens: specialTokens)
    for (text, ids) in zip(expected.texts, expected.ids) {
      let found = try encoder.encode(text)
      if found != ids { Issue.record(Self.difference(text, found, ids)) }
    }
  }

  @Test("gives the bytes back, with the space it put before them", arguments: variants)
  func sameBytes(variant: String) throws {
    let folder = "\(referenceFolder)/\(variant)"
    let tokenizer = try Tokenizer(folder: folder)
    let expected = try Expected(JSONValue(path: folder + "/expected.json"), .asText)
    // An added token may take white space with it, or stand where a space was put.
    if tokenizer.addedTokens.contains(where: { !$0.isSpecial }) { return }
    for (text, ids) in zip(expected.texts, expected.ids) {
      let space = tokenizer.addsPrefixSpace && !text.isEmpty && text.utf8.first != 0x20
      let bytes = Array(((space ? " " : "") + text).utf8)
      #expect(tokenizer.decode(ids) == bytes, "\(text.prefix(80))")
    }
  }

  static func difference(_ text: String, _ ours: [UInt32], _ theirs: [UInt32]) -> Comment {
    let index = zip(ours, theirs).enumerated().first { $1.0 != $1.1 }?.offset
    let place = index ?? min(ours.count, theirs.count)
    return """
      \(text.unicodeScalars.prefix(80).map { $0.escaped(asASCII: true) }.joined()), id \(place): \
      \(ours.dropFirst(place).prefix(8)), expected \(theirs.dropFirst(place).prefix(8))
      """
  }
}
