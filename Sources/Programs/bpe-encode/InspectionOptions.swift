import CommandLineSupport
import CorpusFormat
import TokenShardFormat

/// The options that show or check tokens instead of writing shards.
struct InspectionOptions: ArgumentGroup {
  @Option(
    help: "show the tokens of this text, or of standard input if it is -; needs --tokenizer",
    valueName: "text")
  var inspect: String?

  @Option(
    help: "print the text of a shard, or of a --range in it", valueName: "shard",
    completion: .file)
  var decode: String?

  @Option(
    help: "tokens of the shard: A..B (from A up to but not including B), A.. or ..B",
    valueName: "range", defaultText: "all")
  var range: TokenRange?

  @Option(
    help: "check a shard, or all shards in a folder, against header, checksum and manifest",
    valueName: "shard|folder", completion: .file)
  var verify: String?

  /// The mutually exclusive options that were given.
  var given: [String] {
    [("--inspect", inspect), ("--decode", decode), ("--verify", verify)].compactMap {
      $0.1 == nil ? nil : $0.0
    }
  }
}

extension TokenRange: ArgumentValue {
  public init?(argument: String) { self.init(argument) }
  public static var accepted: String { "a range of tokens such as 10..20, 10.. or ..20" }
}

extension InvalidUTF8Policy: ArgumentValue {}
