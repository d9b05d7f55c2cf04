import BytePairEncoding
import CommandLineSupport
import FileSupport
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

    examples:
      bpe-encode data/clean/run.txt -o data/tokens/run --tokenizer checkpoints/rugpt3small
      bpe-encode data/clean/run.txt -o data/tokens/run --vocab-size 8192
      bpe-encode posts.txt -o tokens --tokenizer gpt2 --end-of-text '<|endoftext|>'
    """

  @Arguments(
    help: "cleaned text in UTF-8, one post a line, packed with gzip or not; - is standard input",
    valueName: "corpus.txt", completion: .file)
  var corpus: [String]

  @Option(help: "folder that is written", short: "o", valueName: "folder", completion: .folder)
  var output: String

  @Option(
    help: "folder with vocab.json and merges.txt, or tokenizer.json", valueName: "folder",
    defaultText: "a vocabulary is learnt from the corpus", completion: .folder)
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

  @Option(help: "what is a text of its own: each post, or the whole file") var pack = Packing.posts

  @Option(
    help: "which share is held back to measure the model on", valueName: "share",
    defaultText: "0.05, with --pack continuous 0",
    accepting: Condition("a number from 0 to below 1") { 0 <= $0 && $0 < 1 })
  var validationFraction: Double?

  @Option(
    help: "how many tokens a shard has at most", valueName: "count",
    accepting: .within(1...TokenShardHeader.largestCount))
  var shardTokens = 100_000_000

  @Option(
    help: "threads; they change the speed, not the result", valueName: "n",
    defaultText: "a physical core each", accepting: .within(1...1024))
  var threads: Int?

  func validate() throws {
    guard !output.isEmpty, output != "-" else { throw UsageError("--output: expected a folder") }
    if tokenizer != nil && (vocabSize != nil || minFrequency != nil) {
      throw UsageError("--tokenizer is used as it is; --vocab-size and --min-frequency learn one")
    }
    if corpus.contains("-") && (tokenizer == nil || corpus.count > 1) {
      throw UsageError(
        "standard input can be read only once: give it alone, and with --tokenizer")
    }
  }

  func run() throws {
    let output = try OutputFolder(path: output)
    let (tokenizer, source) = try preparedTokenizer()
    let encoding = CorpusEncoding(
      paths: corpus, packing: pack, tokenizer: tokenizer,
      endOfText: tokenizer.id(of: .end) ?? 0,
      validationFraction: validationFraction ?? (pack == .posts ? 0.05 : 0),
      tokensPerShard: shardTokens, threads: threads ?? Processors.current.threadCount)
    let splits = try encoding.run(into: output.partialPath)
    try tokenizer.write(to: output.partialPath + "/" + TokenManifest.tokenizerFolder)
    let manifest = TokenManifest(
      vocabularySize: tokenizer.count, tokenizerDigest: tokenizer.digest,
      endOfTextToken: tokenizer.roles[.end] ?? "", endOfText: encoding.endOfText, splits: splits,
      settings: encoding.settings(tokenizer: source))
    try manifest.write(to: output.partialPath)
    try output.commit()
    Log.info(summary(of: manifest))
  }

  /// The tokenizer with its end of text set, and what the manifest says of where it comes from.
  private func preparedTokenizer() throws -> (Tokenizer, JSONValue) {
    guard let folder = tokenizer else {
      let training = VocabularyTraining(
        paths: corpus, vocabularySize: vocabSize ?? 16384, minimumFrequency: minFrequency ?? 2)
      var tokenizer = try training.run()
      try EndOfTextChoice(asked: endOfText, folder: corpus[0]).apply(to: &tokenizer)
      return (tokenizer, training.settings)
    }
    var tokenizer = try Tokenizer(folder: folder)
    try EndOfTextChoice(asked: endOfText, folder: folder).apply(to: &tokenizer)
    return (tokenizer, ["folder": .string(folder)])
  }

  private func summary(of manifest: TokenManifest) -> String {
    let parts = TokenSplit.allCases.compactMap { split -> String? in
      guard let contents = manifest.splits[split] else { return nil }
      let tokens = Progress.countText(Double(contents.tokens))
      let posts = contents.posts.map { " of \(Progress.countText(Double($0))) posts" } ?? ""
      return "\(split.rawValue) \(tokens) tokens\(posts)"
    }
    return "\(output): " + parts.joined(separator: ", ")
  }
}

extension Packing: ArgumentValue {}
