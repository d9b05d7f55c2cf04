import BytePairEncoding
import FileSupport
import TextSupport
import TokenShardFormat

/// A shard with the tokenizer that turns it back into text.
public struct ShardDecoding {
  public let shard: TokenShard
  private let tokenizer: Tokenizer
  /// The token that ends a text; `nil` if nothing names one.
  private let endOfText: UInt32?

  /// The number of tokens that are decoded at a time.
  private static let tokensPerPart = 1 << 16

  /// Opens the shard at `path` with the tokenizer of the model or in the folder `asked`, or else the one beside the shard.
  ///
  /// What the shard's header does not contain is read from the manifest beside it.
  ///
  /// - Throws: `InputError` if there is no tokenizer, or not the one that the shard was made with.
  ///   A tokenizer that was asked for may differ; `warn` then receives the error. `FileError`.
  public init(path: String, asked: String?, warn: (InputError) -> Void) throws {
    // Even a damaged shard can be decoded.
    shard = try TokenShard(path: path, verifyingContents: false)
    let parent = Folder.parent(of: shard.path)
    let manifest = try TokenManifest.exists(in: parent) ? TokenManifest(folder: parent) : nil
    guard asked != nil || manifest != nil else {
      throw InputError(
        shard.path,
        "there is no \(TokenManifest.fileName) beside it that leads to its tokenizer; "
          + "name one with --tokenizer")
    }
    func fail(_ error: InputError, _ remedy: String) throws {
      guard asked != nil else {
        throw InputError(error.path, error.place, error.problem + remedy)
      }
      warn(error)
    }
    do {
      try manifest?.check(shard, verifyingContents: false)
    } catch let error as InputError {
      try fail(error, "; to decode it anyway, name the tokenizer with --tokenizer")
    }
    let folder = try tokenizerFolder(asked ?? parent)
    tokenizer = try Tokenizer(model: folder)
    let description = shard.header.description
    if let digest = description?.tokenizerDigest ?? manifest?.tokenizerDigest,
      digest != tokenizer.digest
    {
      try fail(
        InputError(folder, "not the tokenizer that \(shard.path) was made with"),
        "; name it with --tokenizer")
    }
    endOfText = description?.endOfText ?? manifest?.endOfText ?? tokenizer.endOfText
  }

  /// Calls `write` with the text of the tokens `range`, part by part.
  ///
  /// - Throws: `InputError` at an id that is not in the vocabulary; what `write` throws.
  public func decode(_ range: Range<Int>, write: ([UInt8]) throws -> Void) throws {
    var decoder = ExcerptDecoder(tokenizer, endOfText: endOfText)
    var ids = [UInt32](repeating: 0, count: min(Self.tokensPerPart, range.count))
    var bytes: [UInt8] = []
    for start in stride(from: range.lowerBound, to: range.upperBound, by: Self.tokensPerPart) {
      let part = start..<min(start + Self.tokensPerPart, range.upperBound)
      ids.withUnsafeMutableBufferPointer { shard.copy(part, to: $0) }
      for (index, id) in ids[..<part.count].enumerated() where id >= tokenizer.count {
        let offset = TokenShardHeader.byteCount + (start + index) * shard.header.bytesPerToken
        throw InputError(
          shard.path, .byte(offset),
          "the id \(id) is not in the tokenizer's vocabulary of \(tokenizer.count)")
      }
      decoder.append(ids[..<part.count], into: &bytes)
      try write(bytes)
      bytes.removeAll(keepingCapacity: true)
    }
    decoder.finish(into: &bytes)
    try write(bytes)
  }
}

/// The tokenizer folder that `folder` refers to, which may be a folder of token shards.
///
/// - Throws: `FileError` if that cannot be read.
public func tokenizerFolder(_ folder: String) throws -> String {
  try TokenManifest.exists(in: folder) ? folder + "/" + TokenManifest.tokenizerFolder : folder
}

extension TokenManifest {
  /// Checks that the tokenizer in `folder`, which is the folder of the manifest, is the one the
  /// shards were made with.
  ///
  /// - Throws: `InputError` if it is not; `FileError`.
  public func verifiedTokenizer(in folder: String) throws -> Tokenizer {
    let path = folder + "/" + Self.tokenizerFolder
    let tokenizer = try Tokenizer(folder: path)
    guard tokenizer.digest == tokenizerDigest else {
      throw InputError(
        path,
        "the digest of the tokenizer is 0x\(NumberText.hexadecimal(tokenizer.digest)); "
          + "\(Self.fileName) says 0x\(NumberText.hexadecimal(tokenizerDigest))")
    }
    guard tokenizer.count == vocabularySize else {
      throw InputError(
        path,
        "the tokenizer has \(tokenizer.count) tokens; \(Self.fileName) says \(vocabularySize)")
    }
    guard tokenizer.id(of: endOfTextToken) == endOfText else {
      let found =
        tokenizer.id(of: endOfTextToken).map { "has the id \($0)" } ?? "is not in the vocabulary"
      throw InputError(
        path, "the end of text '\(endOfTextToken)' \(found); \(Self.fileName) says \(endOfText)")
    }
    return tokenizer
  }
}
