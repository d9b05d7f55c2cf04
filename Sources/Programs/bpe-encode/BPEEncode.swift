import BytePairEncoding
import CommandLineSupport
import CorpusFormat
import FileSupport
import JSONSupport
import TextSupport
import Threading
import TokenShardFormat

@main
struct BPEEncode: Program {
  static let name = "bpe-encode"
  static let abstract = "Turn cleaned text into shards of tokens, by byte-pair encoding as GPT-2's."
  static let discussion = """
    The output folder gets train-00000.bin and on, validation-00000.bin and on, tokenizer/ with the
    files that Hugging Face's AutoTokenizer loads, and manifest.json. It appears only when all of it
    is written, and takes the place of an older one.

    With --pack posts (the default) every line of the corpus is a post, and the end-of-text token
    follows each. A post belongs to validation if the CRC-32 of its bytes, divided by 2^32, is below
    --validation-fraction: so it stays where it is when posts are added. With --pack continuous the
    whole file is one text, its newlines with it, and nothing marks where a post ends; a
    --validation-fraction then takes the last tokens.

    The end-of-text token is the folder's eos_token, else </s>, else <|endoftext|>; it must be one
    that no text leads to. The configurations of rugpt3 of 2020 name the id 50256, an ordinary word.

    --inspect, --decode and --verify look at tokens and write no folder; what they find goes to
    standard output. --inspect shows a token a line: its place, id, number of bytes, and text, in
    which ␣ is a space, \\n a newline, <D0> a byte that is no whole character (half a Cyrillic letter,
    say) and <U+00A0> a character that cannot be seen. To a terminal it is a table, to a pipe lines
    parted by tabs. --decode prints the text itself, a newline for each end-of-text token; a character
    cut at an end of the range is U+FFFD. --verify names what it found good, and ends with status 65
    and the byte where something is not.

    examples:
      bpe-encode data/clean/run.txt -o data/tokens/run --tokenizer checkpoints/rugpt3small
      bpe-encode data/clean/run.txt -o data/tokens/run --vocab-size 8192
      bpe-encode posts.txt more.txt.gz -o tokens --tokenizer gpt2 --invalid-utf8 replace
      bpe-encode --inspect 'ПРИШЁЛ ДОМОЙ @' --tokenizer data/tokens/run
      printf 'а\\nб' | bpe-encode --inspect - --tokenizer gpt2 | cut -f 2
      bpe-encode --decode data/tokens/run/train-00000.bin --range 0..200
      bpe-encode --verify data/tokens/run
    """

  static let memoryAdvice = "Fewer --threads take less"

  @Arguments(
    help: "cleaned text in UTF-8, one post a line, packed with gzip or not; - is standard input",
    valueName: "corpus.txt", completion: .file)
  var corpus: [String] = []

  @Option(help: "folder that is written", short: "o", valueName: "folder", completion: .folder)
  var output: String?

  @Option(
    help: "folder with vocab.json and merges.txt, or tokenizer.json, or of token shards",
    valueName: "folder", defaultText: "a vocabulary is learnt from the corpus",
    completion: .folder)
  var tokenizer: String?

  @Option(
    help: "how many tokens a vocabulary that is learnt has at most", valueName: "count",
    defaultText: "16384", accepting: .atLeast(Trainer.smallestVocabulary))
  var vocabSize: Int?

  @Option(
    help: "how often a pair must occur to be merged in a vocabulary that is learnt",
    valueName: "count", defaultText: "2", accepting: .atLeast(1))
  var minFrequency: Int?

  @Option(
    help: "token that follows each post", valueName: "token",
    defaultText: "the tokenizer's eos_token, </s> or <|endoftext|>")
  var endOfText: String?

  @Option(
    help: "what is a text of its own: each post, or the whole file", defaultText: "posts")
  var pack: Packing?

  @Option(
    help: "which share is held back to measure the model on", valueName: "share",
    defaultText: "0.05, with --pack continuous 0",
    accepting: Constraint("a number from 0 to below 1") { 0 <= $0 && $0 < 1 })
  var validationFraction: Double?

