import BytePairEncoding
import Foundation
import TestSupport
import TextSupport

/// Writes and reads small tokenizers.
enum TokenizerFixture {
  /// The characters of the bytes in the order of their ids.
  static let symbols: [String] = {
    let printable = Array(33...126) + Array(161...172) + Array(174...255)
    return (printable + Array(256..<324)).compactMap { Unicode.Scalar($0).map { String($0) } }
  }()

  /// The character of each byte.
  private static let symbolOfByte: [UInt8: String] = {
    let printable = Array(33...126) + Array(161...172) + Array(174...255)
    let others = (0...255).filter { !printable.contains($0) }
    return Dictionary(
      uniqueKeysWithValues: zip((printable + others).map { UInt8($0) }, symbols))
  }()

  /// The character that stands for `byte`.
  static func symbol(of byte: UInt8) -> String { symbolOfByte[byte] ?? "" }

  /// `{"a":0,…}` of `tokens`.
  static func vocabularyJSON(_ tokens: [String]) throws -> String {
    let pairs = tokens.enumerated().map { id, token in
      let quoted = token.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")
      return "\"\(quoted)\":\(id)"
    }
    return "{" + pairs.joined(separator: ",") + "}"
  }

  /// Writes `vocab.json` and `merges.txt`: the special tokens, the bytes, what the merges make.
  static func write(
    merges: [String], special: [String] = [], to folder: TemporaryFolder
  ) throws {
    var tokens = special + symbols
    for merge in merges {
      let made = merge.replacing(" ", with: "")
      if !tokens.contains(made) { tokens.append(made) }
    }
    try folder.write(try vocabularyJSON(tokens), to: "vocab.json")
    try folder.write(
      (["#version: 0.2"] + merges).map { $0 + "\n" }.joined(), to: "merges.txt")
  }

  static func tokenizer(merges: [String], special: [String] = []) throws -> Tokenizer {
    let folder = try TemporaryFolder()
    try write(merges: merges, special: special, to: folder)
    return try Tokenizer(folder: folder.path)
  }
}

/// What suites have in common whose tests each read a tokenizer from a folder of their own.
class TokenizerFolderSuite {
  let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
  }

  /// The message of the error that reading the folder ends with, without the folder's path.
  func failure() -> String {
    do {
      _ = try Tokenizer(folder: folder.path)
      return "no error"
    } catch {
      return "\(error)".replacing(folder.path + "/", with: "").replacing(
        folder.path, with: "folder")
    }
  }
}

/// A generator that gives the same numbers every time.
struct FixedGenerator: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return (state ^ state >> 29) &* 0xBF58_476D_1CE4_E5B9
  }

  /// A text of up to `length` of `parts`.
  mutating func text(of parts: [String], upTo length: Int) -> String {
    (0..<Int.random(in: 1...length, using: &self)).map { _ in
      parts.randomElement(using: &self) ?? ""
    }.joined()
  }
}
