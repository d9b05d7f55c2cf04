import BytePairEncoding
import CommandLineSupport
import CorpusEncoding
import FileSupport
import TextSupport
import TokenShardFormat

/// Checks shards and prints what was found for each.
struct Verification {
  /// A shard, or a folder of them.
  let path: String

  func run() throws {
    guard Folder.exists(path) else { return printResult(try VerifiedShard(path: path)) }
    let folder = Folder.trimmed(path)
    let manifest = try TokenManifest(folder: folder)
    var failure: (any Error)?
    for shard in try manifest.shardPaths(in: folder) {
      try Interruption.check()
      do {
        printResult(try VerifiedShard(path: shard))
      } catch {
        // The other shards are checked too; the last failure ends the program.
        if let failure { Log.error("\(failure)") }
        failure = error
      }
    }
    if let failure { throw failure }
    try manifest.verifyEndsOfText(in: folder)
    let tokenizer = try manifest.verifiedTokenizer(in: folder)
    print(
      "\(TokenManifest.tokenizerFolder): \(NumberText.count(Double(tokenizer.count))) tokens, "
        + "digest 0x\(NumberText.hexadecimal(tokenizer.digest)): good")
    print("\(TokenManifest.fileName): \(manifest.summary): good")
  }

  private func printResult(_ shard: VerifiedShard) {
    let verdict =
      switch shard.reference {
      case .manifest where shard.isDescribed: "good"
      case .manifest: "good according to the manifest; its header does not say what the ids mean"
      case .header: "good according to its header; there is no manifest beside it"
      case .nothing: "complete; its header has no CRC, and there is no manifest beside it"
      }
    print(
      "\(Folder.name(of: shard.path)): \(NumberText.count(Double(shard.tokens))) tokens, "
        + "CRC 0x\(NumberText.hexadecimal(shard.checksum)): \(verdict)")
  }
}