  @Option(
    help: "how many tokens a shard has at most", valueName: "count", defaultText: "100000000",
    accepting: .within(1...TokenShardHeader.largestCount))
  var shardTokens: Int?

  @Option(
    help: "threads; they change the speed, not the result", valueName: "n",
    defaultText: "a physical core each", accepting: .within(1...1024))
  var threads: Int?

  @Option(
    help: "what becomes of bytes that are not UTF-8: an error, U+FFFD as in Python, or nothing",
    defaultText: "fail")
  var invalidUtf8: InvalidUTF8Policy?

  @Flag(help: "take the names of special tokens in the text for these tokens, not for text")
  var allowSpecial = false

  @Option(
    help: "how long the blocks of the training will be, for the statistics", valueName: "tokens",
    defaultText: "128, as gpt-finetune", accepting: .within(1...1_000_000))
  var blockSize: Int?

  @OptionGroup("Instead of encoding") var looking: LookingOptions

  func validate() throws {
    guard looking.given.isEmpty else { return try validateLooking() }
    if looking.range != nil { throw UsageError("--range belongs to --decode <shard>") }
    guard !corpus.isEmpty else {
      throw UsageError("missing argument <corpus.txt>: cleaned text in UTF-8, one post a line")
    }
    guard let output else { throw UsageError("missing option --output: folder that is written") }
    guard !output.isEmpty, output != "-" else { throw UsageError("--output: expected a folder") }
    if tokenizer != nil && (vocabSize != nil || minFrequency != nil) {
      throw UsageError("--tokenizer is used as it is; --vocab-size and --min-frequency learn one")
    }
    if corpus.contains("-") && (tokenizer == nil || corpus.count > 1) {
      throw UsageError(
        "standard input can be read only once: give it alone, and with --tokenizer")
    }
  }

  /// Checks that nothing is asked for that does not belong to looking at tokens.
  private func validateLooking() throws {
    let mode = looking.given[0]
    if looking.given.count > 1 {
      throw UsageError("\(looking.given.joined(separator: " and ")): give one at a time")
    }
    if let path = corpus.first {
      throw UsageError(
        "\(mode) encodes no corpus: leave out '\(path)', or leave out \(mode) to encode it")
    }
    let inspects = looking.inspect != nil
    let others = [
      ("--output", output != nil), ("--vocab-size", vocabSize != nil),
      ("--min-frequency", minFrequency != nil), ("--end-of-text", endOfText != nil),
      ("--pack", pack != nil), ("--validation-fraction", validationFraction != nil),
      ("--shard-tokens", shardTokens != nil), ("--block-size", blockSize != nil),
      ("--threads", threads != nil),
      ("--invalid-utf8", invalidUtf8 != nil && !inspects),
      ("--allow-special", allowSpecial && !inspects),
      ("--tokenizer", tokenizer != nil && looking.verify != nil),
      ("--range", looking.range != nil && looking.decode == nil),
    ]
    if let (option, _) = others.first(where: \.1) {
      throw UsageError("\(option) does not go with \(mode): leave one of them out")
    }
    if inspects && tokenizer == nil {
      throw UsageError(
        "--inspect needs --tokenizer: the folder of a tokenizer, a model or token shards")
    }
  }

  func run() throws {
    if let text = looking.inspect, let tokenizer {
      try Inspection(
        text: text, tokenizer: try Tokenizer(folder: ShardTokenizer.folder(of: tokenizer)),
        allowsSpecialTokens: allowSpecial, invalidUTF8: invalidUtf8 ?? .fail
      ).run()
    } else if let shard = looking.decode {
      try ShardDecoding(path: shard, range: looking.range, tokenizer: tokenizer).run()
    } else if let path = looking.verify {
      try Verification(path: path).run()
    } else if let output {
      try encode(into: try outputFolder(output))
    }
  }

