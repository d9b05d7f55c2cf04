import BytePairEncoding
import CommandLineSupport
import FileSupport
import TextSupport
import TokenShardFormat

/// Checks shards, and tells of each what was found.
struct Verification {
  /// A shard, or a folder of them.
  let path: String

  func run() throws {
    guard Folder.exists(path) else { return report(try VerifiedShard(path: path)) }
    let folder = path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
    let manifest = try TokenManifest(folder: folder)
    var failure: (any Error)?
    for shard in try manifest.shardPaths(in: folder) {
      try Interruption.check()
      do {
        report(try VerifiedShard(path: shard))
      } catch {
        // The others are of interest nevertheless; the last failure ends the program.
        if let failure { Log.error("\(failure)") }
        failure = error
      }
    }
    if let failure { throw failure }
    try manifest.verifyEndsOfText(in: folder)
    try verifyTokenizer(of: manifest, in: folder)
    let counts = TokenSplit.allCases.compactMap { split in
      manifest.splits[split].map { contents in
        "\(split.rawValue) \(NumberText.count(Double(contents.tokens))) tokens"
          + (contents.posts.map { " of \(NumberText.count(Double($0))) posts" } ?? "")
      }
    }
    print("\(TokenManifest.fileName): \(counts.joined(separator: ", ")): good")
  }

  private func verifyTokenizer(of manifest: TokenManifest, in folder: String) throws {
    let path = folder + "/" + TokenManifest.tokenizerFolder
    let tokenizer = try Tokenizer(folder: path)
    guard tokenizer.digest == manifest.tokenizerDigest else {
      throw InputError(
        path,
        "the digest of the tokenizer is 0x\(NumberText.hexadecimal(tokenizer.digest)); "
          + "\(TokenManifest.fileName) says 0x\(NumberText.hexadecimal(manifest.tokenizerDigest))")
    }
    guard tokenizer.count == manifest.vocabularySize else {
      throw InputError(
        path,
        "the tokenizer has \(tokenizer.count) tokens; \(TokenManifest.fileName) says "
          + "\(manifest.vocabularySize)")
    }
    let end = manifest.endOfTextToken
    guard tokenizer.id(of: end) == manifest.endOfText else {
      let found = tokenizer.id(of: end).map { "has the id \($0)" } ?? "is not in the vocabulary"
      throw InputError(
        path,
        "the end of text '\(end)' \(found); \(TokenManifest.fileName) says \(manifest.endOfText)")
    }
    print(
      "\(TokenManifest.tokenizerFolder): \(NumberText.count(Double(tokenizer.count))) tokens, "
        + "digest 0x\(NumberText.hexadecimal(tokenizer.digest)): good")
  }

  private func report(_ shard: VerifiedShard) {
    let verdict =
      switch shard.reference {
      case .manifest where shard.isDescribed: "good"
      case .manifest: "good, by the manifest; its header does not say what the ids mean"
      case .header: "good, by its header; there is no manifest beside it"
      case .nothing: "whole; its header has no CRC, and there is no manifest beside it"
      }
    print(
      "\(Folder.name(of: shard.path)): \(NumberText.count(Double(shard.tokens))) tokens, "
        + "CRC 0x\(NumberText.hexadecimal(shard.checksum)): \(verdict)")
  }
}