  /// Begins the folder `path`, which must be one of token shards if it has files.
  private func outputFolder(_ path: String) throws -> OutputFolder {
    if Folder.exists(path), try !Folder.list(path).isEmpty, !TokenManifest.exists(in: path) {
      throw UsageError(
        "--output: \(path) has files but no \(TokenManifest.fileName) of token shards, "
          + "so it is not replaced; name another folder or remove it")
    }
    if let input = corpus.first(where: { Folder.contains(path, $0) }) {
      throw UsageError("--output: \(path) is replaced as a whole, and '\(input)' is in it")
    }
    return try OutputFolder(path: path)
  }

  private func encode(into output: OutputFolder) throws {
    let (tokenizer, source) = try preparedTokenizer()
    let packing = pack ?? .posts
    let encoding = CorpusEncoding(
      paths: corpus, packing: packing, tokenizer: tokenizer,
      endOfText: tokenizer.id(of: .end) ?? 0,
      validationFraction: validationFraction ?? (packing == .posts ? 0.05 : 0),
      tokensPerShard: shardTokens ?? 100_000_000, invalidUTF8: invalidUtf8 ?? .fail,
      allowsSpecialTokens: allowSpecial, blockSize: blockSize ?? 128,
      threads: threadCount)
    let (splits, statistics) = try run(encoding, into: output.partialPath)
    let manifest = TokenManifest(
      vocabularySize: tokenizer.count, tokenizerDigest: tokenizer.digest,
      endOfTextToken: tokenizer.roles[.end] ?? "", endOfText: encoding.endOfText, splits: splits,
      settings: encoding.settings(tokenizer: source),
      statistics: statistics.value(files: corpus))
    try manifest.write(to: output.partialPath)
    let isChanged = try output.commit()
    for line in statistics.table(files: corpus) { Log.raw(line) }
    Log.info(summary(of: manifest, in: output.path))
    if !isChanged { Log.info("\(output.path) is unchanged") }
  }

  /// Writes the shards and the tokenizer into `folder`, at the same time if there may be threads.
  private func run(_ encoding: CorpusEncoding, into folder: String) throws -> CorpusEncoding.Result
  {
    let tokenizer = encoding.tokenizer
    let tokenizerFolder = folder + "/" + TokenManifest.tokenizerFolder
    guard encoding.threads > 1 else {
      let result = try encoding.run(into: folder)
      try tokenizer.write(to: tokenizerFolder)
      return result
    }
    return try concurrently {
      try tokenizer.write(to: tokenizerFolder)
    } _: {
      try encoding.run(into: folder)
    }
  }

  /// The tokenizer with its end of text set, and what the manifest says of where it comes from.
  private func preparedTokenizer() throws -> (Tokenizer, JSONValue) {
    guard let folder = tokenizer else {
      let training = VocabularyTraining(
        paths: corpus, vocabularySize: vocabSize ?? 16384, minimumFrequency: minFrequency ?? 2,
        invalidUTF8: invalidUtf8 ?? .fail, threads: threadCount)
      var tokenizer = try training.run()
      try EndOfTextChoice(asked: endOfText, folder: corpus[0]).apply(to: &tokenizer)
      return (tokenizer, training.settings)
    }
    var tokenizer = try Tokenizer(folder: ShardTokenizer.folder(of: folder))
    try EndOfTextChoice(asked: endOfText, folder: folder).apply(to: &tokenizer)
    return (tokenizer, ["folder": .string(folder)])
  }

  private var threadCount: Int { threads ?? Processors.current.threadCount }

  private func summary(of manifest: TokenManifest, in folder: String) -> String {
    let parts = TokenSplit.allCases.compactMap { split -> String? in
      guard let contents = manifest.splits[split] else { return nil }
      let tokens = NumberText.count(Double(contents.tokens))
      let posts = contents.posts.map { " of \(NumberText.count(Double($0))) posts" } ?? ""
      return "\(split.rawValue) \(tokens) tokens\(posts)"
    }
    return "\(folder): " + parts.joined(separator: ", ")
  }
}

extension Packing: ArgumentValue {}
